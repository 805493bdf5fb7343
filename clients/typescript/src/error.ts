import type { HeaderMap } from "./types.js";

/** The codes of the Connect protocol in their order, and the kind of an error with one. */
const kinds = {
  canceled: "canceled",
  unknown: "",
  invalid_argument: "invalid",
  deadline_exceeded: "timeout",
  not_found: "not_found",
  already_exists: "conflict",
  permission_denied: "forbidden",
  resource_exhausted: "rate_limited",
  failed_precondition: "invalid",
  aborted: "conflict",
  out_of_range: "invalid",
  unimplemented: "",
  internal: "internal",
  unavailable: "unavailable",
  data_loss: "",
  unauthenticated: "unauthenticated",
} as const satisfies Record<string, ErrorKind | "">;

/** A code of the Connect protocol, such as `not_found`. */
export type Code = keyof typeof kinds;

/** The codes of the Connect protocol. */
export const codes = /* @__PURE__ */ Object.keys(kinds) as Code[];

/**
 * What a caller can do about an error. Every error has exactly one kind.
 *
 * - `unauthenticated`: there is no credential, or the server refused it
 * - `session_expired`: the server ended the session, sign in again
 * - `forbidden`: the credential does not permit the call
 * - `not_found`: the resource does not exist
 * - `invalid`: the request, or an option, must change
 * - `rate_limited`: wait for `retryAfterMs`
 * - `conflict`: the resource exists already, or the same call is still running
 * - `unavailable`: the server, or a proxy before it, fails for the moment
 * - `timeout`: the deadline passed
 * - `offline`: no response came
 * - `canceled`: the caller aborted the call
 * - `storage_unavailable`: the session's store failed; the session is not lost
 * - `internal`: anything else
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

/** One invalid field of the request, such as `workouts[3].end_time`. */
export interface FieldViolation {
  field: string;
  message: string;
}

/** What the headers of a response contain. `onResponse` of the call options receives it. */
export interface ResponseInfo {
  requestId: string | undefined;
  /** Absent if the response has no rate limit headers. `reset` is the end of the window. */
  rateLimit?: { limit: number; remaining: number; reset: Date };
  /** The server repeated its earlier response to the same Idempotency-Key. */
  replayed: boolean;
}

/** @internal Reads the headers of a response. */
export function responseInfo(headers: HeaderMap): ResponseInfo {
  const info: ResponseInfo = {
    requestId: clean(headers.get("x-request-id") ?? "") || undefined,
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

export interface ErrorDetails {
  kind: ErrorKind;
  code?: Code;
  reason?: string;
  requestId?: string | undefined;
  fields?: readonly FieldViolation[];
  retryAfterMs?: number;
  requiredScope?: string | undefined;
  status?: number;
  rateLimit?: ResponseInfo["rateLimit"];
}

/** Marks this package's errors, also those of another copy of it. */
const brand = /* @__PURE__ */ Symbol.for("openwearables.error");

/**
 * Answers to instanceof: as usual, and true also for an instance of another copy of a class
 * that no class extends. A class that Babel made a function asks before it sets the mark.
 */
function isInstance(of: object, mark: symbol, value: unknown): boolean {
  return (
    Function.prototype[Symbol.hasInstance].call(of as never, value) ||
    (Object.hasOwn(of, Symbol.hasInstance) && mark in Object(value))
  );
}

/** The error of every failed call of this package. It contains no secret. */
export class OpenWearablesError extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: it may be a class that extends this one
    return isInstance(this, brand, value);
  }

  /** `AbortError` for a canceled call, as the platform names it, else `OpenWearablesError`. */
  override readonly name: string;
  declare readonly kind: ErrorKind;
  /** The code of the Connect protocol, such as `not_found`. */
  declare readonly code: Code;
  /**
   * A stable name in snake_case: the server's reason, or one of this package:
   * `session_expired`, `signed_out`, `offline`, `storage_unavailable`,
   * `invalid_option` (also an argument that cannot be sent), `fetch_failed` (the app's own fetch threw what
   * is no network error), `unsupported_runtime`, `foreign_answer` (a proxy or a captive portal answered),
   * `invalid_response` (too large, incomplete or not decodable),
   * `token_provider_failed`, `no_refresh_token`, `refresh_elsewhere`.
   */
  declare readonly reason: string;
  /** The request id of the response, which the server's log contains. */
  declare readonly requestId: string | undefined;
  declare readonly fields: readonly FieldViolation[];
  /**
   * How long to wait before a retry: what the server said, or what is left of the time
   * in which the session is not renewed again; else 0.
   */
  declare readonly retryAfterMs: number;
  /** The scope that the API key lacks, with the reason `insufficient_scope`. */
  declare readonly requiredScope: string | undefined;
  /**
   * The HTTP status of a response that did not come from the API, else 0. Browsers hide
   * the status of a redirect: it is 302.
   */
  declare readonly status: number;
  declare readonly rateLimit: ResponseInfo["rateLimit"];

  /** @param whole the message says all that the details do */
  constructor(message: string, details: ErrorDetails, cause?: unknown, whole = false) {
    const said = whole ? message : clean(describe(message, details));
    super(said, cause === undefined ? undefined : { cause });
    const code = codes.find((c) => kinds[c] === details.kind) ?? "unavailable";
    Object.defineProperty(this, brand, {});
    this.name = details.kind === "canceled" ? "AbortError" : "OpenWearablesError";
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

const asked = /* @__PURE__ */ Symbol.for("openwearables.signInRequired");

/** Thrown by a token provider if nobody is signed in at the app's backend. */
export class SignInRequiredError extends Error {
  override readonly name = "SignInRequiredError";

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: it may be a class that extends this one
    return isInstance(this, asked, value);
  }

  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    Object.defineProperty(this, asked, {});
  }
}

