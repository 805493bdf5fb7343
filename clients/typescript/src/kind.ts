import { type ErrorKind, find } from "./error.js";

/**
 * Returns the kind of an error of this package, also if it is the cause of another one,
 * and `internal` for any other error.
 */
export function kindOf(err: unknown): ErrorKind {
  return find(err)?.kind ?? "internal";
}

/** Reports whether there is no credential or it was refused, including an expired session. */
export function isUnauthenticated(err: unknown): boolean {
  return kindOf(err) === "unauthenticated" || isSessionExpired(err);
}

/** Reports whether the server ended the session: sign in again. */
export function isSessionExpired(err: unknown): boolean {
  return kindOf(err) === "session_expired";
}

/** Reports whether the credential does not permit the call. */
export function isForbidden(err: unknown): boolean {
  return kindOf(err) === "forbidden";
}

/** Reports whether the resource does not exist. */
export function isNotFound(err: unknown): boolean {
  return kindOf(err) === "not_found";
}

/** Reports whether the request or an option must change. */
export function isInvalid(err: unknown): boolean {
  return kindOf(err) === "invalid";
}

/** Reports whether a limit was reached: wait for `retryAfterMs`. */
export function isRateLimited(err: unknown): boolean {
  return kindOf(err) === "rate_limited";
}

/** Reports whether the resource exists already, or the same call is still running. */
export function isConflict(err: unknown): boolean {
  return kindOf(err) === "conflict";
}

/** Reports whether the server, or a proxy before it, fails for the moment. */
export function isUnavailable(err: unknown): boolean {
  return kindOf(err) === "unavailable";
}

/** Reports whether the deadline passed. */
export function isTimeout(err: unknown): boolean {
  return kindOf(err) === "timeout";
}

/** Reports whether no response came. */
export function isOffline(err: unknown): boolean {
  return kindOf(err) === "offline";
}

/** Reports whether the caller aborted the call. */
export function isCanceled(err: unknown): boolean {
  return kindOf(err) === "canceled";
}

/** Reports whether the session's store failed. The session is not lost. */
export function isStorageUnavailable(err: unknown): boolean {
  return kindOf(err) === "storage_unavailable";
}
