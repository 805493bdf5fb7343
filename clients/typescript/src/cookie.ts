import { type AnySession, bind, session, type UserSession } from "./auth.js";
import { type BaseOptions, createBase, isBrowser, type Sending } from "./base.js";
import { type Clock, systemClock } from "./clock.js";
import { sharedCore } from "./engine/core.js";
import { createEngine } from "./engine/engine.js";
import { randomKey, type Session as Stored } from "./engine/record.js";
import { forget } from "./engine/revocation.js";
import { signedOut } from "./error.js";
import type { Pair } from "./pair.js";
import { login, TokenRpc } from "./rpc.js";
import {
  type FirstDeveloper,
  type TokenPair as Message,
  sessionService,
  setupService,
} from "./schema/schema.js";
import { cookieStore, inCookie } from "./store/cookie.js";
import type { GuardedStore } from "./store/store.js";
import type { Rpc } from "./wire.js";

/** A developer's session whose refresh token is out of reach of scripts. */
export interface CookieSession extends AnySession {
  /** Signs in, in place of any other session. Rejects with the reason `invalid_credentials`. */
  login(credentials: { email: string; password: string }): Promise<void>;
  /**
   * Creates the first developer of an installation and signs in as login does. The token
   * is the end of the setup address that the server prints.
   */
  createFirstDeveloper(first: { token: string; email: string; password: string }): Promise<void>;
}

export type CookieSessionOptions = BaseOptions;

/**
 * Returns the session of a dashboard: the refresh token is in an httpOnly cookie
 * of the API's site, the access token in the memory of the origin's tabs, which
 * renew it once for all of them. Page and API must be of the same site, and the
 * server must allow the page's origin (`--allowed-origins`).
 */
export function cookieSession(options: CookieSessionOptions): CookieSession {
  return cookieSessionAt(options, systemClock);
}

/** Returns the same as cookieSession, with the given clock. @internal */
export function cookieSessionAt(options: CookieSessionOptions, clock: Clock): CookieSession {
  const base = createBase(options);
  warnOfTwoSites(new URL(base.url).hostname);
  const rpc = new CookieRpc(base.bare(true), base.url, clock);
  const store = cookieStore(base.url);
  const made = session((emitter) =>
    createEngine(sharedCore(store, base.url, clock), store, rpc, emitter),
  );
  made.session[bind](base);
  delete (made.session as Partial<UserSession>).signIn;
  const begin = async <Q>(by: Begin<Q>, request: Q) => {
    const engine = made.engine();
    await engine.core.renewal?.catch(() => {}); // its response would set the cookie of the old session
    const unlock = await engine.store.lock();
    try {
      if (forget(base.url, inCookie)) {
        await rpc.revoke().catch(() => {}); // now, while the cookie is that of the old session
      }
      await engine.signIn(await rpc.begin(by, request));
    } finally {
      unlock?.();
    }
  };
  // A copy would lose the getter of the state.
  return Object.assign(made.session, {
    login: async ({ email, password }: { email: string; password: string }) =>
      begin(sessionService("Login"), { email, password }),
    createFirstDeveloper: async ({ token, email, password }: FirstDeveloper) =>
      begin(setupService("CreateFirstDeveloper"), { token, email, password }),
  });
}

/** A method that signs in. */
type Begin<Q> = Rpc<Q & { useCookie: boolean }, { tokens: Message }>;

/** Says so on the console if page and API are of two sites: the browser then keeps no cookie. */
function warnOfTwoSites(api: string): void {
  const page = (isBrowser() && globalThis.location?.hostname) || api;
  // An address has no other names; of a name the last two labels tell enough.
  const site = (host: string) =>
    /[\d\]]$/.test(host) ? host : host.split(".").slice(-2).join(".");
  if (site(page) !== site(api)) {
    console.warn(
      `Open Wearables: the page is at ${page} and the API at ${api}, which are two sites. The browser drops the cookie of the session, and the next reload signs out: use the same name for both. localhost is not 127.0.0.1.`,
    );
  }
}

/** The token calls of a cookie session: the browser keeps the refresh token. */
class CookieRpc extends TokenRpc {
  override readonly placeholder = inCookie;
  /** The refresh under way; its response may set the cookie. */
  #refreshing: Promise<unknown> | undefined;

  override async refresh(s: Stored, signal: AbortSignal): Promise<Stored> {
    const key = s.record.retry_key;
    const refreshed = this.receive(
      s.record,
      key,
      async (sending) => {
        const got = await this.bare(
          sessionService("RefreshToken"),
          { useCookie: true },
          { ...sending, signal },
        );
        if (got[0].signedOut) {
          throw signedOut(); // the request had no cookie
        }
        return got;
      },
      key,
    );
    this.#refreshing = refreshed.catch(() => {});
    return refreshed;
  }

  begin<Q>(by: Begin<Q>, given: Q): Promise<Stored> {
    const request = { ...given, useCookie: true };
    return login(undefined, (key, signal) => {
      const call = (s: Sending) => this.bare(by, request, { ...s, signal });
      return this.receive({ id: randomKey() }, key, call, randomKey());
    });
  }

  override async revoke(_?: string, attempts?: number): Promise<void> {
    await this.#refreshing;
    await super.revoke("", attempts);
  }

  /** Revokes the session of the browser's cookie, unless a tab has signed in since. */
  override async revokeLater(_: string, store: GuardedStore): Promise<void> {
    const unlock = await store.lock();
    try {
      if (!(await store.load())) {
        await this.revoke("", 1);
      }
    } finally {
      unlock?.();
    }
  }

  override discard(): void {
    // The cookie belongs to the session that came in between.
  }

  protected override pair(m: Message | null): Pair {
    return { ...super.pair(m), refresh: inCookie };
  }
}
