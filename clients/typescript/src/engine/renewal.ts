import { limited, sleep, unless } from "../clock.js";
import {
  type OpenWearablesError,
  SignInRequiredError,
  sessionExpired,
  signedOut,
  toError,
  unauthenticated,
  unavailable,
} from "../error.js";
import { readPair } from "../pair.js";
import type { Crew } from "./context.js";
import { cooling, due, fail, kept, publish, tell, usable } from "./core.js";
import type { EventName, Events } from "./event.js";
import { newSession, openSession, randomKey, type Session } from "./record.js";
import { backoff, judge, pauseAfter } from "./verdict.js";

/**
 * Brings a session up to date: adopts what others stored, renews it, or gets one where
 * there is none. It runs to its end and belongs to no caller: whoever waits for it may
 * leave. A failure is none for those whose token is still good. It resolves with
 * undefined where it came to nothing: somebody signed in or out, or until ended.
 *
 * @param refused the access token that the server refused, or empty
 * @param look does no more than to adopt
 */
export async function renew(
  { core, place, rpc, options, until }: Crew,
  refused: string,
  look?: boolean,
): Promise<Session | undefined> {
  // How long it waits, in milliseconds, and how often it tries.
  const timeout = 35_000;
  const maxAttempts = 4;
  const raceWait = 2_000; // for the winner's pair to be stored
  const racePoll = 100;
  const doubtApart = 5_000; // between two equal doubtful verdicts that count
  const refusalApart = 10_000; // before a token fetched for a refusal is renewed for another
  const { readOnly } = options;
  const { generation } = core;
  const { signal, left, done } = limited(until, timeout);
  const later: (() => void)[] = [];
  const now = () => core.clock.mono();
  const stale = () => core.generation !== generation;
  const gone = () => until.aborted || stale();
  const check = () => {
    if (gone()) {
      throw reason(); // which nobody gets
    }
  };
  const emit = <N extends EventName>(name: N, event: Events[N]) =>
    later.push(() => tell(core, name, event));
  const adopted = (old: Session | undefined, s: Session | undefined, other: boolean) =>
    emit(!s ? "signedOut" : old?.record.id === s.record.id ? "tokenRefreshed" : "signedIn", {
      other,
    });
  const flush = () => {
    for (const event of later.splice(0)) {
      event();
    }
  };
  /** What a caller gets where no session is. */
  const reason = () => core.ended?.error ?? signedOut();

  /** Takes the lock, adopts what others have done, and renews if that is still needed. */
  async function renewLocked(): Promise<Session | undefined> {
    const before = core.session;
    const unlock = readOnly || cooling(core) ? undefined : await place.lock(signal);
    try {
      const s = await load();
      if (usable(core, s, refused) && (s !== before || !due(core, s))) {
        return s;
      }
      const failed = cooling(core);
      if (failed) {
        throw failed;
      }
      return await (s ? refreshOrEnd(s) : signIn());
    } finally {
      unlock?.();
    }
  }

  /** Renews s unless it is known that it cannot be. */
  async function refreshOrEnd(s: Session): Promise<Session | undefined> {
    const late = "the access token is over";
    if (readOnly) {
      throw unauthenticated(late, "not_renewed");
    }
    if (s.record.access_token === refused && now() < s.trusted) {
      throw unauthenticated("a fresh access token is refused", "invalid_token");
    }
    const dead = s.record.refresh_token
      ? core.failures.dead
      : unauthenticated(late, "no_refresh_token");
    return dead ? end(s, dead) : refresh(s);
  }

  /** Makes the attempts. To the server all are one operation, which it answers alike. */
  async function refresh(s: Session): Promise<Session | undefined> {
    const attempts = core.failures.count ? 1 : maxAttempts;
    for (let n = 1; ; n++) {
      check();
      const answer = await rpc.refresh(s, signal).catch(toError);
      if ("raw" in answer) {
        return replace(s, answer);
      }
      check();
      const verdict = judge(answer);
      if (verdict === "raced") {
        return race(s, answer);
      }
      const doubtful = verdict === "doubtful";
      const { doubt = now() } = core.failures;
      if (doubtful) {
        core.failures.doubt = doubt;
      }
      if (verdict === "dead" || (doubtful && now() >= doubt + doubtApart)) {
        return end(s, answer);
      }
      const worth = verdict === "transient" || (doubtful && n < 2);
      await pause(n, worth && n < attempts, answer);
      // Another tab or process may have been luckier.
      const current = await latest(s);
      if (!current || (current !== s && usable(core, current, refused))) {
        return current;
      }
      s = current;
    }
  }

  /** Waits before another attempt, or fails where there is none. */
  async function pause(n: number, again: boolean, error: OpenWearablesError): Promise<void> {
    const ms = pauseAfter(error, backoff(n));
    const willRetry = again && ms + 1_000 < left();
    emit("refreshFailed", { willRetry, error });
    if (!willRetry) {
      throw fail(core, error);
    }
    flush();
    await sleep(ms, signal);
  }

  /** Stores the new session in place of the old one and makes it current. */
  async function replace(old: Session | undefined, fresh: Session): Promise<Session | undefined> {
    let s = fresh;
    if (!stale()) {
      const saved = await write(s.raw, old);
      if (saved === false) {
        const current = await load(); // another tab or process was first
        if (current?.record.id !== s.record.id) {
          rpc.drop(s); // nobody will hold it
        }
        return current;
      }
      const trusted = refused ? now() + refusalApart : 0;
      s = { ...kept(core, s, saved ? s.raw : old?.held), trusted };
    }
    if (stale()) {
      await place.swap(undefined, s.raw).catch(() => {}); // or somebody replaced it
      rpc.drop(s);
    } else {
      publish(core, s);
      adopted(old, s, false);
    }
    return s;
  }

  /** Puts next in place of old; undefined is that the store failed, which is told. */
  function write(next: string | undefined, old: Session | undefined): Promise<boolean | undefined> {
    return place.swap(next, old?.held).catch((error) => void emit("storageError", { error }));
  }

  /** Waits for whoever spent the token first to store what they got. */
  async function race(s: Session, cause: OpenWearablesError): Promise<Session | undefined> {
    for (const end = now() + raceWait; now() < end; ) {
      const current = await latest(s);
      if (current !== s) {
        return current;
      }
      await sleep(racePoll, signal);
    }
    return end(s, cause);
  }

  /**
   * Closes a session that the server has ended, unless the store holds another one
   * by now or the provider knows of one.
   */
  async function end(s: Session, cause: OpenWearablesError): Promise<Session | undefined> {
    const current = await load();
    if (current !== s) {
      return current;
    }
    core.failures.dead = cause;
    const fresh = await ask(cause.reason);
    if (fresh) {
      return replace(s, fresh);
    }
    const cleared = await write(undefined, s);
    const other = cleared === false && (await latest(s));
    if (other && other !== s) {
      return other;
    }
    const silent = cause.reason === "signed_out"; // there was none to end
    const error = silent ? cause : sessionExpired(cause);
    if (!stale()) {
      publish(core, undefined, { id: s.record.id, error });
      if (!silent) {
        emit("sessionExpired", { reason: cause.reason });
      }
    }
    throw error;
  }

  /** Asks the provider where nobody is signed in, unless a person signed out. */
  async function signIn(): Promise<Session | undefined> {
    const out = core.ended?.error.kind === "unauthenticated";
    const fresh = out ? undefined : await ask("signed_out");
    if (fresh) {
      return replace(undefined, fresh);
    }
    throw fail(core, reason());
  }

  /** Gets a session of its own from the provider; undefined where nobody is signed in. */
  async function ask(reason: string): Promise<Session | undefined> {
    const { provider, userId } = options;
    if (!provider) {
      return undefined;
    }
    const asked = now();
    try {
      const pair = readPair(await unless(signal, provider({ userId, reason, signal })));
      return newSession(core.base, randomKey(), pair, core.clock, asked);
    } catch (e) {
      check();
      if (e instanceof SignInRequiredError) {
        return undefined;
      }
      throw fail(core, unavailable("the token provider failed", "token_provider_failed", e));
    }
  }

  /**
   * Brings the process up to what the store holds and returns it. A session that
   * the store refused to take stays until somebody else's is there.
   */
  async function load(): Promise<Session | undefined> {
    const raw = await place.load();
    check();
    const current = core.session;
    const { raw: own, held } = current ?? {};
    if (raw === own || raw === held) {
      return own === held ? current : saveAgain(current as Session, raw);
    }
    const s = raw ? openSession(core, raw) : undefined;
    if (s && s.record.id === core.ended?.id) {
      await place.swap(undefined, raw).catch(() => {}); // it would not go before
      return undefined;
    }
    publish(core, s);
    adopted(current, s, true);
    return s;
  }

  /** Stores a session that the store, which holds raw, refused before. */
  async function saveAgain(s: Session, raw: string | undefined): Promise<Session> {
    const saved = raw === s.raw || (await place.swap(s.raw, raw).catch(() => false));
    const next = kept(core, s, saved ? s.raw : raw);
    if (!stale()) {
      publish(core, next);
    }
    return next;
  }

  /** What the store holds; s if it cannot be told. */
  function latest(s: Session): Promise<Session | undefined> {
    return load().catch(() => s);
  }

  const outcome = (await (look ? load() : renewLocked()).catch(toError)) ?? reason();
  done();
  flush();
  if (gone()) {
    return undefined;
  }
  if ("raw" in outcome) {
    return outcome;
  }
  if (outcome.kind === "storage_unavailable" && !look) {
    tell(core, "storageError", { error: outcome });
  }
  const s = core.session;
  if (usable(core, s, refused)) {
    return s;
  }
  throw outcome;
}
