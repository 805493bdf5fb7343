import { type Clock, unless } from "../clock.js";
import { type OpenWearablesError, storageError, toError, unauthenticated } from "../error.js";
import type { ExposedTokenPair, TokenPair } from "../pair.js";
import type { TokenRpc } from "../rpc.js";
import { guarded, type Store } from "../store/store.js";
import type { Emitter, EventName, Events } from "./event.js";
import { Renewal, superseded } from "./flight.js";
import { openSession, refreshOf, type Session } from "./record.js";
import { cooldown, doubtApart, refusalApart, saveRetry } from "./verdict.js";

/** Why a token provider is asked. */
export interface TokenRequest {
  /** The user of the session options, if any. */
  userId: string | undefined;
  /** `signed_out` when nobody is signed in, else the server's reason for ending the session. */
  reason: string;
  /** Ends when the answer would come too late. */
  signal: AbortSignal;
}

/**
 * Fetches a token pair from the app's own backend. It is asked when nobody is
 * signed in and when the server has ended the session, never twice at once. If it
 * throws SignInRequiredError the session is over; any other error keeps it.
 */
export type TokenProvider = (
  request: TokenRequest,
) => Promise<TokenPair | ExposedTokenPair> | TokenPair | ExposedTokenPair;

/** What the flights about one refresh token have met since the last success. */
interface Failures {
  token: string;
  count: number;
  error?: OpenWearablesError;
  until: number;
  doubt?: number;
  dead?: OpenWearablesError;
}

/** The outcome of a flight; one of the two is set. */
export interface Outcome {
  session?: Session;
  error?: OpenWearablesError;
}

/**
 * One session as the whole page or process knows it: all who use the same store
 * and base URL share one, so that they renew once.
 */
export class Core {
  /** Changes with each sign-in and sign-out; what began in an earlier one is never published. */
  generation = 0;
  session: Session | undefined;
  /** Why there is no session, where somebody said so. */
  ended: OpenWearablesError | undefined;
  flight: Promise<Outcome> | undefined;
  #failures: Failures = { token: "", count: 0, until: 0 };
  #audience: WeakRef<Emitter>[] = [];

  join(emitter: Emitter): void {
    this.#audience.push(new WeakRef(emitter));
  }

  emit<N extends EventName>(name: N, event: Events[N]): void {
    this.#audience = this.#audience.filter((r) => r.deref());
    for (const r of this.#audience) {
      r.deref()?.emit(name, event);
    }
  }

  /** Makes s the session, unless the generation has changed. */
  publish(generation: number, s: Session | undefined, ended?: OpenWearablesError): boolean {
    const current = this.generation === generation;
    if (current) {
      this.session = s;
      this.ended = ended;
    }
    return current;
  }

  /** Starts a new generation with s. */
  supersede(s: Session | undefined, ended?: OpenWearablesError): void {
    this.generation++;
    this.session = s;
    this.ended = ended;
    this.#failures = { token: "", count: 0, until: 0 };
  }

  /** What is noted about a refresh token. */
  about(token: string): Failures {
    if (this.#failures.token !== token) {
      this.#failures = { token, count: 0, until: 0 };
    }
    return this.#failures;
  }

  /** The error that everybody gets until the cooldown is over. */
  cooling(token: string, now: number): OpenWearablesError | undefined {
    const f = this.#failures;
    return f.token === token && now < f.until ? f.error : undefined;
  }

  fail(token: string, error: OpenWearablesError, now: number): void {
    const f = this.about(token);
    f.error = error;
    f.until = now + cooldown(++f.count, error);
  }

  /** Notes a doubtful verdict; true where an equal one came before, long enough ago. */
  doubted(token: string, now: number): boolean {
    const f = this.about(token);
    f.doubt ??= now;
    return now - f.doubt >= doubtApart;
  }
}

const places = new WeakMap<object, Map<string, Core>>();
const names = new Map<string, WeakRef<object>>();

/** The page's or process's one core of a store and a base URL. */
function coreOf(store: Store, base: string): Core {
  let place: object | undefined = store;
  if (store.id) {
    place = names.get(store.id)?.deref();
    if (!place) {
      place = store;
      names.set(store.id, new WeakRef(place));
    }
  }
  const cores = places.get(place) ?? new Map<string, Core>();
  places.set(place, cores);
  const core = cores.get(base) ?? new Core();
  cores.set(base, core);
  return core;
}

