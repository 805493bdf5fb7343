import { check, checkFunction, checkSignal, isFunction } from "./argument.js";
import { type Base, isBrowser } from "./base.js";
import { systemClock } from "./clock.js";
import type { Need } from "./engine/context.js";
import { createCore, sharedCore } from "./engine/core.js";
import { createEngine, type Engine } from "./engine/engine.js";
import { createEmitter, type Emitter, type EventName, type Listener } from "./engine/event.js";
import type { TokenProvider } from "./engine/provider.js";
import { isStub, newSession, randomKey, subject } from "./engine/record.js";
import { invalid } from "./error.js";
import { credentialError, type ExposedTokenPair, readPair, TokenPair } from "./pair.js";
import { onResume } from "./resume.js";
import { login, TokenRpc } from "./rpc.js";
import { sessionService } from "./schema/schema.js";
import { Secret } from "./secret.js";
import { type SessionState, watchState } from "./state.js";
import { memory, type Store } from "./store/store.js";
import type { HeaderMap, Signal } from "./types.js";

/** A credential as a transport uses it. @internal */
export interface Bound {
  /** Resolves with the access token to send, which differs from the refused one. */
  token(refused: string | undefined, need: Need): Promise<string>;
  /** Whether a refused token can be renewed. */
  readonly renews: boolean;
  /** Receives the headers of every response. */
  observe?(headers: HeaderMap): void;
}

/** @internal */
export const bind: unique symbol = Symbol.for("openwearables.bind");

/** How a client authenticates. Create one with apiKey, userSession, ... */
export interface Auth {
  /** Adds a listener and returns a function that removes it. The SDK never waits for listeners. */
  on<N extends EventName>(name: N, listener: Listener<N>): () => void;
  /** @internal */
  readonly [bind]: (base: Base) => Bound;
}

/** The session of a user or developer, which the SDK keeps and renews. */
export interface AnySession extends Auth {
  readonly state: SessionState;
  /**
   * Calls the listener with the present state, and again whenever it changes or somebody
   * else signs in. The first listener makes the session find out. Returns a function that
   * ends the calls and nothing else.
   */
  subscribe(listener: (state: SessionState) => void): () => void;
  /** Returns whose session it is, by the server's id, undefined while nobody is known. */
  user(): { id: string } | undefined;
  /**
   * Resolves with a fresh access token and its expiry, for calls that do not go through
   * this SDK.
   */
  token(options?: {
    signal?: Signal;
    /** As in the options of a call. */
    userInitiated?: boolean;
  }): Promise<{ token: Secret; expiresAt: Date }>;
  /**
   * Forgets the session at once, clears the store and then revokes the session at
   * the server. A renewal under way cannot bring the session back. It rejects if the
   * store cannot be cleared or the server cannot be reached; this page or process is
   * signed out in any case, and revokes the session after the next call of any client of
   * the base URL that succeeds, or when the network returns. The token provider is not
   * called again until signIn.
   */
  signOut(): Promise<void>;
  /**
   * Tells the session that the network may be another one by now: the next call that needs
   * a token tries at once to get one, unless the server asked to wait. Pages of a browser
   * notice it themselves.
   */
  networkChanged(): void;
  /**
   * Stops listening to other tabs and cancels the work under way. The store keeps the
   * session, even if a renewal was under way. Call it when a component is unmounted or
   * a request is over. A later use starts the session again, as an effect needs it that
   * runs twice. It is not needed when the page or process ends.
   */
  dispose(): void;
}

/** A session that an app's backend or a token provider begins. */
export interface UserSession extends AnySession {
  /**
   * Starts the session of a token pair that the app obtained itself, in place of any
   * other session. If saving fails, the session stays in memory and storageError is
   * emitted.
   */
  signIn(pair: TokenPair | ExposedTokenPair): Promise<void>;
}

/**
 * Authenticates with an API key.
 *
 * @throws OpenWearablesError in a browser, whose user could read it
 */
export function apiKey(key: string): Auth {
  if (isBrowser()) {
    throw invalid("an API key must not be in a browser, whose user can read it: use userSession");
  }
  const wrong = /^(secret_|rt_|app_)/.exec(String(key));
  const bad =
    !key || typeof key !== "string"
      ? invalid("the API key is empty: is the environment variable set?")
      : wrong
        ? invalid(
            `what begins with ${wrong[0]} is no API key: those begin with ow_live_ or ow_test_`,
          )
        : credentialError(key);
  if (bad) {
    throw bad;
  }
  return keyAuth(key);
}

/** Authenticates with a static credential. @internal */
export function keyAuth(key: string): Auth {
  const emitter = createEmitter();
  let announced = 0;
  return {
    on: (name, listener) => emitter.on(name, listener),
    [bind]: () => ({
      token: async () => key,
      renews: false,
      observe(headers) {
        const sunset = Date.parse(headers.get("sunset") ?? "");
        if (headers.has("deprecation") && sunset && sunset !== announced) {
          announced = sunset;
          emitter.emit("keyRotated", { sunset: new Date(sunset) });
        }
      },
    }),
  };
}

