import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema } from "./gen/openwearables/v1/error_pb.js";

/**
 * What a caller can do about an error; an error has exactly one.
 *
 * - `unauthenticated`: no credential, or one that the server refuses
 * - `session_expired`: the server ended the session, sign in again
 * - `forbidden`: the credential does not reach so far
 * - `invalid`: the request, or an option, must change
 * - `rate_limited`: wait for `retryAfterMs`
 * - `conflict`: something with that name is there already
 * - `unavailable`: the server, or a proxy before it, is in trouble
 * - `timeout`: the deadline passed
 * - `offline`: no answer came
 * - `canceled`: the caller gave up
 * - `storage_unavailable`: the session's store cannot be read; nothing is lost
 */
export type ErrorKind =
  | "unauthenticated"
  | "session_expired"
  | "forbidden"
  | "not_found"
  | "invalid"
  | "rate_limited"
  | "conflict"
  | "unavailable"
  | "timeout"
  | "offline"
  | "canceled"
  | "storage_unavailable"
  | "internal";

/** One field of the request that was refused, such as `workouts[3].end_time`. */
export interface FieldViolation {
  field: string;
  message: string;
}

/** What an answer said beside its message. */
export interface ResponseInfo {
  requestId: string;
  /** Absent where the answer did not say. `reset` is when the window ends. */
  rateLimit?: { limit: number; remaining: number; reset: Date };
  /** The server repeated an earlier answer to the same Idempotency-Key. */
  replayed: boolean;
}

/** Reads the headers that `onHeader` of the call options hands over. */
export function responseInfo(headers: Headers): ResponseInfo {
  const info: ResponseInfo = {
    requestId: headers.get("x-request-id") ?? "",
    replayed: headers.get("idempotent-replayed") === "true",
  };
  const limit = headers.get("x-ratelimit-limit");
  if (limit) {
    info.rateLimit = {
      limit: +limit,
      remaining: Number(headers.get("x-ratelimit-remaining")),
      reset: new Date(Number(headers.get("x-ratelimit-reset")) * 1000),
    };
  }
  return info;
}

interface ErrorDetails {
  kind: ErrorKind;
  code?: Code;
  reason?: string;
  requestId?: string | undefined;
  fields?: FieldViolation[];
  retryAfterMs?: number;
  requiredScope?: string;
  status?: number;
  rateLimit?: ResponseInfo["rateLimit"];
}

/** What every call of this package fails with. It contains no secret. */
export class OpenWearablesError extends Error {
  override readonly name = "OpenWearablesError";
  declare readonly kind: ErrorKind;
  /** The Connect code. */
  declare readonly code: Code;
  /**
   * Stable snake_case: the server's reason, or one of this package:
   * `session_expired`, `signed_out`, `offline`, `storage_unavailable`,
   * `invalid_option`, `foreign_answer` (a proxy or a captive portal answered),
   * `token_provider_failed`, `no_refresh_token`, `not_renewed`.
   */
  declare readonly reason: string;
  /** Of the answer, to be found in the server's log. */
  declare readonly requestId: string | undefined;
  declare readonly fields: readonly FieldViolation[];
  /** How long to wait; 0 if nobody said. */
  declare readonly retryAfterMs: number;
  /** What the API key lacks, with the reason `insufficient_scope`. */
  declare readonly requiredScope: string | undefined;
  /** The HTTP status of an answer that did not come from the API, else 0. */
  declare readonly status: number;
  declare readonly rateLimit: ResponseInfo["rateLimit"];

  constructor(message: string, details: ErrorDetails, cause?: unknown) {
    super(describe(message, details), cause === undefined ? undefined : { cause });
    const code = codes[details.kind] ?? Code.Unavailable;
    Object.assign(this, { code, reason: "", fields: [], retryAfterMs: 0, status: 0 }, details);
  }
}

function describe(message: string, d: ErrorDetails): string {
  const parts = [d.reason, d.requestId && `request ${d.requestId}`];
  for (const f of d.fields ?? []) {
    parts.push(`${f.field}: ${f.message}`);
  }
  const said = parts.filter(Boolean).join(", ");
  return said ? `${message} (${said})` : message;
}

/** Thrown by a token provider to say that the app's backend has nobody signed in. */
export class SignInRequiredError extends Error {
  override readonly name = "SignInRequiredError";
}

const kinds: { [code in Code]?: ErrorKind } = {
  [Code.Unauthenticated]: "unauthenticated",
  [Code.PermissionDenied]: "forbidden",
  [Code.NotFound]: "not_found",
  [Code.InvalidArgument]: "invalid",
  [Code.FailedPrecondition]: "invalid",
  [Code.OutOfRange]: "invalid",
  [Code.ResourceExhausted]: "rate_limited",
  [Code.AlreadyExists]: "conflict",
  [Code.Aborted]: "conflict",
  [Code.Unavailable]: "unavailable",
  [Code.DeadlineExceeded]: "timeout",
  [Code.Canceled]: "canceled",
};

/** The codes of the errors of this package; of all others it is Unavailable. */
const codes: { [kind in ErrorKind]?: Code } = {
  unauthenticated: Code.Unauthenticated,
  session_expired: Code.Unauthenticated,
  invalid: Code.InvalidArgument,
  timeout: Code.DeadlineExceeded,
  canceled: Code.Canceled,
};

