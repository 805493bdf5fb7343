import { Code } from "@connectrpc/connect";
import type { OpenWearablesError } from "./error.js";

/**
 * A call failed in passing: no answer, 429, 500, 503, or what a gateway says when
 * its server is away.
 */
export function isRetryable(err: OpenWearablesError): boolean {
  return err.status
    ? [429, 500, 502, 503, 504].includes(err.status)
    : ["offline", "unavailable", "rate_limited"].includes(err.kind) ||
        err.code === Code.Internal ||
        err.reason === "idempotency_in_progress";
}
