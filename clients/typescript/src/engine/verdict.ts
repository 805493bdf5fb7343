import { Code } from "@connectrpc/connect";
import type { OpenWearablesError } from "../error.js";

/**
 * What a failed refresh attempt means for the session: try again with the same
 * retry key · somebody else spent the token moments ago · the session has ended ·
 * a 401 that says not why · the request can never work, and the session is not
 * the cause.
 */
export type Verdict = "transient" | "raced" | "dead" | "doubtful" | "misconfigured";

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
  return faulty && !err.status ? "misconfigured" : "transient";
}

// How long the engine waits, in milliseconds, and how often it tries.
export const flightTimeout = 35_000;
export const attemptTimeout = 10_000;
export const lockTimeout = 12_000; // longer than an attempt
export const maxAttempts = 4;
export const raceWait = 2_000; // for the winner's pair to be stored
export const racePoll = 100;
export const doubtApart = 5_000; // between two equal doubtful verdicts that count
export const refusalApart = 10_000; // before a token fetched for a refusal is renewed for another
export const saveRetry = 5_000; // before a refused save is tried again
export const maxCooldown = 60_000;

/** The full-jitter wait before the retry after n failures: up to 250 ms, doubling to 8 s. */
export function backoff(n: number): number {
  return Math.random() * Math.min(8_000, 250 * 2 ** (n - 1));
}

/**
 * How long nobody tries after the n-th flight in a row that failed: 5 to 10 s,
 * doubling up to a minute, or what the server asks for.
 */
export function cooldown(n: number, err: OpenWearablesError): number {
  return err.retryAfterMs
    ? Math.min(err.retryAfterMs, maxCooldown)
    : Math.min(5_000 * 2 ** (n - 1), maxCooldown / 2) * (1 + Math.random());
}
