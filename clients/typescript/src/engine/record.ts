import type { Clock } from "../clock.js";
import { storageError, unavailable } from "../error.js";
import { credentialError, type Pair } from "../pair.js";

/**
 * A session as it is stored: all of it is replaced at once. The retry key is
 * drawn with the pair, so that whoever finds the record, another tab or this one
 * after a crash, repeats the same renewal and not a second one. The Go client
 * reads and writes the same form.
 */
export interface SessionRecord {
  version: 1;
  base_url: string;
  /** Of the sign-in, the same for all its renewals. */
  id: string;
  access_token: string;
  refresh_token?: string;
  retry_key: string;
  /** Seconds. */
  ttl: number;
  /** Unix milliseconds of the server's clock, as saved_at. */
  expires_at: number;
  saved_at: number;
  /** Milliseconds that the server's clock was ahead of the writer's. */
  skew: number;
}

/** A record in use. It is never changed once published. */
export interface Session {
  readonly record: SessionRecord;
  /** The record as it is stored. */
  readonly raw: string;
  /** What the store holds where it holds this session: raw, unless it refused that. */
  readonly stored: string | undefined;
  /** Monotonic: when to renew it, when it is over, when to store it again. */
  readonly renewAt: number;
  readonly expiresAt: number;
  readonly saveAt: number;
  /** Monotonic: until when a refusal is no cause to fetch another one. */
  readonly trustedUntil: number;
}

/** 128 random bits in lower-case hex. */
export function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((b) => b.toString(16).padStart(2, "0"))
    .join("");
}

/**
 * Makes the session of a pair that was asked for at asked. What may be known beside:
 * date, the server's clock, and the retry key that stays.
 */
export function newSession(
  base: string,
  id: string,
  pair: Pair,
  clock: Clock,
  asked: number,
  date = NaN,
  key = randomKey(),
): Session {
  const now = clock.wall();
  const ahead = date - now;
  const skew = Math.abs(ahead) >= 2_000 ? ahead : 0; // a Date header has whole seconds
  const record: SessionRecord = {
    version: 1,
    base_url: base,
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

/**
 * Reads a stored record. Its remaining life is counted on the server's clock as
 * the writer knew it; one that would live longer than it ever did, as a record from
 * the future would, is over.
 */
export function openSession({ base, clock }: { base: string; clock: Clock }, raw: string): Session {
  try {
    const r: SessionRecord = JSON.parse(raw);
    const valid =
      r.version === 1 &&
      r.base_url === base &&
      r.id &&
      r.access_token &&
      !credentialError(`${r.access_token}${r.refresh_token ?? ""}`) &&
      Number.isFinite(r.ttl + r.expires_at + r.saved_at + r.skew);
    if (valid) {
      const left = r.expires_at - clock.wall() - r.skew;
      return toSession(r, raw, clock.mono() + (left > r.ttl * 1000 + 5_000 ? 0 : left));
    }
  } catch {
    // The parser's message quotes the record.
  }
  throw storageError(new Error(`it holds no session of ${base}; use another store`));
}

/** The margin is a minute or a quarter of the life, and up to a fifth more so that not all come at once. */
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

export function badAnswer() {
  return unavailable("the answer holds no usable token pair", "foreign_answer");
}