/** Marks an answer that did not come from the API with its status; never travels. */
export const foreignHeader = "openwearables-foreign-status";

/** Turns what a call failed with into an OpenWearablesError. */
export function toError(err: unknown): OpenWearablesError {
  if (err instanceof OpenWearablesError) {
    return err;
  }
  const c = ConnectError.from(err);
  const h = c.metadata;
  const detail = c.findDetails(ErrorDetailSchema)[0];
  const status = Number(h.get(foreignHeader));
  const info = responseInfo(h);
  const details: ErrorDetails = {
    kind: kinds[c.code] ?? "internal",
    code: c.code,
    reason: detail?.reason ?? "",
    requestId: detail?.requestId || info.requestId,
    fields: detail?.errors.map(({ field, message }) => ({ field, message })) ?? [],
    retryAfterMs: retryAfter(h),
    rateLimit: info.rateLimit,
    status,
  };
  if (detail?.requiredScope) {
    details.requiredScope = detail.requiredScope;
  }
  if ((c.cause as Error | undefined)?.name === "TypeError") {
    Object.assign(details, { kind: "offline", code: Code.Unavailable, reason: "offline" });
  } else if (status) {
    details.reason = "foreign_answer";
    if (status !== 401) {
      details.kind = status === 429 ? "rate_limited" : "unavailable";
    }
  }
  const message = status
    ? `HTTP ${status} that did not come from the API: is a proxy or a captive portal in between, or the base URL wrong?`
    : c.rawMessage;
  return new OpenWearablesError(message, details, c);
}

/** Milliseconds that the answer asks to wait, 0 if it does not. */
function retryAfter(h: Headers): number {
  const v = h.get("retry-after");
  let ms = 0;
  if (v) {
    ms = /^\d+$/.test(v) ? +v * 1000 : Date.parse(v) - Date.now();
  } else if (h.get("x-ratelimit-remaining") === "0") {
    ms = Number(h.get("x-ratelimit-reset")) * 1000 - Date.now();
  }
  return ms > 0 ? ms : 0;
}

export function invalid(message: string): OpenWearablesError {
  return new OpenWearablesError(message, { kind: "invalid", reason: "invalid_option" });
}

export function unauthenticated(message: string, reason: string): OpenWearablesError {
  return new OpenWearablesError(message, { kind: "unauthenticated", reason });
}

export function signedOut(): OpenWearablesError {
  return unauthenticated("nobody is signed in", "signed_out");
}

export function canceled(message: string, cause?: unknown): OpenWearablesError {
  return new OpenWearablesError(message, { kind: "canceled" }, cause);
}

export function unavailable(message: string, reason: string, cause?: unknown): OpenWearablesError {
  return new OpenWearablesError(message, { kind: "unavailable", reason }, cause);
}

export function storageError(cause: unknown): OpenWearablesError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  const kind = "storage_unavailable";
  return new OpenWearablesError(
    `the session's store cannot be used${why}`,
    { kind, reason: kind },
    cause,
  );
}

export function sessionExpired(cause: OpenWearablesError): OpenWearablesError {
  const kind = "session_expired";
  return new OpenWearablesError(
    `the session has ended, sign in again: ${cause.reason}`,
    { kind, reason: kind, requestId: cause.requestId },
    cause,
  );
}

/** The kind of an error of this package, `internal` of any other. */
export function kindOf(err: unknown): ErrorKind {
  return err instanceof OpenWearablesError ? err.kind : "internal";
}

/** There is no credential, or it was refused; an ended session is included. */
export function isUnauthenticated(err: unknown): boolean {
  return kindOf(err) === "unauthenticated" || isSessionExpired(err);
}

/** The server ended the session: sign in again. */
export function isSessionExpired(err: unknown): boolean {
  return kindOf(err) === "session_expired";
}

/** The credential does not reach so far. */
export function isForbidden(err: unknown): boolean {
  return kindOf(err) === "forbidden";
}

/** What the call names is not there. */
export function isNotFound(err: unknown): boolean {
  return kindOf(err) === "not_found";
}

/** The request or an option must change. */
export function isInvalid(err: unknown): boolean {
  return kindOf(err) === "invalid";
}

/** `retryAfterMs` must pass first. */
export function isRateLimited(err: unknown): boolean {
  return kindOf(err) === "rate_limited";
}

/** Something else holds what the call wanted. */
export function isConflict(err: unknown): boolean {
  return kindOf(err) === "conflict";
}

/** The server or a proxy before it is in trouble. */
export function isUnavailable(err: unknown): boolean {
  return kindOf(err) === "unavailable";
}

/** The deadline passed. */
export function isTimeout(err: unknown): boolean {
  return kindOf(err) === "timeout";
}

/** No answer came. */
export function isOffline(err: unknown): boolean {
  return kindOf(err) === "offline";
}

/** The caller gave up. */
export function isCanceled(err: unknown): boolean {
  return kindOf(err) === "canceled";
}

/** The session's store cannot be read or written. The session is not lost. */
export function isStorageUnavailable(err: unknown): boolean {
  return kindOf(err) === "storage_unavailable";
}
