import type { Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { foreignHeader, invalid } from "./error.js";

/** The installation that a client talks to, and how it is reached. */
export interface Base {
  readonly url: string;
  /**
   * Returns a transport without credentials, deadlines and retries; `cookies` sends the
   * origin's cookies.
   */
  bare(cookies: boolean): Transport;
}

/**
 * Returns the normal form of a base URL.
 *
 * @throws OpenWearablesError of kind `invalid` if it is not safe
 */
export function parseBase(baseUrl: string): string {
  let u: URL;
  try {
    u = new URL(baseUrl);
  } catch {
    throw invalid("the base URL must be absolute, such as https://api.example.com");
  }
  if (u.protocol !== "https:" && u.protocol !== "http:") {
    throw invalid("the base URL must begin with https://");
  }
  if (u.username || u.password || u.search || u.hash || /[?#]$/.test(baseUrl)) {
    throw invalid(
      "the base URL must be a scheme, a host and at most a path, such as https://api.example.com",
    );
  }
  if (u.protocol === "http:" && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(u.hostname)) {
    throw invalid(
      "the base URL must begin with https://: plain http is for loopback addresses only",
    );
  }
  return u.origin + u.pathname.replace(/\/+$/, "");
}

export function createBase(baseUrl: string, custom?: typeof globalThis.fetch): Base {
  const url = parseBase(baseUrl);
  return {
    url,
    bare: (cookies) =>
      createConnectTransport({
        baseUrl: url,
        useBinaryFormat: true,
        fetch: (input, init) => send(custom ?? globalThis.fetch, input, init, cookies),
      }),
  };
}

/**
 * Sends a request without following redirects, and marks a response that did not come
 * from the API.
 */
async function send(
  fetch: typeof globalThis.fetch,
  input: RequestInfo | URL,
  init: RequestInit | undefined,
  cookies: boolean,
): Promise<Response> {
  if (agent && init?.headers instanceof Headers) {
    init.headers.set("User-Agent", agent); // Connect creates new headers for each request
  }
  const res = await fetch(input, {
    ...init,
    redirect: "error",
    cache: "no-store",
    credentials: cookies ? "include" : "omit",
  });
  const type = res.headers.get("content-type") ?? "";
  if (/^application\/(json|proto|connect\+|grpc)/.test(type)) {
    return res;
  }
  void res.body?.cancel().catch(() => {});
  const marked = new Headers(res.headers);
  marked.set(foreignHeader, String(res.status));
  // The transport reads only these members, and derives the Connect code from the status.
  return { status: res.status, headers: marked, body: null } as Response;
}

/** The version of this package, also sent in the user agent. */
export const version = "0.1.0";

const agent =
  !isBrowser() && typeof process === "object"
    ? `openwearables-ts/${version} (${process.release?.name ?? "js"} ${process.version}; ${process.platform})`
    : ""; // browsers send their own user agent

/** Reports whether the code runs in a browser, where the user can read all of it. */
export function isBrowser(): boolean {
  return (
    typeof document === "object" ||
    typeof (globalThis as { importScripts?: unknown }).importScripts === "function"
  );
}
