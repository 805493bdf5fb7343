import { OpenWearablesError } from "../error.js";
import { kindOf } from "../kind.js";
import { unanswered } from "../network.js";
import { isRetryable } from "../retry.js";

/**
 * What a failed refresh attempt means for the session.
 *
 * - `transient`: try again with the same retry key
 * - `raced`: another client spent the token moments ago
 * - `dead`: the session has ended
 * - `doubtful`: a 401 without a known reason
 * - `futile`: the request or its response can never work, and the session is not the cause
 */
export type Verdict = "transient" | "raced" | "dead" | "doubtful" | "futile";

const refusals: Record<string, Verdict> = {
  refresh_token_used: "raced",
  invalid_refresh_token: "dead",
  refresh_token_reused: "dead",
  signed_out: "dead",
};

/** Returns the verdict on a failed attempt. Only a reason from the server ends a session. */
export function judge(err: OpenWearablesError): Verdict {
  if (err.code === "unauthenticated") {
    return (!err.status && refusals[err.reason]) || "doubtful"; // whatever a gateway says
  }
  const transient = err.status || err.kind === "timeout" || isRetryable(err);
  return transient ? "transient" : "futile";
}

// In milliseconds.
export const attemptTimeout = 10_000;
export const maxCooldown = 60_000;

/**
 * Returns the wait before a retry after n failures, with full jitter: up to 250 ms,
 * doubling to 8 s.
 */
export function backoff(n: number): number {
  return Math.random() * Math.min(8_000, 250 * 2 ** (n - 1));
}

/** Returns how long to wait after an error: what the server asks for, else ms; at most a minute. */
export function pauseAfter(err: OpenWearablesError, ms: number): number {
  return Math.min(err.retryAfterMs || ms, maxCooldown);
}

/** Reports whether no response came, from the server or to a token provider. */
function isUnanswered({ kind, reason, cause }: OpenWearablesError): boolean {
  if (reason === "token_provider_failed") {
    const { name } = Object(cause) as { name?: unknown };
    return cause instanceof OpenWearablesError
      ? isUnanswered(cause)
      : name === "TimeoutError" ||
          (name === "TypeError" && kindOf(unanswered(cause, true)) === "offline");
  }
  const tookTooLong = kind === "unavailable" && !reason && !cause;
  return tookTooLong || kind === "offline" || kind === "timeout";
}

/**
 * Returns the length of the cooldown after n failed renewals in a row: 5 to 10 s,
 * doubling up to a minute, or what the server asks for. Else it is 1 to 2 s if no
 * response came, which says nothing of the next moment.
 */
export function cooldown(n: number, err: OpenWearablesError): number {
  if (!err.retryAfterMs && isUnanswered(err)) {
    return 1_000 * (1 + Math.random());
  }
  return pauseAfter(err, Math.min(5_000 * 2 ** (n - 1), maxCooldown / 2) * (1 + Math.random()));
}
