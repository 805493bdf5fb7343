import { check, checkFunction } from "./argument.js";
import { abortable, startDeadline } from "./clock.js";
import { failure, invalidResponse, toError, unsupported } from "./error.js";
import { unanswered } from "./network.js";
import { maxSmallResponse, type Reading, readJson } from "./response.js";
import type { Fetch } from "./types.js";
import { version } from "./version.js";
import { decode, encode, type Rpc } from "./wire.js";

/** How one request is sent. @internal */
export interface Sending {
  signal?: AbortSignal | undefined;
  /** A time limit of its own, in whole milliseconds; 0 for none. */
  timeoutMs?: number | undefined;
  headers?: Headers | Record<string, string> | undefined;
  /** The request as it was encoded already. */
  body?: string;
}

/** Sends a request once, and resolves with its response. @internal */
export type Bare = <Q, A>(
  rpc: Rpc<Q, A>,
  request: Q,
  sending?: Sending,
) => Promise<[answer: A, headers: Headers]>;

/** The installation that a client talks to, and how it is reached. @internal */
export interface Base {
  readonly url: string;
  /**
   * Returns a function that sends requests without credentials and retries. `cookies`
   * sends the origin's cookies; `most` limits responses, in bytes: 1 MiB by default.
   */
  bare(cookies: boolean, most?: number): Bare;
  /** Sends a request without following redirects. */
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** Returns how a response of at most so many bytes is read. */
  reading(most: number): Reading;
}

/** Called behind each call that succeeds, with its base URL. @internal */
export const behindCalls = /* @__PURE__ */ new Set<(url: string) => unknown>();

export interface BaseOptions {
  /** An https URL; plain http is for loopback addresses. */
  baseUrl: string;
  /**
   * Allows plain http also for the names and addresses of private networks, such as
   * `http://openwearables.default.svc`: names of one label, names in `local`, `internal`,
   * `svc` and `cluster.local`, and private and link-local addresses. Whoever listens in
   * that network reads the credentials and the data: use it where all of it is trusted,
   * such as inside a cluster.
   */
  allowInsecurePrivateNetwork?: boolean;
  /** Replaces the global fetch. It gets `redirect: "manual"` and must not follow redirects. */
  fetch?: Fetch;
}

const loopback = /^(localhost|127\.[\d.]+|\[::1\]|\[::ffff:7f\w\w:\w+\])$/;
// fc00::/7, fe80::/10, the private and link-local addresses of IPv4, and those in IPv6.
const privateAddress =
  /^((10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\.[\d.]+$|\[(f[cd]\w\w|fe[89ab]\w|::ffff:(a\w\w|c0a8|a9fe|ac1\w)):)/;
const privateName = /^[\w-]*[a-z][\w-]*\.?$|\.(local|internal|svc)\.?$/;

/**
 * Returns the normal form of a base URL.
 *
 * @throws OpenWearablesError of kind `invalid` if it is not safe
 */
export function parseBase({ baseUrl, allowInsecurePrivateNetwork: near }: BaseOptions): string {
  const must = (ok: unknown, message: string) => check(ok, `it must ${message}`, "baseUrl");
  let u: URL | undefined;
  let [protocol, host, more, url] = ["", "", "", ""];
  try {
    u = new URL(baseUrl);
    protocol = u.protocol;
    host = u.hostname.slice(0);
    more = u.username + u.password + u.search + u.hash;
    url = u.origin + u.pathname.replace(/\/+$/, "");
  } catch {
    must(u, "be absolute, such as https://api.example.com");
    throw unsupported("complete URL"); // React Native has getters that throw
  }
  must(/^https?:/.test(protocol), "begin with https://");
  must(!more && !/[?#]$/.test(baseUrl), "be a scheme, a host and at most a path");
  const isNear = near && (privateAddress.test(host) || privateName.test(host));
  must(
    protocol === "https:" || loopback.test(host) || isNear,
    `begin with https://: plain http is for loopback addresses${near ? " and private ones" : ", and with allowInsecurePrivateNetwork for private ones"}`,
  );
  return url;
}

/** @internal */
export function createBase(options: BaseOptions): Base {
  check(options && typeof options === "object", "give an object with a baseUrl", "options");
  const url = parseBase(options);
  const { fetch: custom } = options;
  checkFunction(custom, "fetch");
  const own = custom !== undefined;
  const reading = (most: number): Reading => ({
    most,
    own,
    hint: (status) => pathHint(url, status),
  });
  const base: Base = {
    url,
    reading,
    async fetch(to, init) {
      const fetch = custom ?? globalThis.fetch;
      try {
        return await abortable(
          init.signal ?? undefined,
          fetch(to, { ...init, redirect: "manual" }),
        );
      } catch (e) {
        throw unanswered(e, own);
      }
    },
    bare:
      (cookies, most = maxSmallResponse) =>
      async (rpc, request, { signal: parent, timeoutMs = 0, headers: more, body } = {}) => {
        body ??= JSON.stringify(encode(rpc.input, request));
        const { signal, done } = startDeadline(parent, timeoutMs, late);
        const headers = new Headers(more as HeadersInit);
        headers.set("Content-Type", "application/json");
        headers.set("Connect-Protocol-Version", "1");
        if (timeoutMs) {
          headers.set("Connect-Timeout-Ms", String(timeoutMs));
        }
        identify(headers);
        const credentials = cookies ? "include" : "omit";
        try {
          const init = { method: "POST", headers, body, signal, credentials } as const;
          const res = await base.fetch(`${url}/${rpc.path}`, init);
          const json = await abortable(signal, readJson(res, reading(most)));
          return [read(rpc, json), res.headers];
        } catch (e) {
          throw signal.aborted ? signal.reason : toError(e);
        } finally {
          done();
        }
      },
  };
  return base;
}

function read<Q, A>(rpc: Rpc<Q, A>, json: unknown): A {
  try {
    return decode(rpc.output, json) as A;
  } catch (e) {
    throw invalidResponse(`the response is incomplete or wrong: ${(e as Error).message}`);
  }
}

/** Returns the error of a call whose time is over. @internal */
export const late = () => failure("timeout", "the deadline passed");

/** Returns what the base URL should be, if its path may be why something else answered. */
function pathHint(url: string, status: number): string {
  const [, origin, path] = /^(\w+:\/\/[^/]*)(.*)/.exec(url) as string[];
  if (!path || (status >= 400 && status !== 404 && status !== 405)) {
    return "";
  }
  const rest = url.replace(/\/api(\/v\d+)?$/, "");
  const right = rest === url ? origin : rest;
  return `; the base URL ends in ${path}: it should be ${right}, unless a proxy serves the API there`;
}

/** Says who sends a request. Browsers send a User-Agent of their own. @internal */
export function identify(headers: Headers): void {
  headers.set("X-User-Agent", `openwearables-ts/${version} api/1`);
  if (agent) {
    headers.set("User-Agent", agent);
  }
}

const agent =
  !isBrowser() && typeof process === "object" && process.version
    ? `openwearables-ts/${version} (${process.release?.name ?? "js"} ${process.version}; ${process.platform})`
    : "";

/** Reports whether the code runs in a browser, where the user can read all of it. */
export function isBrowser(): boolean {
  const { WorkerGlobalScope: worker } = globalThis as { WorkerGlobalScope?: unknown };
  return typeof document === "object" || (!!worker && typeof location === "object");
}