export interface UserSessionOptions {
  /** Where the session is kept; in memory by default. */
  store?: Store;
  /** Gets a token pair when there is no session. Without it the app calls signIn. */
  tokenProvider?: TokenProvider;
  /**
   * The user of the session, by the app's own id or the server's. The token provider
   * receives it. A session that the store holds of another user is not used: nobody is
   * signed in until the provider or signIn replaces it. Without it, any user's is used.
   */
  userId?: string;
  /**
   * `never`: uses the stored session and does not renew it. This is for code that
   * cannot store a new session: a server that renders a page, or an extension of an
   * app. When the access token has expired, calls fail with the kind `unavailable` and the
   * reason `refresh_elsewhere`.
   */
  refresh?: "never";
}

function checkStore(store: Store): void {
  for (const name of ["load", "save", "clear"] as const) {
    check(isFunction(store?.[name]), `it has no function ${name}`, "store");
  }
}

/** Authenticates with the session of one user. It serves one client, or several of one base URL. */
export function userSession(options: UserSessionOptions = {}): UserSession {
  const { store = memory(), tokenProvider: provider, userId, refresh } = options;
  checkStore(store);
  checkFunction(provider, "tokenProvider");
  const named = userId === undefined || (typeof userId === "string" && /^.{1,255}$/su.test(userId));
  check(named, "it must have 1 to 255 characters", "userId");
  const readOnly = refresh === "never" || !!store.readOnly;
  return session((emitter, base) => {
    const core = readOnly
      ? createCore(base.url, systemClock, userId)
      : sharedCore(store, base.url, systemClock, userId);
    const rpc = new TokenRpc(base.bare(false), base.url, systemClock, userId);
    return createEngine(core, store, rpc, emitter, {
      provider: readOnly ? undefined : provider,
      userId,
      readOnly,
    });
  }).session;
}

export interface DeveloperLoginOptions {
  email: string;
  /** A function is called when the password is needed. */
  password: string | (() => string | Promise<string>);
  /** Where the session is kept; in memory by default. */
  store?: Store;
}

/**
 * Authenticates with a developer's session, and logs in if there is none. Calls fail
 * with the reason `invalid_credentials` if the password is wrong. It is for tools on a
 * developer's machine; a dashboard uses cookieSession.
 */
export function developerLogin({
  email,
  password,
  store = memory(),
}: DeveloperLoginOptions): UserSession {
  checkStore(store);
  check(typeof email === "string", "it must be the developer's address", "email");
  const user = email.trim().toLowerCase();
  return session((emitter, base) => {
    const rpc = new TokenRpc(base.bare(false), base.url, systemClock, user);
    const provider: TokenProvider = async ({ signal }) => {
      const given = typeof password === "function" ? await password() : password;
      const request = { email, password: given };
      const { record } = await login(signal, (key, until) =>
        rpc.receive({ id: "" }, key, (s) =>
          rpc.bare(sessionService("Login"), request, { ...s, signal: until }),
        ),
      );
      return new TokenPair(
        new Secret(record.access_token),
        new Secret(record.refresh_token ?? ""),
        record.ttl,
      );
    };
    const core = sharedCore(store, base.url, systemClock, user);
    const asksPerson = typeof password === "function";
    return createEngine(core, store, rpc, emitter, { provider, own: true, asksPerson });
  }).session;
}

/**
 * Returns a session whose engine starts when a client binds it, and a function that
 * returns the engine.
 *
 * @internal
 */
export function session(start: (emitter: Emitter, base: Base) => Engine): {
  session: UserSession;
  engine(): Engine;
} {
  const emitter = createEmitter();
  let bound: Base | undefined;
  let engine: Engine | undefined;
  const requireEngine = () => {
    check(bound, "give it to createClient first: it has no base URL yet", "auth");
    if (!engine || engine.disposed.aborted) {
      engine = start(emitter, bound);
      const { resume, wake, disposed } = engine;
      onResume(resume, wake, disposed);
    }
    return engine;
  };
  const token: AnySession["token"] = async (options) => {
    const e = requireEngine();
    checkSignal(options?.signal);
    const s = await e.token("", options as Need);
    return {
      token: new Secret(s.record.access_token),
      expiresAt: new Date(e.core.clock.wall() + s.expiresAt - e.core.clock.mono()),
    };
  };
  const known = () => {
    const s = engine?.core.session;
    return s && !isStub(s) ? s : undefined;
  };
  const watch = watchState(emitter, token, () => known()?.record.id ?? "");
  return {
    engine: requireEngine,
    session: {
      get state() {
        return watch.state();
      },
      subscribe: watch.subscribe,
      user() {
        const id = subject(known()?.record.access_token ?? "");
        return id ? { id } : undefined;
      },
      on: (name, listener) => emitter.on(name, listener),
      token,
      async signIn(from) {
        const e = requireEngine();
        await e.signIn(newSession(e.core, randomKey(), readPair(from), e.core.clock.mono()));
      },
      signOut: async () => requireEngine().signOut(),
      networkChanged: () => engine?.resume(),
      dispose: () => engine?.dispose(),
      [bind](base) {
        bound ??= base;
        if (bound.url !== base.url) {
          throw invalid("the session belongs to a client of another base URL", "auth");
        }
        requireEngine();
        watch.bound();
        return {
          async token(refused, need) {
            // A call that began before dispose does not start the session again.
            const e = refused === undefined ? requireEngine() : (engine as Engine);
            return (await e.token(refused, need)).record.access_token;
          },
          renews: true,
        };
      },
    },
  };
}
