import { type Base, isBrowser } from "./base.js";
import { systemClock } from "./clock.js";
import { createCore, sharedCore } from "./engine/core.js";
import { createEngine, type Engine } from "./engine/engine.js";
import { createEmitter, type Emitter, type EventName, type Listener } from "./engine/event.js";
import type { TokenProvider } from "./engine/provider.js";
import { newSession, randomKey } from "./engine/record.js";
import { invalid } from "./error.js";
import { credentialError, type ExposedTokenPair, readPair, TokenPair } from "./pair.js";
import { onResume } from "./resume.js";
import { login, TokenRpc } from "./rpc.js";
import { Secret } from "./secret.js";
import { memory, type Store } from "./store/store.js";

/** A credential in use by a transport. */
export interface Bound {
  /** Returns the access token to send, another one than the refused. */
  token(refused: string | undefined, signal: AbortSignal): Promise<string>;
  /** Whether a refused token can be replaced by another. */
  readonly renews: boolean;
  /** Sees the headers of every answer. */
  observe?(headers: Headers): void;
}

/** @internal */
export const bind: unique symbol = Symbol("openwearables.bind");

/** How a client proves who it is. Make one with apiKey, userSession, ... */
export interface Auth {
  /** Listens to what happens to the credential; returns what stops it. Listeners are never waited for. */
  on<N extends EventName>(name: N, listener: Listener<N>): () => void;
  /** @internal */
  readonly [bind]: (base: Base) => Bound;
}

/** A session of a user or developer, which the SDK keeps and renews. */
export interface Session extends Auth {
  /** Returns a fresh access token and when it ends, for what does not call through this SDK. */
  token(options?: { signal?: AbortSignal }): Promise<{ token: Secret; expiresAt: Date }>;
  /**
   * Makes a pair that the app got by its own means the session, in place of any
   * other. If the store cannot take it, it lives in memory and storageError says so.
   */
  signIn(pair: TokenPair | ExposedTokenPair): Promise<void>;
  /**
   * Forgets the session at once, clears the store and ends the session at the
   * server. A renewal under way brings nothing back. It rejects where the store
   * could not be cleared or the server not be told; this page or process is signed
   * out in any case. A token provider is not asked again until signIn.
   */
  signOut(): Promise<void>;
  /**
   * Stops listening to other tabs and ends what goes on; from then on calls fail as
   * canceled. The store keeps the session, also one whose renewal was under way. For
   * a page's component that is unmounted or a request that is over; a page or process
   * that ends needs none.
   */
  dispose(): void;
}

/** Calls with an API key. @throws OpenWearablesError in a browser, whose user could read it */
export function apiKey(key: string): Auth {
  if (isBrowser()) {
    throw invalid(
      "an API key must not be in a browser, whose user can read it: use userSession or cookieSession",
    );
  }
  const wrong = /^(secret_|rt_|app_)/.exec(String(key));
  const bad = !key
    ? invalid("the API key is empty: is the environment variable set?")
    : wrong
      ? invalid(`what begins with ${wrong[0]} is no API key: those begin with ow_live_ or ow_test_`)
      : credentialError(key);
  if (bad) {
    throw bad;
  }
  return keyAuth(key);
}

/** Calls with a static credential. */
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
  /** Where the session is kept: in memory unless given. */
  store?: Store;
  /** Hands over a token pair when there is none; without it the app calls signIn. */
  tokenProvider?: TokenProvider;
  /** Whose session it is, for the token provider alone. */
  userId?: string;
  /**
   * `never`: uses what the store holds and renews nothing, for where the answer could
   * not be kept: a server that renders a page, an extension beside the app. Calls fail
   * with the reason `not_renewed` when the access token is over.
   */
  refresh?: "never";
}

/** Calls with the session of one user. Give it to one client, or to several of one base URL. */
export function userSession(options: UserSessionOptions = {}): Session {
  const { store = memory(), tokenProvider: provider, userId, refresh } = options;
  const readOnly = refresh === "never";
  return session((emitter, base) => {
    const core = readOnly
      ? createCore(base.url, systemClock)
      : sharedCore(store, base.url, systemClock);
    const rpc = new TokenRpc(base.bare(false), base.url, systemClock);
    return createEngine(core, store, rpc, emitter, {
      provider: readOnly ? undefined : provider,
      userId,
      readOnly,
    });
  }).session;
}

export interface DeveloperLoginOptions {
  email: string;
  /** Asked for when it is needed, if it is a function. */
  password: string | (() => string | Promise<string>);
  /** Where the session is kept: in memory unless given. */
  store?: Store;
}

/**
 * Calls with a developer's session and logs in when there is none. For tools on a
 * developer's machine; a dashboard uses cookieSession.
 */
export function developerLogin({
  email,
  password,
  store = memory(),
}: DeveloperLoginOptions): Session {
  return session((emitter, base) => {
    const rpc = new TokenRpc(base.bare(false), base.url, systemClock);
    const provider: TokenProvider = async ({ signal }) => {
      const given = typeof password === "function" ? await password() : password;
      const request = { email, password: given };
      const { record } = await login(signal, (key) =>
        rpc.receive(randomKey(), key, (o) => rpc.client.login(request, { ...o, signal })),
      );
      return new TokenPair(
        new Secret(record.access_token),
        new Secret(record.refresh_token ?? ""),
        record.ttl,
      );
    };
    return createEngine(sharedCore(store, base.url, systemClock), store, rpc, emitter, {
      provider,
    });
  }).session;
}

/** Makes a session of an engine that is started when its base URL is known. */
export function session(start: (emitter: Emitter, base: Base) => Engine): {
  session: Session;
  engine(): Engine;
} {
  const emitter = createEmitter();
  let engine: Engine | undefined;
  const requireEngine = () => {
    if (!engine) {
      throw invalid("give the session to createClient first: it has no base URL yet");
    }
    return engine;
  };
  return {
    engine: requireEngine,
    session: {
      on: (name, listener) => emitter.on(name, listener),
      async token({ signal } = {}) {
        const e = requireEngine();
        const s = await e.token("", signal);
        return {
          token: new Secret(s.record.access_token),
          expiresAt: new Date(e.core.clock.wall() + s.expiresAt - e.core.clock.mono()),
        };
      },
      async signIn(from) {
        const e = requireEngine();
        const s = newSession(
          e.core.base,
          randomKey(),
          readPair(from),
          e.core.clock,
          e.core.clock.mono(),
        );
        await e.signIn(s);
      },
      signOut: async () => requireEngine().signOut(),
      dispose: () => engine?.dispose(),
      [bind](base) {
        if (!engine) {
          engine = start(emitter, base);
          onResume(() => engine?.wake(), engine.disposed);
        }
        if (engine.core.base !== base.url) {
          throw invalid("the session, or its store, belongs to a client of another base URL");
        }
        const e = engine;
        return {
          token: async (refused, signal) => (await e.token(refused, signal)).record.access_token,
          renews: true,
        };
      },
    },
  };
}
