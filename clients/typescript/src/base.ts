import type { Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { invalid } from "./error.js";
import { unanswered } from "./network.js";
import { bounded, maxSmallResponse } from "./response.js";

/** The installation that a client talks to, and how it is reached. */
export interface Base {
  readonly url: string;
  /**
   * Returns a transport without credentials, deadlines and retries. `cookies` sends the
   * origin's cookies; `most` limits responses, in bytes: 1 MiB by default.
   */
  bare(cookies: boolean, most?: number): Transport;
}

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
  fetch?: typeof globalThis.fetch;
}

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]+\])$/;
// fc00::/7, fe80::/10, the private and link-local addresses of IPv4, and those in IPv6.
const privateAddress =
  /^((10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\.[\d.]+$|\[f[cd][\da-f]{2}:|\[fe[89ab][\da-f]:|\[::ffff:(a[\da-f]{2}|c0a8|a9fe|ac1[\da-f]):)/;
const privateName = /^[a-z\d_-]*[a-z][a-z\d_-]*\.?$|\.(local|internal|svc)\.?$/;

/**
 * Returns the normal form of a base URL.
 *
 * @throws OpenWearablesError of kind `invalid` if it is not safe
 */
export function parseBase({ baseUrl, allowInsecurePrivateNetwork }: BaseOptions): string {
  const wrong = (message: string) => invalid(message, "baseUrl");
  let u: URL;
  try {
    u = new URL(baseUrl);
  } catch {
    throw wrong("the base URL must be absolute, such as https://api.example.com");
  }
  if (u.protocol !== "https:" && u.protocol !== "http:") {
    throw wrong("the base URL must begin with https://");
  }
  if (u.username || u.password || u.search || u.hash || /[?#]$/.test(baseUrl)) {
    throw wrong(
      "the base URL must be a scheme, a host and at most a path, such as https://api.example.com",
    );
  }
  const host = u.hostname;
  const near = allowInsecurePrivateNetwork && (privateAddress.test(host) || privateName.test(host));
  if (u.protocol === "http:" && !loopback.test(host) && !near) {
    const where = allowInsecurePrivateNetwork
      ? "loopback and private addresses"
      : "loopback addresses, and for private ones with allowInsecurePrivateNetwork,";
    throw wrong(`the base URL must begin with https://: plain http is for ${where} only`);
  }
  return u.origin + u.pathname.replace(/\/+$/, "");
}

export function createBase(options: BaseOptions): Base {
  if (!options || typeof options !== "object") {
    throw invalid("give an object with a baseUrl", "options");
  }
  const url = parseBase(options);
  const { fetch: custom } = options;
  if (custom !== undefined && typeof custom !== "function") {
    throw invalid("it must be a function", "fetch");
  }
  const own = custom !== undefined;
  return {
    url,
    bare: (cookies, most = maxSmallResponse) =>
      createConnectTransport({
        baseUrl: url,
        useBinaryFormat: true,
        binaryOptions: { readUnknownFields: false },
        fetch: async (input, init) => {
          const sent = send(custom ?? globalThis.fetch, input, init, cookies);
          const res = await sent.catch((e) => {
            throw unanswered(e, own);
          });
          return bounded(res, { most, own, hint: (status) => pathHint(url, status) });
        },
      }),
  };
}

/** Returns what the base URL should be, if its path may be why something else answered. */
function pathHint(url: string, status: number): string {
  const { origin, pathname } = new URL(url);
  if (pathname === "/" || (status >= 400 && status !== 404 && status !== 405)) {
    return "";
  }
  const rest = pathname.replace(/\/api(\/v\d+)?$/, "");
  const right = rest === pathname ? origin : origin + rest;
  return `; the base URL ends in ${pathname}: it should be ${right}, unless a proxy serves the API below that path`;
}

/** Sends a request without following redirects. */
async function send(
  fetch: typeof globalThis.fetch,
  input: RequestInfo | URL,
  init: RequestInit | undefined,
  cookies: boolean,
): Promise<Response> {
  if (agent && init?.headers instanceof Headers) {
    init.headers.set("User-Agent", agent); // Connect creates new headers for each request
  }
  return fetch(input, {
    ...init,
    redirect: "manual",
    credentials: cookies ? "include" : "omit",
  });
}

/** The version of this package, also sent in the user agent. */
export const version = "0.1.0";

const agent =
  !isBrowser() && typeof process === "object" && process.version
    ? `openwearables-ts/${version} (${process.release?.name ?? "js"} ${process.version}; ${process.platform})`
    : ""; // browsers send their own user agent

/** Reports whether the code runs in a browser, where the user can read all of it. */
export function isBrowser(): boolean {
  const { WorkerGlobalScope: worker } = globalThis as { WorkerGlobalScope?: unknown };
  return typeof document === "object" || (!!worker && typeof location === "object");
}
