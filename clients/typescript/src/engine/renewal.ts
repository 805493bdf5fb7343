import { abortable, sleep, startDeadline } from "../clock.js";
import {
  failure,
  type OpenWearablesError,
  SignInRequiredError,
  sessionExpired,
  toError,
} from "../error.js";
import { readPair } from "../pair.js";
import {
  type Context,
  enqueue,
  flush,
  isObsolete,
  isSuperseded,
  now,
  type Renewal,
  throwIfObsolete,
} from "./context.js";
import {
  cooldownError,
  isDue,
  isSame,
  isUsable,
  noSessionError,
  pauseFor,
  publish,
  startCooldown,
  storeFailed,
  withStored,
} from "./core.js";
import { clearEnded } from "./ending.js";
import { providerError } from "./provider.js";
import {
  isOthers,
  isStub,
  newSession,
  openSession,
  randomKey,
  type Session,
  wasReplaced,
} from "./record.js";
import { backoff, judge, pauseAfter } from "./verdict.js";

/**
 * Brings a session up to date: adopts what another tab or process stored, renews the
 * session, or gets one from the token provider. It runs to its end even if no caller
 * waits any more. If it fails while the access token can still be sent, it resolves
 * with the current session. It resolves with undefined if its result is obsolete: the
 * user signed in or out, or the engine was disposed of.
 *
 * @param refused the access token that the server refused, or empty
 * @param adoptOnly adopts what is stored and does nothing else
 */
export async function renew(
  context: Context,
  refused: string,
  adoptOnly?: boolean,
): Promise<Session | undefined> {
  const timeout = 35_000;
  const { core } = context;
  const r: Renewal = {
    ...context,
    ...startDeadline(context.disposed, timeout),
    refused,
    generation: core.generation,
    events: [],
  };
  const outcome =
    (await (adoptOnly ? load(r) : renewLocked(r)).catch(toError)) ?? noSessionError(r.core);
  r.done();
  flush(r);
  if (isObsolete(r)) {
    return undefined;
  }
  if ("raw" in outcome) {
    return outcome;
  }
  if (outcome.kind === "storage_unavailable" && !adoptOnly) {
    storeFailed(core, outcome);
  }
  const s = core.session;
  if (isUsable(core, s, refused)) {
    return s;
  }
  throw outcome;
}

/** Takes the lock, adopts what is stored, and renews the session if that is still needed. */
async function renewLocked(r: Renewal): Promise<Session | undefined> {
  const { core } = r;
  const before = core.session;
  const unlock =
    r.options.readOnly || cooldownError(core) ? undefined : await r.store.lock(r.signal);
  try {
    const s = await load(r);
    if (isUsable(core, s, r.refused) && (!isSame(s, before) || !isDue(core, s))) {
      return s;
    }
    const failed = cooldownError(core);
    if (failed) {
      throw failed;
    }
    return await (s ? refreshOrEnd(r, s) : signIn(r));
  } finally {
    unlock?.();
  }
}

/** Renews s, or ends it if it is known to be dead. */
async function refreshOrEnd(r: Renewal, s: Session): Promise<Session | undefined> {
  if (r.options.readOnly) {
    throw failure(
      "unavailable",
      "the access token has expired, and is renewed elsewhere",
      "refresh_elsewhere",
    );
  }
  if (s.record.access_token === r.refused && now(r) < s.trustedUntil) {
    throw failure("unauthenticated", "a fresh access token is refused", "invalid_token");
  }
  const dead = s.record.refresh_token
    ? r.core.failures.dead
    : failure("unauthenticated", "the access token has expired", "no_refresh_token");
  return dead ? endSession(r, s, dead) : refresh(r, s);
}