/** Describes a response of another server that says nothing itself. */
export function describeForeign(status: number): string {
  return `HTTP ${status} that did not come from the API: is a proxy in between, or the base URL wrong?`;
}

/** Converts what a call threw into an OpenWearablesError. */
export function toError(err: unknown): OpenWearablesError {
  return (
    find(err) ??
    new OpenWearablesError(
      clean(String(Object(err).message ?? err)),
      { kind: Object(err).name === "AbortError" ? "canceled" : "internal" },
      err,
    )
  );
}

/** Returns the error of this package that a value is, or that is its cause. */
export function find(err: unknown): OpenWearablesError | undefined {
  return [err, Object(err).cause].find((e) => brand in Object(e));
}

/** Returns the error of a response that says what is wrong. */
export function answered(
  message: string,
  code: Code,
  headers: HeaderMap,
  more: Partial<ErrorDetails> = {},
): OpenWearablesError {
  const info = responseInfo(headers);
  return new OpenWearablesError(message, {
    kind: kinds[code] || "internal",
    code,
    retryAfterMs: retryAfter(headers),
    rateLimit: info.rateLimit,
    ...more,
    requestId: more.requestId || info.requestId,
  });
}

/**
 * Returns a text of the server, cut and without characters that control a terminal. What
 * looks like a credential is cut out, whatever is before it: some proxies send back what
 * they were sent.
 */
export function clean(text: string): string {
  const most = 1024;
  const cut = text.slice(0, most);
  return harmless(
    cut.replace(
      /(ow_live_|ow_test_|secret_|rt_)[\da-zA-Z]{16,}|(eyJ|whsec_)[\w.+/=-]{16,}/g,
      "$1$2…",
    ),
  );
}

/** Returns a text without characters that control a terminal. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\p{Bidi_C}\u2028\u2029]/gu, " ");
}

/** Returns how many milliseconds the response asks to wait, 0 if it does not. */
function retryAfter(h: HeaderMap): number {
  const v = h.get("retry-after");
  let ms = 0;
  if (v) {
    ms = /^\d+$/.test(v) ? +v * 1000 : Date.parse(v) - Date.now();
  } else if (h.get("x-ratelimit-remaining") === "0") {
    ms = Number(h.get("x-ratelimit-reset")) * 1000 - Date.now();
  }
  return ms > 0 ? ms : 0;
}

/** Returns the same error with other details. */
export function changed(
  e: OpenWearablesError,
  more: Partial<ErrorDetails>,
  message = e.message,
): OpenWearablesError {
  return new OpenWearablesError(message, { ...e, ...more }, e.cause, true);
}

/** Returns the same error with another wait before a retry. */
export function withWait(e: OpenWearablesError, ms: number): OpenWearablesError {
  return changed(e, { retryAfterMs: Math.ceil(ms) });
}

/** Returns an error that no response says. */
export function failure(
  kind: ErrorKind,
  message: string,
  reason = "",
  cause?: unknown,
): OpenWearablesError {
  return new OpenWearablesError(message, { kind, reason }, cause);
}

/** Returns the error of an option or an argument, which is named if it is one of several. */
export function invalid(message: string, field?: string, reason = "invalid_option") {
  const fields = field ? [{ field, message }] : [];
  const what = field ? "an argument is wrong" : message;
  return new OpenWearablesError(what, { kind: "invalid", reason, fields });
}

/** Returns the error of a runtime without a function that this package needs. */
export function unsupported(what: string): OpenWearablesError {
  return invalid(`this runtime has no ${what}: load a polyfill first`, "", "unsupported_runtime");
}

/** Returns the error of a response that cannot be used. The call is not repeated. */
export function invalidResponse(message: string, cause?: unknown): OpenWearablesError {
  return failure("internal", message, "invalid_response", cause);
}

export function signedOut(): OpenWearablesError {
  return failure("unauthenticated", "nobody is signed in", "signed_out");
}

export function storageError(cause: unknown): OpenWearablesError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  const kind = "storage_unavailable";
  return failure(kind, `the session's store cannot be used${why}`, kind, cause);
}

export function sessionExpired(cause: OpenWearablesError): OpenWearablesError {
  const kind = "session_expired";
  const { reason, requestId } = cause;
  return new OpenWearablesError(
    `the session has ended, sign in again: ${reason}`,
    { kind, code: "unauthenticated", reason: kind, requestId },
    cause,
  );
}
