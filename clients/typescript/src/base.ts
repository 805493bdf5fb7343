import type { Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { foreignHeader, invalid, isRedirect } from "./error.js";
import { answer, bounded, maxSmallResponse } from "./response.js";

/** The installation that a client talks to, and how it is reached. */
export interface Base {
  readonly url: string;
  /**
   * Returns a transport without credentials, deadlines and retries. `cookies` sends the
   * origin's cookies; `most` limits responses, in bytes: 1 MiB by default.
   */
  bare(cookies: boolean, most?: number): Transport;
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
    bare: (cookies, most = maxSmallResponse) =>
      createConnectTransport({
        baseUrl: url,
        useBinaryFormat: true,
        binaryOptions: { readUnknownFields: false },
        fetch: async (input, init) => {
          const res = await send(custom ?? globalThis.fetch, input, init, cookies);
          return isOwn(res) ? bounded(res, most) : markForeign(res);
        },
      }),
  };
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
    cache: "no-store",
    credentials: cookies ? "include" : "omit",
  });
}

/** Reports whether a response has the form of the API's: a message, a stream or an error. */
function isOwn({ status, headers }: Response): boolean {
  const form = status === 200 ? /^application\/(proto|connect\+)/ : /^application\/json/;
  return form.test(headers.get("content-type") ?? "") && !isRedirect(status);
}

/** Discards the body of a response that did not come from the API, and marks its headers. */
function markForeign(res: Response): Response {
  void res.body?.cancel().catch(() => {});
  const status = res.status || 302; // browsers hide the status of a redirect
  const headers = new Headers(res.headers);
  headers.set(foreignHeader, String(status));
  // The transport derives the Connect code from the status.
  return answer({ status, headers, json: async () => ({}) });
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