/** Makes the attempts. They share a retry key, so the server performs at most one renewal. */
async function refresh(r: Renewal, s: Session): Promise<Session | undefined> {
  const maxAttempts = 4;
  const doubtApart = 5_000; // between two doubtful verdicts that end the session
  const { core } = r;
  const attempts = core.failures.count ? 1 : maxAttempts;
  for (let n = 1; ; n++) {
    throwIfObsolete(r);
    const answer = await r.rpc.refresh(s, r.signal).catch(toError);
    if ("raw" in answer) {
      return replace(r, s, answer);
    }
    throwIfObsolete(r);
    const verdict = judge(answer);
    if (verdict === "raced") {
      return race(r, s, answer);
    }
    let dead = verdict === "dead";
    let allowed = verdict === "transient" ? attempts : 1;
    if (verdict === "doubtful") {
      core.failures.doubt ??= now(r);
      dead = now(r) >= core.failures.doubt + doubtApart;
      allowed = Math.min(attempts, 2);
    }
    if (dead) {
      return endSession(r, s, answer);
    }
    await pause(r, n, n < allowed, answer);
    // Another tab or process may have succeeded.
    const current = await latest(r, s);
    if (!current || (!isSame(current, s) && isUsable(core, current, r.refused))) {
      return current;
    }
    s = current;
  }
}

/** Waits before the next attempt, or throws if there is none. */
async function pause(
  r: Renewal,
  n: number,
  again: boolean,
  error: OpenWearablesError,
): Promise<void> {
  const ms = pauseAfter(error, backoff(n));
  const willRetry = again && ms + 1_000 < r.left();
  enqueue(r, "refreshFailed", { willRetry, error });
  if (!willRetry) {
    throw startCooldown(r.core, error);
  }
  flush(r);
  await pauseFor(r.core, error, ms, r.signal);
}

/**
 * Stores s in place of old and makes it current. If another tab or process stored a
 * session first, that one is adopted instead.
 */
async function replace(
  r: Renewal,
  old: Session | undefined,
  s: Session,
): Promise<Session | undefined> {
  const refusalApart = 10_000; // between two renewals that refusals cause
  if (!isSuperseded(r)) {
    const saved = await swap(r, s.raw, old);
    if (saved === false) {
      const current = await load(r); // another tab or process stored first
      if (current?.record.id !== s.record.id) {
        r.rpc.discard(s); // no store holds it
      }
      return current;
    }
    const trustedUntil = r.refused ? now(r) + refusalApart : 0;
    s = { ...withStored(r.core, s, saved ? s.raw : held(r, old)), trustedUntil };
  }
  if (isSuperseded(r)) {
    await r.store.swap(undefined, s.raw).catch(() => {}); // it may have been replaced
    r.rpc.discard(s);
  } else {
    adopt(r, old, s, false);
  }
  return s;
}

/** Returns the record that the store holds while old is current. */
function held({ core }: Renewal, old: Session | undefined): string | undefined {
  return old ? old.stored : core.others;
}

/** Stores next in place of old. If the store fails, it resolves with undefined and emits that. */
async function swap(
  r: Renewal,
  next: string | undefined,
  old: Session | undefined,
): Promise<boolean | undefined> {
  const expected = held(r, old);
  if (next === undefined && isOthers(r.core, expected)) {
    return true; // old was never stored
  }
  return r.store.swap(next, expected).catch((error) => enqueue(r, "storageError", { error }));
}

/** Waits until the client that spent the token first has stored its session. */
async function race(
  r: Renewal,
  s: Session,
  cause: OpenWearablesError,
): Promise<Session | undefined> {
  const raceWait = 2_000; // for the winner's pair to be stored
  const racePoll = 100;
  for (const until = now(r) + raceWait; now(r) < until; ) {
    const current = await latest(r, s);
    if (!isSame(current, s)) {
      return current;
    }
    await sleep(racePoll, r.signal);
  }
  return endSession(r, s, cause);
}

/**
 * Ends a session that the server has ended, unless the store holds a newer one or
 * the provider returns one.
 */
