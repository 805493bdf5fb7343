import { Code } from "@connectrpc/connect";
import type { OpenWearablesError } from "../error.js";

/**
 * What a failed refresh attempt means for the session: try again with the same
 * retry key · somebody else spent the token moments ago · the session has ended ·
 * a 401 that says not why · the request can never work, and the session is not
 * the cause.
 */
export type Verdict = "transient" | "raced" | "dead" | "doubtful" | "futile";

const refusals: Record<string, Verdict> = {
  refresh_token_used: "raced",
  invalid_refresh_token: "dead",
  refresh_token_reused: "dead",
  signed_out: "dead",
};

/** Decides on a refresh attempt. Only the server's own reason ends a session. */
export function judge(err: OpenWearablesError): Verdict {
  if (err.code === Code.Unauthenticated) {
    return refusals[err.reason] ?? "doubtful";
  }
  const faulty =
    ["forbidden", "invalid", "not_found"].includes(err.kind) || err.code === Code.Unimplemented;
  return faulty && !err.status ? "futile" : "transient";
}

// Milliseconds.
export const attemptTimeout = 10_000;
const maxCooldown = 60_000;

/** The full-jitter wait before the retry after n failures: up to 250 ms, doubling to 8 s. */
export function backoff(n: number): number {
  return Math.random() * Math.min(8_000, 250 * 2 ** (n - 1));
}

/** How long to wait after an error: what the server asks for, at most a minute, or ms. */
export function pauseAfter(err: OpenWearablesError, ms: number): number {
  return Math.min(err.retryAfterMs || ms, maxCooldown);
}

/**
 * How long nobody tries after the n-th renewal in a row that failed: 5 to 10 s,
 * doubling up to a minute, or what the server asks for.
 */
export function cooldown(n: number, err: OpenWearablesError): number {
  return pauseAfter(err, Math.min(5_000 * 2 ** (n - 1), maxCooldown / 2) * (1 + Math.random()));
}
