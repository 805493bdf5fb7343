/**
 * For a server that keeps the session of a page in a cookie of its own origin, out of
 * reach of scripts, and makes the calls for it.
 */
import { serialStore } from "./store/keyvalue.js";
import type { Store } from "./store/store.js";

/** How a cookie is set. */
export interface CookieOptions {
  httpOnly: boolean;
  secure: boolean;
  sameSite: "lax";
  path: string;
  /** Seconds; 0 removes the cookie. */
  maxAge: number;
}

/** The cookies of one request and its response, such as those of Next.js or SvelteKit. */
export interface CookieJar {
  get(name: string): string | undefined | Promise<string | undefined>;
  /** Without it the response sets no cookies any more, and the session is not renewed. */
  set?(name: string, value: string, options: CookieOptions): unknown;
}

export interface CookieStoreOptions {
  /** The name of the cookie, by default `ow_session`. */
  name?: string;
  /** How long the browser keeps it, in seconds: 30 days by default. */
  maxAge?: number;
  /** false for plain http on a developer's machine. */
  secure?: boolean;
}

/** In characters. Browsers drop a cookie of more than 4096 bytes with its name and options. */
const longest = 3_800;

/**
 * Returns a store in a cookie. Create one, and a session and a client of it, for each
 * request: a store of two requests would mix their users.
 */
export function cookieStore(
  jar: CookieJar,
  { name = "ow_session", maxAge = 30 * 86_400, secure = true }: CookieStoreOptions = {},
): Store {
  let held: Promise<string | undefined> | undefined;
  const load = () => {
    held ??= Promise.resolve(jar.get(name)).then(decode);
    return held;
  };
  const write = async (next: string | undefined) => {
    if (!jar.set) {
      throw new Error("the response sets no cookies here");
    }
    const value = next === undefined ? "" : encode(next);
    if (value.length > longest) {
      throw new Error("the session is too long for a cookie");
    }
    const options = { httpOnly: true, secure, sameSite: "lax", path: "/" } as const;
    await jar.set(name, value, { ...options, maxAge: next === undefined ? 0 : maxAge });
    held = Promise.resolve(next);
  };
  return { ...serialStore(load, write), readOnly: !jar.set };
}

function encode(record: string): string {
  const bytes = new TextEncoder().encode(record);
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
}

/** Returns the record of a cookie, undefined for what is none: whoever sent it is signed out. */
function decode(cookie: string | undefined): string | undefined {
  try {
    const text = atob((cookie ?? "").replace(/-/g, "+").replace(/_/g, "/"));
    const record = new TextDecoder().decode(Uint8Array.from(text, (c) => c.charCodeAt(0)));
    return JSON.parse(record).version ? record : undefined;
  } catch {
    return undefined;
  }
}