async function endSession(
  r: Renewal,
  s: Session,
  cause: OpenWearablesError,
): Promise<Session | undefined> {
  const current = await load(r);
  if (!current || !isSame(current, s)) {
    return current;
  }
  s = current;
  r.core.failures.dead = cause;
  const fresh = await askProvider(r, cause.reason);
  if (fresh) {
    return replace(r, s, fresh);
  }
  const cleared = await swap(r, undefined, s);
  const other = cleared === false && (await latest(r, s));
  if (other && !isSame(other, s)) {
    return other;
  }
  const silent = cause.reason === "signed_out"; // there was no session to end
  const error = silent ? cause : sessionExpired(cause);
  if (!isSuperseded(r)) {
    publish(r.core, undefined, { id: s.record.id, error });
    if (!silent) {
      enqueue(r, "sessionExpired", { reason: cause.reason });
    } else if (r.core.told) {
      enqueue(r, "signedOut", { other: true });
    }
    r.core.told = undefined;
  }
  throw error;
}

/** Gets a first session from the provider, unless the user signed out. */
async function signIn(r: Renewal): Promise<Session | undefined> {
  const out = r.core.ended?.error.kind === "unauthenticated";
  const fresh = out ? undefined : await askProvider(r, "signed_out");
  if (fresh) {
    return replace(r, undefined, fresh);
  }
  throw noSessionError(r.core);
}

/** Resolves with a session from the provider, undefined if nobody is signed in there. */
async function askProvider(r: Renewal, reason: string): Promise<Session | undefined> {
  const { core, options, signal } = r;
  const { provider, userId } = options;
  if (!provider) {
    return undefined;
  }
  const asked = now(r);
  try {
    const pair = readPair(await abortable(signal, provider({ userId, reason, signal })));
    return newSession(core, randomKey(), pair, asked);
  } catch (e) {
    throwIfObsolete(r);
    if (e instanceof SignInRequiredError) {
      return undefined;
    }
    throw providerError(core, options, e);
  }
}

/**
 * Makes current what the store holds and resolves with it; the session of another user or
 * base URL is nothing. A session that could not be stored stays current until the store
 * holds another one, and replaces what a sign-in could not read, whatever that is, and what
 * became of the session before a sign-in.
 */
async function load(r: Renewal): Promise<Session | undefined> {
  const { core } = r;
  const raw = await r.store.load();
  throwIfObsolete(r);
  const current = core.session;
  const { raw: own, stored, unread } = current ?? {};
  core.others = undefined;
  if (raw === own || raw === stored || unread || (current && wasReplaced(current, raw))) {
    return own === stored ? current : saveAgain(r, current as Session, raw);
  }
  const s = raw ? openSession(core, raw) : undefined;
  core.others = s ? undefined : raw;
  if (!s && !current) {
    return undefined;
  }
  const clearing = s && clearEnded(r, s);
  if (clearing) {
    return clearing;
  }
  adopt(r, current, s, true);
  return s;
}

/** Stores a session again whose saving failed before; the store holds raw. */
async function saveAgain(r: Renewal, s: Session, raw: string | undefined): Promise<Session> {
  const saved = raw === s.raw || (await r.store.swap(s.raw, raw).catch(() => false));
  const next = withStored(r.core, s, saved ? s.raw : raw);
  if (!isSuperseded(r)) {
    publish(r.core, next);
  }
  return next;
}

/** Resolves with what the store holds, or with s if the store fails. */
function latest(r: Renewal, s: Session): Promise<Session | undefined> {
  return load(r).catch(() => s);
}

/** Makes s current in place of old. `other`: another tab or process stored it. */
function adopt(r: Renewal, old: Session | undefined, s: Session | undefined, other: boolean): void {
  const { core } = r;
  const { told } = core;
  publish(core, s);
  if (!s) {
    core.told = undefined;
    if (told) {
      enqueue(r, "signedOut", { other });
    }
  } else if (!isStub(s)) {
    const found = old && isStub(old); // an earlier page signed in
    core.told = s.record.id;
    enqueue(r, told === s.record.id ? "tokenRefreshed" : "signedIn", { other: other || !!found });
  }
}
