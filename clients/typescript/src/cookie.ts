import { bind, type Session, session, within } from "./auth.js";
import { createBase } from "./base.js";
import { type Clock, systemClock } from "./clock.js";
import { Engine } from "./engine/engine.js";
import { lockTimeout } from "./engine/verdict.js";
import { TokenRpc } from "./rpc.js";
import { cookieStore } from "./store/cookie.js";

/** A developer's session whose refresh token no script can read. */
export interface CookieSession extends Omit<Session, "signIn"> {
  /** Signs in, in place of anybody else. @throws OpenWearablesError, reason `invalid_credentials` */
  login(credentials: { email: string; password: string }): Promise<void>;
}

export interface CookieSessionOptions {
  baseUrl: string;
  fetch?: typeof globalThis.fetch;
}

/**
 * Returns the session of a dashboard: the refresh token is in an httpOnly cookie
 * of the API's site, the access token in the memory of the origin's tabs, which
 * renew it once for all of them. Page and API must be of one site, and the page's
 * origin one that the server allows (`--allowed-origins`).
 */
export function cookieSession(options: CookieSessionOptions): CookieSession {
  return cookieSessionAt(options, systemClock);
}

/** The same by another clock. */
export function cookieSessionAt(options: CookieSessionOptions, clock: Clock): CookieSession {
  const base = createBase(options.baseUrl, options.fetch);
  const rpc = new TokenRpc(base.bare(true), base.url, clock, true);
  const store = cookieStore(base.url);
  const made = session((emitter) => new Engine(base.url, store, rpc, clock, emitter));
  made.session[bind](base);
  const { signIn: _, ...rest } = made.session;
  return {
    ...rest,
    async login({ email, password }) {
      const engine = made.engine();
      await engine.core.flight; // its answer would set the cookie of the session before
      const lock = within(lockTimeout, async (signal) => store.lock?.(signal));
      const unlock = await lock.catch(() => undefined);
      try {
        await engine.signIn(await within(30_000, (s) => rpc.login(email, password, s)));
      } finally {
        unlock?.();
      }
    },
  };
}
