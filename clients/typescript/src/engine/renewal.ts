import { type Limit, limited, sleep, unless } from "../clock.js";
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

/** One renewal under way. */
interface Renewal extends Crew, Limit {
  /** The access token that the server refused, or empty. */
  readonly refused: string;
  /** Of the core when the renewal began. */
  readonly generation: number;
  /** Emits what happened since the last flush. */
  readonly later: (() => void)[];
}

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
  crew: Crew,
  refused: string,
  look?: boolean,
): Promise<Session | undefined> {
  const timeout = 35_000;
  const { core } = crew;
  const r: Renewal = {
    ...crew,
    ...limited(crew.until, timeout),
    refused,
    generation: core.generation,
    later: [],
  };
  const outcome = (await (look ? load(r) : renewLocked(r)).catch(toError)) ?? absent(r);
  r.done();
  flush(r);
  if (gone(r)) {
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

/** Takes the lock, adopts what others have done, and renews if that is still needed. */
async function renewLocked(r: Renewal): Promise<Session | undefined> {
  const { core } = r;
  const before = core.session;
  const unlock = r.options.readOnly || cooling(core) ? undefined : await r.place.lock(r.signal);
  try {
    const s = await load(r);
    if (usable(core, s, r.refused) && (s !== before || !due(core, s))) {
      return s;
    }
    const failed = cooling(core);
    if (failed) {
      throw failed;
    }
    return await (s ? refreshOrEnd(r, s) : signIn(r));
  } finally {
    unlock?.();
  }
}

/** Renews s unless it is known that it cannot be. */
async function refreshOrEnd(r: Renewal, s: Session): Promise<Session | undefined> {
  const late = "the access token is over";
  if (r.options.readOnly) {
    throw unauthenticated(late, "not_renewed");
  }
  if (s.record.access_token === r.refused && now(r) < s.trusted) {
    throw unauthenticated("a fresh access token is refused", "invalid_token");
  }
  const dead = s.record.refresh_token
    ? r.core.failures.dead
    : unauthenticated(late, "no_refresh_token");
  return dead ? end(r, s, dead) : refresh(r, s);
}

/** Makes the attempts. To the server all are one operation, which it answers alike. */
async function refresh(r: Renewal, s: Session): Promise<Session | undefined> {
  const maxAttempts = 4;
  const doubtApart = 5_000; // between two equal doubtful verdicts that count
  const { core } = r;
  const attempts = core.failures.count ? 1 : maxAttempts;
  for (let n = 1; ; n++) {
    check(r);
    const answer = await r.rpc.refresh(s, r.signal).catch(toError);
    if ("raw" in answer) {
      return replace(r, s, answer);
    }
    check(r);
    const verdict = judge(answer);
    if (verdict === "raced") {
      return race(r, s, answer);
    }
    let dead = verdict === "dead";
    let most = verdict === "transient" ? attempts : 1;
    if (verdict === "doubtful") {
      core.failures.doubt ??= now(r);
      dead = now(r) >= core.failures.doubt + doubtApart;
      most = Math.min(attempts, 2);
    }
    if (dead) {
      return end(r, s, answer);
    }
    await pause(r, n, n < most, answer);
    // Another tab or process may have been luckier.
    const current = await latest(r, s);
    if (!current || (current !== s && usable(core, current, r.refused))) {
      return current;
    }
    s = current;
  }
}

/** Waits before another attempt, or fails where there is none. */
async function pause(
  r: Renewal,
  n: number,
  again: boolean,
  error: OpenWearablesError,
): Promise<void> {
  const ms = pauseAfter(error, backoff(n));
  const willRetry = again && ms + 1_000 < r.left();
  emit(r, "refreshFailed", { willRetry, error });
  if (!willRetry) {
    throw fail(r.core, error);
  }
  flush(r);
  await sleep(ms, r.signal);
}

/** Stores the new session in place of the old one and makes it current. */
async function replace(
  r: Renewal,
  old: Session | undefined,
  s: Session,
): Promise<Session | undefined> {
  const refusalApart = 10_000; // before a token fetched for a refusal is renewed for another
  if (!stale(r)) {
    const saved = await write(r, s.raw, old);
    if (saved === false) {
      const current = await load(r); // another tab or process was first
      if (current?.record.id !== s.record.id) {
        r.rpc.drop(s); // nobody will hold it
      }
      return current;
    }
    const trusted = r.refused ? now(r) + refusalApart : 0;
    s = { ...kept(r.core, s, saved ? s.raw : old?.held), trusted };
  }
  if (stale(r)) {
    await r.place.swap(undefined, s.raw).catch(() => {}); // or somebody replaced it
    r.rpc.drop(s);
  } else {
    adopt(r, old, s, false);
  }
  return s;
}

/** Puts next in place of old; undefined is that the store failed, which is told. */
function write(
  r: Renewal,
  next: string | undefined,
  old: Session | undefined,
): Promise<boolean | undefined> {
  return r.place.swap(next, old?.held).catch((error) => emit(r, "storageError", { error }));
}

/** Waits for whoever spent the token first to store what they got. */
async function race(
  r: Renewal,
  s: Session,
  cause: OpenWearablesError,
): Promise<Session | undefined> {
  const raceWait = 2_000; // for the winner's pair to be stored
  const racePoll = 100;
  for (const until = now(r) + raceWait; now(r) < until; ) {
    const current = await latest(r, s);
    if (current !== s) {
      return current;
    }
    await sleep(racePoll, r.signal);
  }
  return end(r, s, cause);
}

/**
 * Closes a session that the server has ended, unless the store holds another one
 * by now or the provider knows of one.
 */
async function end(
  r: Renewal,
  s: Session,
  cause: OpenWearablesError,
): Promise<Session | undefined> {
  const current = await load(r);
  if (current !== s) {
    return current;
  }
  r.core.failures.dead = cause;
  const fresh = await ask(r, cause.reason);
  if (fresh) {
    return replace(r, s, fresh);
  }
  const cleared = await write(r, undefined, s);
  const other = cleared === false && (await latest(r, s));
  if (other && other !== s) {
    return other;
  }
  const silent = cause.reason === "signed_out"; // there was none to end
  const error = silent ? cause : sessionExpired(cause);
  if (!stale(r)) {
    publish(r.core, undefined, { id: s.record.id, error });
    if (!silent) {
      emit(r, "sessionExpired", { reason: cause.reason });
    }
  }
  throw error;
}

/** Asks the provider where nobody is signed in, unless a person signed out. */
async function signIn(r: Renewal): Promise<Session | undefined> {
  const out = r.core.ended?.error.kind === "unauthenticated";
  const fresh = out ? undefined : await ask(r, "signed_out");
  if (fresh) {
    return replace(r, undefined, fresh);
  }
  throw fail(r.core, absent(r));
}

/** Gets a session of its own from the provider; undefined where nobody is signed in. */
async function ask(r: Renewal, reason: string): Promise<Session | undefined> {
  const { core, options, signal } = r;
  const { provider, userId } = options;
  if (!provider) {
    return undefined;
  }
  const asked = now(r);
  try {
    const pair = readPair(await unless(signal, provider({ userId, reason, signal })));
    return newSession(core.base, randomKey(), pair, core.clock, asked);
  } catch (e) {
    check(r);
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
async function load(r: Renewal): Promise<Session | undefined> {
  const { core } = r;
  const raw = await r.place.load();
  check(r);
  const current = core.session;
  const { raw: own, held } = current ?? {};
  if (raw === own || raw === held) {
    return own === held ? current : saveAgain(r, current as Session, raw);
  }
  const s = raw ? openSession(core, raw) : undefined;
  if (s && s.record.id === core.ended?.id) {
    await r.place.swap(undefined, raw).catch(() => {}); // it would not go before
    return undefined;
  }
  adopt(r, current, s, true);
  return s;
}

/** Stores a session that the store, which holds raw, refused before. */
async function saveAgain(r: Renewal, s: Session, raw: string | undefined): Promise<Session> {
  const saved = raw === s.raw || (await r.place.swap(s.raw, raw).catch(() => false));
  const next = kept(r.core, s, saved ? s.raw : raw);
  if (!stale(r)) {
    publish(r.core, next);
  }
  return next;
}

/** What the store holds; s if it cannot be told. */
function latest(r: Renewal, s: Session): Promise<Session | undefined> {
  return load(r).catch(() => s);
}

/** Makes s current in place of old; `other`: another tab or process did it first. */
function adopt(r: Renewal, old: Session | undefined, s: Session | undefined, other: boolean): void {
  publish(r.core, s);
  emit(r, !s ? "signedOut" : old?.record.id === s.record.id ? "tokenRefreshed" : "signedIn", {
    other,
  });
}

/** Tells an event at the next flush. */
function emit<N extends EventName>(r: Renewal, name: N, event: Events[N]): undefined {
  r.later.push(() => tell(r.core, name, event));
}

function flush({ later }: Renewal): void {
  for (const event of later.splice(0)) {
    event();
  }
}

function now({ core }: Renewal): number {
  return core.clock.mono();
}

/** What a caller gets where no session is. */
function absent({ core }: Renewal): OpenWearablesError {
  return core.ended?.error ?? signedOut();
}

/** Whether somebody signed in or out. */
function stale({ core, generation }: Renewal): boolean {
  return core.generation !== generation;
}

/** Whether nobody can use what the renewal brings. */
function gone(r: Renewal): boolean {
  return r.until.aborted || stale(r);
}

function check(r: Renewal): void {
  if (gone(r)) {
    throw absent(r); // which nobody gets
  }
}
