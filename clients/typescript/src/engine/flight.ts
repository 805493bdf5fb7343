import { Code } from "@connectrpc/connect";
import { limited, sleep, unless } from "../clock.js";
import {
  OpenWearablesError,
  SignInRequiredError,
  sessionExpired,
  toError,
  unauthenticated,
  unavailable,
} from "../error.js";
import { readPair } from "../pair.js";
import { guarded } from "../store/store.js";
import type { Engine, Outcome } from "./engine.js";
import type { EventName, Events } from "./event.js";
import { newSession, openSession, randomKey, refreshOf, type Session, stored } from "./record.js";
import {
  backoff,
  flightTimeout,
  judge,
  lockTimeout,
  maxAttempts,
  maxCooldown,
  racePoll,
  raceWait,
  saveRetry,
} from "./verdict.js";

/** What a flight ends with when somebody signed in or out. */
export const superseded = new OpenWearablesError("the session changed", {
  kind: "canceled",
  code: Code.Canceled,
  reason: "",
});

/** The work of one flight. */
export class Renewal {
  readonly #engine: Engine;
  readonly #refused: string;
  readonly #generation: number;
  readonly #limit = limited(undefined, flightTimeout, () =>
    unavailable("the renewal took too long", ""),
  );
  #events: (() => void)[] = [];
  #discarded: Session[] = [];

  constructor(engine: Engine, refused: string) {
    this.#engine = engine;
    this.#refused = refused;
    this.#generation = engine.core.generation;
  }

  /**
   * Runs to its end and never rejects. It belongs to no caller: whoever waits for
   * it may leave. A failure is none for those whose token is still good.
   */
  async fly(): Promise<Outcome> {
    let outcome: Outcome;
    try {
      outcome = { session: await this.#run() };
    } catch (e) {
      const error = e instanceof OpenWearablesError ? e : toError(e);
      const s = this.#engine.core.session;
      outcome =
        error !== superseded && this.#engine.usable(s, this.#refused) ? { session: s } : { error };
    }
    this.tell();
    for (const s of this.#engine.rpc.cookie ? [] : this.#discarded) {
      // nobody holds it; at worst it ages out
      void this.#engine.rpc.revoke(refreshOf(s)).catch(() => {});
    }
    return outcome;
  }

  /** Ends the work and lets its events go. */
  tell(): void {
    this.#limit.done();
    for (const e of this.#events.splice(0)) {
      e();
    }
  }

  /** Takes the lock, adopts what others have done, and renews if that is still needed. */
  async #run(): Promise<Session> {
    const { core, clock } = this.#engine;
    const cooling = (s: Session | undefined) => core.cooling(refreshOf(s), clock.mono());
    const before = core.session;
    const unlock = cooling(before) ? undefined : await this.#lock();
    try {
      const s = await this.load().catch((error) => {
        if (error !== superseded) {
          this.#emit("storageError", { error });
        }
        throw error;
      });
      if (this.#engine.usable(s, this.#refused) && (s !== before || clock.mono() < s.soft)) {
        return s;
      }
      const failed = cooling(s);
      if (failed) {
        throw failed;
      }
      if (!s) {
        return await this.#signIn();
      }
      const dead = refreshOf(s)
        ? core.about(refreshOf(s)).dead
        : unauthenticated("the access token is over and came alone", "no_refresh_token");
      return await (dead ? this.#end(s, dead) : this.#refresh(s));
    } finally {
      unlock?.();
    }
  }

  /** Takes the store's lock if it has one. Without it the work goes on all the same. */
  async #lock(): Promise<(() => void) | undefined> {
    const wait = limited(this.#limit.signal, lockTimeout, () => undefined);
    try {
      const held = this.#engine.store.lock?.(wait.signal);
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
    const { core, clock, rpc } = this.#engine;
    const attempts = core.about(refreshOf(s)).count ? 1 : maxAttempts;
    for (let n = 1; ; n++) {
      this.#check();
      let error: OpenWearablesError;
      try {
        return await this.#replace(s, await rpc.refresh(s, this.#limit.signal).catch(refusal));
      } catch (e) {
        if (!(e instanceof Refusal)) {
          throw e;
        }
        error = e.error;
      }
      let again = n < attempts;
      const verdict = judge(error);
      if (verdict === "raced") {
        return this.#race(s, error);
      }
      if (
        verdict === "dead" ||
        (verdict === "doubtful" && core.doubted(refreshOf(s), clock.mono()))
      ) {
        return this.#end(s, error);
      }
      again &&= verdict === "transient" || (verdict === "doubtful" && n < 2);
      await this.#retry(s, n, again, error);
      // Another tab or process may have been luckier.
      const current = await this.load().catch(() => s);
      if (!current) {
        throw this.#absent();
      }
      if (current !== s && this.#engine.usable(current, this.#refused)) {
        return current;
      }
      s = current;
    }
  }

  /** Waits before another attempt, or fails where there is none. */
  async #retry(s: Session, n: number, again: boolean, error: OpenWearablesError): Promise<void> {
    const { core, clock } = this.#engine;
    const pause = Math.min(error.retryAfterMs || backoff(n), maxCooldown);
    const willRetry = again && pause + 1_000 < (this.#limit.left() ?? 0);
    if (!willRetry) {
      core.fail(refreshOf(s), error, clock.mono());
      this.#emit("refreshFailed", { willRetry, error });
      throw error;
    }
    core.emit("refreshFailed", { willRetry, error });
    await sleep(pause, this.#limit.signal);
  }

  /** Stores the new session in place of the old one and makes it current. */
  async #replace(old: Session | undefined, fresh: Session): Promise<Session> {
    const { core, clock, store } = this.#engine;
    let s: Session = { ...fresh, forRefusal: !!this.#refused };
    if (core.generation !== this.#generation) {
      this.#discarded.push(s);
      throw superseded;
    }
    try {
      if (!(await guarded(() => store.save(s.raw, stored(old))))) {
        return await this.#lost(s);
      }
    } catch (e) {
      const error = toError(e);
      if (error.kind !== "storage_unavailable") {
        throw e;
      }
      this.#emit("storageError", { error });
      const soft = Math.min(s.soft, clock.mono() + saveRetry);
      s = { ...s, unsaved: { over: stored(old) }, soft };
    }
    if (!core.publish(this.#generation, s)) {
      await guarded(() => store.clear(s.raw)).catch(() => {}); // or somebody replaced it
      this.#discarded.push(s);
      throw superseded;
    }
    this.#emit(old?.record.id === s.record.id ? "tokenRefreshed" : "signedIn", { other: false });
    return s;
  }

  /**
   * Adopts what another tab or process stored while s was fetched. Where that is
   * another session, or none, s is not needed any more.
   */
  async #lost(s: Session): Promise<Session> {
    const current = await this.load();
    if (current?.record.id !== s.record.id) {
      this.#discarded.push(s);
    }
    if (!current) {
      throw this.#absent();
    }
    return current;
  }

  /** Waits for whoever spent the token first to store what they got. */
  async #race(s: Session, cause: OpenWearablesError): Promise<Session> {
    for (const end = this.#engine.clock.mono() + raceWait; ; ) {
      const current = await this.load().catch(() => s);
      if (!current) {
        throw this.#absent();
      }
      if (current !== s) {
        return current;
      }
      if (this.#engine.clock.mono() > end) {
        return this.#end(s, cause);
      }
      await sleep(racePoll, this.#limit.signal);
    }
  }

  /**
   * Closes a session that the server has ended, unless the store holds another one
   * by now or the provider knows of one.
   */
  async #end(s: Session, cause: OpenWearablesError): Promise<Session> {
    const { core, store, provider } = this.#engine;
    let current = await this.load();
    if (current === s) {
      core.about(refreshOf(s)).dead = cause;
      if (provider) {
        const fresh = await this.#ask(cause.reason, refreshOf(s));
        if (fresh) {
          return this.#replace(s, fresh);
        }
      }
      const cleared = await guarded(() => store.clear(stored(s))).catch((error) => {
        this.#emit("storageError", { error });
        return true;
      });
      current = cleared ? undefined : await this.load().catch(() => undefined);
      if (!current || current === s) {
        return this.#close(cause);
      }
    }
    if (!current) {
      throw this.#absent();
    }
    return current;
  }

  #close(cause: OpenWearablesError): never {
    const { core } = this.#engine;
    const silent = cause.reason === "signed_out"; // there was none to end
    const ended = silent ? cause : sessionExpired(cause);
    if (!core.publish(this.#generation, undefined, ended)) {
      throw superseded;
    }
    if (!silent) {
      this.#emit("sessionExpired", { reason: cause.reason });
    }
    throw ended;
  }

  /** Asks the provider where nobody is signed in. */
  async #signIn(): Promise<Session> {
    const { core, provider } = this.#engine;
    const fresh = !core.ended && provider && (await this.#ask("signed_out", ""));
    if (!fresh) {
      throw this.#absent();
    }
    return this.#replace(undefined, fresh);
  }

  /** Gets a session of its own from the provider; undefined where nobody is signed in. */
  async #ask(reason: string, about: string): Promise<Session | undefined> {
    const { core, base, clock, provider, userId } = this.#engine;
    const { signal } = this.#limit;
    const asked = clock.mono();
    try {
      const answer = (async () => provider?.({ userId, reason, signal }))();
      const pair = await unless(signal, answer);
      return newSession(base, randomKey(), readPair(pair as never), clock, asked);
    } catch (e) {
      if (e instanceof SignInRequiredError) {
        return undefined;
      }
      const error = unavailable("the token provider failed", "token_provider_failed", e);
      core.fail(about, error, clock.mono());
      throw error;
    }
  }

  /**
   * Brings the process up to what the store holds and returns it. A session that
   * the store refused to take stays until somebody else's is there.
   */
  async load(): Promise<Session | undefined> {
    const { core, store, base, clock } = this.#engine;
    const raw = (await guarded(() => store.load())) || undefined;
    this.#check();
    const current = core.session;
    if (current && raw === current.raw) {
      return current.unsaved ? this.#settle(current) : current;
    }
    if (current?.unsaved && raw === current.unsaved.over) {
      return this.#saveAgain(current);
    }
    if (!raw) {
      if (current) {
        core.publish(this.#generation, undefined);
        this.#emit("signedOut", { other: true });
      }
      return undefined;
    }
    const s = openSession(base, raw, clock);
    core.publish(this.#generation, s);
    if (current?.record.id !== s.record.id) {
      this.#emit("signedIn", { other: true });
    } else if (current.record.access_token !== s.record.access_token) {
      this.#emit("tokenRefreshed", { other: true });
    }
    return s;
  }

  /** Stores a session that the store refused before. */
  async #saveAgain(s: Session): Promise<Session> {
    const { store, clock } = this.#engine;
    const saved = await guarded(() => store.save(s.raw, stored(s))).catch(() => false);
    return this.#settle(s, saved ? undefined : clock.mono() + saveRetry);
  }

  /** Publishes that s is stored, or that it is not and when to try again. */
  #settle({ unsaved, ...s }: Session, again?: number): Session {
    const soft = s.hard - Math.min(60_000, s.record.ttl * 250);
    const next: Session =
      again === undefined
        ? { ...s, soft }
        : { ...s, ...(unsaved && { unsaved }), soft: Math.min(soft, again) };
    this.#engine.core.publish(this.#generation, next);
    return next;
  }

  /** What a caller gets where no session is. */
  #absent(): OpenWearablesError {
    this.#check();
    return this.#engine.core.ended ?? unauthenticated("nobody is signed in", "signed_out");
  }

  #check(): void {
    if (this.#engine.core.generation !== this.#generation) {
      throw superseded;
    }
  }

  #emit<N extends EventName>(name: N, event: Events[N]): void {
    this.#events.push(() => this.#engine.core.emit(name, event));
  }
}

/** Tells what the server answered from what the flight itself throws. */
class Refusal {
  constructor(readonly error: OpenWearablesError) {}
}

function refusal(e: unknown): never {
  throw new Refusal(toError(e));
}
