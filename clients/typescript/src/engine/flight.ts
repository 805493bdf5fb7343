import { limited, sleep, unless } from "../clock.js";
import {
  OpenWearablesError,
  SignInRequiredError,
  sessionExpired,
  signedOut,
  toError,
  unauthenticated,
  unavailable,
} from "../error.js";
import { readPair } from "../pair.js";
import type { Place } from "../store/store.js";
import type { Core } from "./core.js";
import type { Engine } from "./engine.js";
import type { EventName, Events } from "./event.js";
import { newSession, openSession, randomKey, type Session, stored, unstored } from "./record.js";
import {
  backoff,
  flightTimeout,
  judge,
  lockTimeout,
  maxAttempts,
  maxCooldown,
  racePoll,
  raceWait,
  refusalApart,
} from "./verdict.js";

/** What a flight fails with when somebody signed in or out, or its engine is disposed of. */
export const superseded = Symbol("superseded");

/** The work of one flight. */
export class Renewal {
  readonly #engine: Engine;
  readonly #core: Core;
  readonly #place: Place;
  readonly #refused: string;
  readonly #generation: number;
  readonly #limit;
  readonly #later: (() => void)[] = [];

  constructor(engine: Engine, refused: string) {
    this.#engine = engine;
    this.#core = engine.core;
    this.#place = engine.place;
    this.#refused = refused;
    this.#generation = engine.core.generation;
    this.#limit = limited(engine.over.signal, flightTimeout, () =>
      unavailable("it took too long", ""),
    );
  }

  /**
   * Runs to its end. It belongs to no caller: whoever waits for it may leave. A
   * failure is none for those whose token is still good.
   */
  async fly(): Promise<Session> {
    try {
      const s = await this.#run();
      this.#check();
      return s;
    } catch (e) {
      this.#check();
      const error = toError(e);
      if (error.kind === "storage_unavailable") {
        this.#emit("storageError", { error });
      }
      const s = this.#core.session;
      if (this.#core.usable(s, this.#refused)) {
        return s;
      }
      throw error;
    } finally {
      this.tell();
    }
  }

  /** Ends the work and lets its events go. */
  tell(): void {
    this.#limit.done();
    for (const tell of this.#later.splice(0)) {
      tell();
    }
  }

  /** Takes the lock, adopts what others have done, and renews if that is still needed. */
  async #run(): Promise<Session> {
    const before = this.#core.session;
    const passing = this.#engine.options.readOnly || this.#core.cooling();
    const unlock = passing ? undefined : await this.#lock();
    try {
      const s = await this.load();
      if (this.#core.usable(s, this.#refused) && (s !== before || !this.#core.due(s))) {
        return s;
      }
      const failed = this.#core.cooling();
      if (failed) {
        throw failed;
      }
      if (!s) {
        return await this.#signIn();
      }
      if (this.#engine.options.readOnly) {
        throw unauthenticated("the access token is over", "not_renewed");
      }
      const justIssued = s.forRefusal && this.#core.now < s.forRefusal + refusalApart;
      if (justIssued && s.record.access_token === this.#refused) {
        throw unauthenticated("a fresh access token is refused", "invalid_token");
      }
      const dead = s.record.refresh_token
        ? this.#core.failures.dead
        : unauthenticated("the access token is over", "no_refresh_token");
      return await (dead ? this.#end(s, dead) : this.#refresh(s));
    } finally {
      unlock?.();
    }
  }

  /** Takes the store's lock if it has one. Without it the work goes on all the same. */
  async #lock(): Promise<(() => void) | undefined> {
    const wait = limited(this.#limit.signal, lockTimeout, () => undefined);
    try {
      const held = this.#place.store.lock?.(wait.signal);
      // A lock that comes when nobody waits any more is given back.
      held?.then((unlock) => wait.signal.aborted && unlock()).catch(() => {});
      return held && (await unless(wait.signal, held));
    } catch {
      return undefined;
    } finally {
      wait.done();
    }
  }

  /** Makes the attempts. To the server all are one operation, which it answers alike. */
  async #refresh(s: Session): Promise<Session> {
    const attempts = this.#core.failures.count ? 1 : maxAttempts;
    for (let n = 1; ; n++) {
      this.#check();
      const answer = await this.#engine.rpc.refresh(s, this.#limit.signal).catch(toError);
      if (!(answer instanceof OpenWearablesError)) {
        return this.#replace(s, answer);
      }
      this.#check();
      const verdict = judge(answer);
      const doubtful = verdict === "doubtful";
      if (verdict === "raced") {
        return this.#race(s, answer);
      }
      if (verdict === "dead" || (doubtful && this.#core.doubted())) {
        return this.#end(s, answer);
      }
      const again = verdict === "transient" || (doubtful && n < 2);
      await this.#pause(n, again && n < attempts, answer);
      // Another tab or process may have been luckier.
      const current = await this.#current(s);
      if (current !== s && this.#core.usable(current, this.#refused)) {
        return current;
      }
      s = current;
    }
  }

  /** Waits before another attempt, or fails where there is none. */
  async #pause(n: number, again: boolean, error: OpenWearablesError): Promise<void> {
    const ms = Math.min(error.retryAfterMs || backoff(n), maxCooldown);
    const willRetry = again && ms + 1_000 < (this.#limit.left() ?? 0);
    if (!willRetry) {
      this.#core.fail(error);
      this.#emit("refreshFailed", { willRetry, error });
      throw error;
    }
    this.#core.emit("refreshFailed", { willRetry, error });
    await sleep(ms, this.#limit.signal);
  }

  /** Stores the new session in place of the old one and makes it current. */
  async #replace(old: Session | undefined, fresh: Session): Promise<Session> {
    let s: Session = { ...fresh, forRefusal: this.#refused ? this.#core.now : 0 };
    if (this.#core.generation !== this.#generation) {
      this.#drop(s);
      throw superseded;
    }
    const saved = await this.#write(s.raw, old);
    if (saved === false) {
      return this.#adopt(s);
    }
    if (!saved) {
      s = unstored(s, stored(old), this.#core.now);
    }
    if (!this.#core.publish(this.#generation, s)) {
      await this.#place.swap(undefined, s.raw).catch(() => {}); // or somebody replaced it
      this.#drop(s);
      throw superseded;
    }
    this.#emit(old?.record.id === s.record.id ? "tokenRefreshed" : "signedIn", { other: false });
    return s;
  }

  /**
   * Adopts what another tab or process stored while s was fetched. Where that is
   * another session, or none, s is not needed any more.
   */
  async #adopt(s: Session): Promise<Session> {
    const current = await this.load();
    if (current?.record.id !== s.record.id) {
      this.#drop(s);
    }
    return current ?? this.#absent();
  }

  /** Ends a session that nobody will hold. */
  #drop(s: Session): void {
    this.#later.push(() => this.#engine.rpc.drop(s));
  }

  /** Puts next in place of old; undefined is that the store failed, which is told. */
  #write(next: string | undefined, old: Session | undefined): Promise<boolean | undefined> {
    return this.#place
      .swap(next, stored(old))
      .catch((error) => void this.#emit("storageError", { error }));
  }

  /** Waits for whoever spent the token first to store what they got. */
  async #race(s: Session, cause: OpenWearablesError): Promise<Session> {
    for (const end = this.#core.now + raceWait; this.#core.now < end; ) {
      const current = await this.#current(s);
      if (current !== s) {
        return current;
      }
      await sleep(racePoll, this.#limit.signal);
    }
    return this.#end(s, cause);
  }

  /**
   * Closes a session that the server has ended, unless the store holds another one
   * by now or the provider knows of one.
   */
  async #end(s: Session, cause: OpenWearablesError): Promise<Session> {
    const current = await this.load();
    if (current !== s) {
      return current ?? this.#absent();
    }
    this.#core.failures.dead = cause;
    const fresh = await this.#ask(cause.reason);
    if (fresh) {
      return this.#replace(s, fresh);
    }
    const cleared = await this.#write(undefined, s);
    const other = cleared === false && (await this.#current(s).catch(() => s));
    if (other && other !== s) {
      return other;
    }
    const silent = cause.reason === "signed_out"; // there was none to end
    const error = silent ? cause : sessionExpired(cause);
    if (!this.#core.publish(this.#generation, undefined, { id: s.record.id, error })) {
      throw superseded;
    }
    if (!silent) {
      this.#emit("sessionExpired", { reason: cause.reason });
    }
    throw error;
  }

  /** Asks the provider where nobody is signed in, unless a person signed out. */
  async #signIn(): Promise<Session> {
    const out = this.#core.ended && this.#core.ended.error.kind !== "session_expired";
    const fresh = out ? undefined : await this.#ask("signed_out");
    if (fresh) {
      return this.#replace(undefined, fresh);
    }
    this.#core.fail(this.#reason());
    return this.#absent();
  }

  /** Gets a session of its own from the provider; undefined where nobody is signed in. */
  async #ask(reason: string): Promise<Session | undefined> {
    const { provider, userId } = this.#engine.options;
    const { signal } = this.#limit;
    if (!provider) {
      return undefined;
    }
    const asked = this.#core.now;
    try {
      const answer = (async () => provider({ userId, reason, signal }))();
      const pair = readPair(await unless(signal, answer));
      return newSession(this.#core.base, randomKey(), pair, this.#core.clock, asked);
    } catch (e) {
      this.#check();
      if (e instanceof SignInRequiredError) {
        return undefined;
      }
      const error = unavailable("the token provider failed", "token_provider_failed", e);
      this.#core.fail(error);
      throw error;
    }
  }

  /**
   * Brings the process up to what the store holds and returns it. A session that
   * the store refused to take stays until somebody else's is there.
   */
  async load(): Promise<Session | undefined> {
    const raw = await this.#place.load();
    this.#check();
    const current = this.#core.session;
    if (current?.unsaved && (raw === current.raw || raw === stored(current))) {
      return this.#saveAgain(current, raw);
    }
    if (raw === current?.raw) {
      return current;
    }
    const s = raw === undefined ? undefined : openSession(this.#core.base, raw, this.#core.clock);
    if (s && s.record.id === this.#core.ended?.id) {
      await this.#place.swap(undefined, raw).catch(() => {}); // it would not go before
      return undefined;
    }
    this.#core.publish(this.#generation, s);
    if (!s) {
      this.#emit("signedOut", { other: true });
    } else if (current?.record.id !== s.record.id) {
      this.#emit("signedIn", { other: true });
    } else if (current.record.access_token !== s.record.access_token) {
      this.#emit("tokenRefreshed", { other: true });
    }
    return s;
  }

  /** Stores a session that the store, which holds raw, refused before. */
  async #saveAgain({ unsaved: _, ...s }: Session, raw: string | undefined): Promise<Session> {
    const saved = raw === s.raw || (await this.#place.swap(s.raw, raw).catch(() => false));
    const next = saved ? s : unstored(s, raw, this.#core.now);
    this.#core.publish(this.#generation, next);
    return next;
  }

  /** What the store holds; s if it cannot be told. */
  async #current(s: Session): Promise<Session> {
    return (await this.load().catch(() => s)) ?? this.#absent();
  }

  /** What a caller gets where no session is. */
  #absent(): never {
    this.#check();
    throw this.#reason();
  }

  #reason(): OpenWearablesError {
    const { ended } = this.#core;
    return ended?.error ?? signedOut();
  }

  #check(): void {
    if (this.#engine.over.signal.aborted || this.#core.generation !== this.#generation) {
      throw superseded;
    }
  }

  #emit<N extends EventName>(name: N, event: Events[N]): void {
    this.#later.push(() => this.#core.emit(name, event));
  }
}