/** Keeps a session's tokens fresh for one client. */
export class Engine {
  constructor(
    readonly base: string,
    readonly store: Store,
    readonly rpc: TokenRpc,
    readonly clock: Clock,
    /** Lives as long as the engine: the core holds it weakly. */
    readonly emitter: Emitter,
    readonly provider?: TokenProvider,
    readonly userId?: string,
    readonly core: Core = coreOf(store, base),
  ) {
    core.join(emitter);
    store.watch?.(() => void this.#adopt());
  }

  /**
   * Returns a session whose access token can be sent and is not refused, the one
   * that the server refused. The caller leaves by its signal; the work goes on.
   */
  async token(refused = "", signal?: AbortSignal): Promise<Session> {
    for (;;) {
      const s = this.core.session;
      const now = this.clock.mono();
      if (s?.forRefusal && s.record.access_token === refused && now - s.received < refusalApart) {
        throw unauthenticated("the server refuses tokens that it has just issued", "invalid_token");
      }
      if (this.usable(s, refused)) {
        return this.#renewedBehind(s);
      }
      const { session, error } = await unless(signal, this.#join(refused));
      if (session && session.record.access_token !== refused) {
        return this.#renewedBehind(session);
      }
      if (error && error !== superseded) {
        throw error;
      }
    }
  }

  /** Starts a flight that nobody waits for where s is due, unless one failed a moment ago. */
  #renewedBehind(s: Session): Session {
    const now = this.clock.mono();
    if (now >= s.soft && now < s.hard && !this.core.cooling(refreshOf(s), now)) {
      void this.#join();
    }
    return s;
  }

  /** Whether s can be sent. */
  usable(s: Session | undefined, refused: string): s is Session {
    return !!s && s.record.access_token !== refused && this.clock.mono() < s.hard;
  }

  /** Returns the flight under way, or starts one. It never rejects. */
  #join(refused = ""): Promise<Outcome> {
    const { core } = this;
    core.flight ??= new Renewal(this, refused).fly().finally(() => {
      core.flight = undefined;
    });
    return core.flight;
  }

  /** Takes over what another tab or process stored. */
  async #adopt(): Promise<void> {
    if (this.core.flight || !this.core.session) {
      return;
    }
    const r = new Renewal(this, "");
    await r.load().catch(() => {});
    r.tell();
  }

  /** Makes s the session in place of any other, and stores it. Never fails: see storageError. */
  async signIn(s: Session): Promise<void> {
    const { core } = this;
    core.supersede(s);
    const { generation } = core;
    const { before, error } = await this.#overwrite(s.raw);
    core.emit("signedIn", { other: false });
    if (error) {
      const soft = Math.min(s.soft, this.clock.mono() + saveRetry);
      core.publish(generation, { ...s, unsaved: { over: before }, soft });
      core.emit("storageError", { error });
    }
  }

  /** Forgets the session at once, clears the store, and ends the session at the server. */
  async signOut(): Promise<void> {
    const { core } = this;
    const tokens = new Set([refreshOf(core.session)]);
    core.supersede(undefined, unauthenticated("nobody is signed in", "signed_out"));
    const { before, error } = await this.#overwrite(undefined);
    let failed = error;
    if (this.rpc.cookie) {
      await core.flight; // its answer sets the cookie that revoke clears
    }
    if (before) {
      try {
        tokens.add(refreshOf(openSession(this.base, before, this.clock)));
      } catch {
        // not ours to revoke
      }
    }
    core.emit("signedOut", { other: false });
    tokens.delete("");
    for (const token of this.rpc.cookie ? [""] : tokens) {
      await this.rpc.revoke(token).catch((e) => {
        failed ??= toError(e);
      });
    }
    if (failed) {
      throw failed;
    }
  }

  /** Makes raw (undefined: nothing) what the store holds, whatever is there. */
  async #overwrite(
    raw: string | undefined,
  ): Promise<{ before?: string | undefined; error?: OpenWearablesError }> {
    let before: string | undefined;
    try {
      for (let i = 0; i < 16; i++) {
        before = await guarded(() => this.store.load());
        const done = await guarded(() =>
          raw ? this.store.save(raw, before) : this.store.clear(before),
        );
        if (done) {
          return { before };
        }
      }
      throw new Error("others keep writing to it");
    } catch (e) {
      return { before, error: storageError(e) };
    }
  }
}
