import type { OpenWearablesError } from "./error.js";

/**
 * Reports whether a failure is transient: no response, a request that did not arrive in
 * time, 429, 500, 503, or a gateway's 502 and 504.
 */
export function isRetryable(err: OpenWearablesError): boolean {
  return err.status
    ? [408, 429, 500, 502, 503, 504].includes(err.status)
    : ["offline", "unavailable", "rate_limited"].includes(err.kind) ||
        (err.code === "internal" && !["invalid_response", "fetch_failed"].includes(err.reason)) ||
        ["idempotency_in_progress", "request_timeout"].includes(err.reason);
}
