import type { Clock } from "../clock.js";
import { fromBase64, hex } from "../encoding.js";
import { storageError, unsupported } from "../error.js";
import { credentialError, type Pair } from "../pair.js";

/**
 * A session as it is stored. It is always replaced as a whole. The retry key is
 * drawn with the pair, so that another tab, or this one after a crash, repeats the
 * same renewal and does not start a second one. The Go SDK reads and writes the
 * same form.
 */
export interface SessionRecord {
  version: 1;
  base_url: string;
  /** The `userId` that the app gave, else the subject of the token. Old records lack it. */
  user_id?: string;
  /** Identifies the sign-in; renewals keep it. */
  id: string;
  access_token: string;
  refresh_token?: string;
  retry_key: string;
  /** Seconds. */
  ttl: number;
  /** Unix milliseconds on the server's clock, like saved_at. */
  expires_at: number;
  saved_at: number;
  /** How many milliseconds the server's clock was ahead of the writer's. */
  skew: number;
}

/** Whose sessions an engine uses. */
export interface Owner {
  readonly base: string;
  /** The `userId` that the app gave; empty for any user. */
  readonly user: string;
  readonly clock: Clock;
}

/** A record in use. It never changes. Its times are on the monotonic clock. */
export interface Session {
  readonly record: SessionRecord;
  /** The record as it is stored. */
  readonly raw: string;
  /** What the store holds for this session: raw, or what it held when saving raw failed. */
  readonly stored: string | undefined;
  /** Saving raw failed and stored is unknown: whatever the store holds, this replaces it. */
  readonly unread?: boolean;
  readonly renewAt: number;
  readonly expiresAt: number;
  /** When to store it again; Infinity if the store holds it. */
  readonly saveAt: number;
  /** Until then, a refusal of the access token does not cause a renewal. */
  readonly trustedUntil: number;
}

/** Returns 128 random bits in lower-case hex. */
export function randomKey(): string {
  if (!globalThis.crypto?.getRandomValues) {
    throw unsupported("crypto.getRandomValues");
  }
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => hex(b, 2)).join("");
}

/**
 * Returns the session of a token pair.
 *
 * @param asked when the pair was requested, on the monotonic clock
 * @param date the server's clock, NaN if unknown
 * @param key the retry key of the next renewal
 */
export function newSession(
  { base, user, clock }: Owner,
  id: string,
  pair: Pair,
  asked: number,
  date = NaN,
  key = randomKey(),
): Session {
  const now = clock.wall();
  const ahead = date - now;
  const skew = Math.abs(ahead) >= 2_000 ? ahead : 0; // a Date header has a resolution of one second
  const userId = user || subject(pair.access);
  const record: SessionRecord = {
    version: 1,
    base_url: base,
    ...(userId && { user_id: userId }),
    id,
    access_token: pair.access,
    ...(pair.refresh && { refresh_token: pair.refresh }),
    retry_key: key,
    ttl: Math.floor(pair.ttl),
    expires_at: now + skew + pair.ttl * 1000,
    saved_at: now + skew,
    skew,
  };
  return toSession(record, JSON.stringify(record), asked + pair.ttl * 1000);
}

/** Returns the subject of an access token, empty if it cannot be read. */
export function subject(token: string): string {
  try {
    const { sub } = JSON.parse(fromBase64(token.split(".")[1] ?? ""));
    return typeof sub === "string" ? sub : "";
  } catch {
    return "";
  }
}

/**
 * Reads a stored record, undefined if it is of another user or base URL. Its remaining lifetime is computed on the server's clock,
 * as the writer measured it. A record whose remaining lifetime exceeds its ttl, such
 * as one from the future, counts as expired.
 *
 * @throws OpenWearablesError of kind `storage_unavailable` for anything else than a session
 */
export function openSession({ base, user, clock }: Owner, raw: string): Session | undefined {
  try {
    const r: SessionRecord = JSON.parse(raw);
    const valid =
      r.version === 1 &&
      typeof r.base_url === "string" &&
      r.id &&
      r.access_token &&
      !credentialError(`${r.access_token}${r.refresh_token ?? ""}`) &&
      Number.isFinite(r.ttl + r.expires_at + r.saved_at + r.skew);
    if (valid) {
      if (r.base_url !== base || (user && user !== (r.user_id ?? ownerOf(r, user)))) {
        return undefined;
      }
      const left = r.expires_at - clock.wall() - r.skew;
      return toSession(r, raw, clock.mono() + (left > r.ttl * 1000 + 5_000 ? 0 : left));
    }
  } catch {
    // The parser's message quotes the record.
  }
  throw storageError(new Error("what it holds is no session; use another store"));
}

/**
 * Returns whose an old record is, which does not say it, if one user is asked for: the
 * token's subject is an id of the server, and can be compared only to such an id.
 */
function ownerOf({ access_token }: SessionRecord, user: string): string {
  const isServerId = /^[\da-f]{32}$/i.test(user.replace(/-/g, ""));
  return isServerId ? subject(access_token) : user;
}

/** Returns the id of the sign-in that a stored record is of, undefined for what is no record. */
function idOf(raw: string | undefined): string | undefined {
  try {
    return JSON.parse(raw ?? "{}").id;
  } catch {
    return undefined;
  }
}

/**
 * Reports whether raw is what a renewal, or the end, made of the session that the sign-in of s
 * replaced, and could not replace in the store.
 */
export function wasReplaced({ record, stored }: Session, raw: string | undefined): boolean {
  const id = idOf(stored);
  return !!stored && id !== record.id && (!raw || idOf(raw) === id);
}

/** Reports whether a session stands for a cookie of which only a renewal can tell. */
export function isStub({ record }: Session): boolean {
  return record.saved_at === 0;
}

/** Reports whether a record is the session of another user or base URL. */
export function isOthers(owner: Owner, raw: string | undefined): boolean {
  try {
    return !!raw && !openSession(owner, raw);
  } catch {
    return false;
  }
}

/**
 * Returns the session of a record. It is renewed a minute, or a quarter of its
 * lifetime, before it expires. A jitter of up to a fifth of that spreads clients.
 */
function toSession(record: SessionRecord, raw: string, expiresAt: number): Session {
  const margin = Math.min(60_000, (record.ttl * 1000) / 4) * (1 + Math.random() / 5);
  return {
    record,
    raw,
    stored: raw,
    renewAt: expiresAt - margin,
    expiresAt,
    saveAt: Infinity,
    trustedUntil: 0,
  };
}
