import type { Clock } from "../clock.js";
import { storageError, unavailable } from "../error.js";
import { notBare, type Pair } from "../pair.js";
import { saveRetry } from "./verdict.js";

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
  /** Set while the store refuses raw: what it holds instead, and when to try again. */
  readonly unsaved?: { over: string | undefined; again: number };
  /** Monotonic: when to renew it, when it is over. */
  readonly soft: number;
  readonly hard: number;
  /** Monotonic: when it was fetched because the one before was refused; 0 if it was not. */
  readonly forRefusal?: number;
}

/** What the store holds where it holds this session. */
export function stored(s: Session | undefined): string | undefined {
  return s?.unsaved ? s.unsaved.over : s?.raw;
}

/** A session that the store, which holds over, does not take for now. */
export function unstored(s: Session, over: string | undefined, now: number): Session {
  return { ...s, unsaved: { over, again: now + saveRetry } };
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
  return arm(record, JSON.stringify(record), asked + pair.ttl * 1000);
}

/**
 * Reads a stored record. Its remaining life is counted on the server's clock as
 * the writer knew it; a record from the future, or one that would live longer
 * than it ever did, is over.
 */
export function openSession(base: string, raw: string, clock: Clock): Session {
  const r = parse(raw);
  if (r?.base_url !== base) {
    throw storageError(new Error(`it holds no session of ${base}; use another store`));
  }
  const now = clock.wall() + r.skew;
  const ttl = r.ttl * 1000;
  let left = r.expires_at - now;
  if (now < r.saved_at - 5_000 || left > ttl + 5_000 || left < 0) {
    left = 0;
  }
  return arm(r, raw, clock.mono() + left);
}

function parse(raw: string): SessionRecord | undefined {
  try {
    const r = JSON.parse(raw) as SessionRecord;
    const whole =
      r.version === 1 &&
      r.id &&
      r.access_token &&
      !notBare(`${r.access_token}${r.refresh_token ?? ""}`) &&
      Number.isFinite(r.ttl + r.expires_at + r.saved_at + r.skew);
    return whole ? r : undefined;
  } catch {
    return undefined; // the parser's message quotes the record
  }
}

/** The margin is a minute or a quarter of the life, and up to a fifth more so that not all come at once. */
function arm(record: SessionRecord, raw: string, hard: number): Session {
  const margin = Math.min(60_000, (record.ttl * 1000) / 4) * (1 + Math.random() / 5);
  return { record, raw, soft: hard - margin, hard };
}

export function badAnswer() {
  return unavailable("the answer holds no usable token pair", "foreign_answer");
}
