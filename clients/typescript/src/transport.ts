import { checkHeaders, checkOptions, isTimeout, wrongTimeout } from "./argument.js";
import { type Auth, type Bound, bind } from "./auth.js";
import { type Base, type BaseOptions, createBase, late, type Sending } from "./base.js";
import { sleep, startDeadline, throwIfAborted } from "./clock.js";
import { randomKey } from "./engine/record.js";
import { revokeRest } from "./engine/revocation.js";
import { backoff } from "./engine/verdict.js";
import {
  canceled,
  invalid,
  OpenWearablesError,
  type ResponseInfo,
  responseInfo,
  toError,
  unsupported,
} from "./error.js";
import { maxResponse, maxSmallResponse, wireOf } from "./response.js";
import { isRetryable } from "./retry.js";
import type { HeaderMap, Signal } from "./types.js";
import { encode, keyed, open, type Rpc, safe } from "./wire.js";

export interface ClientOptions extends BaseOptions {
  /** Without it, only an application's secret can be exchanged. */
  auth?: Auth;
  /** The default deadline of a call with its renewals and retries: 30 s; 0 sets none. */
  timeoutMs?: number;
  /** How often a safe call is repeated after a transient failure: 2 by default. */
  retries?: 0 | 1 | 2;
  /**
   * The most bytes that a response may have after decompression: 16 MiB by default. For
   * errors and responses with a secret it is 1 MiB at most.
   */
  maxResponseBytes?: number;
  /** Receives what became of each request of a call, for a log. */
  debug?: (event: DebugEvent) => void;
}

/** What is said of each request to `debug` of the client options. It holds no secret. */
export interface DebugEvent {
  /** The name of the RPC, such as `GetUser`. */
  method: string;
  /** From 1. */
  attempt: number;
  /** The HTTP status, 0 if no response came. */
  status: number;
  ms: number;
  /** The reason of an error, else empty. */
  reason: string;
  /** The response's request id, which the server's log contains. */
  requestId: string | undefined;
}

/** The options of every call. */
export interface Options {
  signal?: Signal | undefined;
  /** The deadline of the call with its renewals and retries; 0 for none. */
  timeoutMs?: number | undefined;
  headers?: Record<string, string> | undefined;
  /** In place of the key that the SDK generates for a call that creates something. */
  idempotencyKey?: string | undefined;
  /** Receives what the headers of the response contain, if the call succeeds. */
  onResponse?: ((info: ResponseInfo) => void) | undefined;
  /**
   * A person waits for the call: if a renewal failed a moment ago, it is tried again at
   * once, unless the server asked to wait.
   */
  userInitiated?: boolean | undefined;
}

/** Makes a call, with the credential, the deadline and the retries of a client. */
export type Call = <Q, A>(rpc: Rpc<Q, A>, request: Q, options?: Options) => Promise<A>;

const needed = ["fetch", "Headers", "AbortController"];

/** Checks the options of a client. @internal */
export function connect(options: ClientOptions): { base: Base; auth: Bound | undefined } {
  for (const name of needed) {
    const own = name === "fetch" && options?.fetch;
    if (!own && typeof (globalThis as Record<string, unknown>)[name] !== "function") {
      throw unsupported(name);
    }
  }
  const base = createBase(options);
  const { auth } = options;
  if (auth !== undefined && typeof auth?.[bind] !== "function") {
    throw invalid("it must come from apiKey, userSession or another function of this kind", "auth");
  }
  return { base, auth: auth?.[bind](base) };
}

/** The longest Retry-After that a call waits for, in milliseconds. */
const maxRetryAfter = 60_000;

/** How a call is sent, and whether it may be repeated. @internal */
export interface Sent<A> {
  headers: Headers;
  signal: AbortSignal | undefined;
  timeoutMs: number;
  /** How often it is repeated after transient failures. */
  retries: number;
  /** The request authenticates itself; no token is sent. */
  open: boolean;
  safe: boolean;
  userInitiated?: boolean | undefined;
  /** Makes one attempt. */
  send(sending: Sending): Promise<A>;
  /** Returns the headers of the response that succeeded. */
  observed(): HeaderMap | undefined;
  debug?: Debug | undefined;
}

/** Makes a call within its deadline, with the credential, and repeats it if that may help. @internal */
export async function authorized<A>(base: Base, auth: Bound | undefined, call: Sent<A>) {
  const limit = startDeadline(call.signal, call.timeoutMs, late);
  try {
    const answer = await repeat(auth, call, limit.signal, limit.left);
    void revokeRest(base.url);
    return answer;
  } catch (e) {
    throw ending(limit.signal) ?? toError(e);
  } finally {
    limit.done();
  }
}

/**
 * Sends a call until it succeeds or cannot be repeated. A refused token is replaced
 * once for each call.
 */
async function repeat<A>(
  auth: Bound | undefined,
  call: Sent<A>,
  signal: AbortSignal,
  left: () => number,
): Promise<A> {
  const { headers, userInitiated, debug } = call;
  const need = { signal, left, userInitiated };
  let token = call.open ? undefined : await auth?.token(undefined, need);
  for (let tries = 0, replayed = false, attempt = 1; ; attempt++) {
    if (token) {
      headers.set("Authorization", `Bearer ${token}`);
    }
    const began = performance.now();
    try {
      throwIfAborted(signal);
      const answer = await call.send({ headers, signal, timeoutMs: whole(left()) });
      const got = call.observed();
      debug?.(attempt, performance.now() - began, 200, "", got && responseInfo(got).requestId);
      if (got) {
        auth?.observe?.(got);
      }
      return answer;
    } catch (e) {
      const failed = toError(e);
      const wire = wireOf(failed);
      const { reason, kind, requestId } = failed;
      debug?.(attempt, performance.now() - began, wire?.status ?? 0, reason || kind, requestId);
      if (wire) {
        auth?.observe?.(wire.headers);
      }
      if (failed.code === "unauthenticated" && token && auth?.renews && !replayed) {
        replayed = true;
        token = await auth.token(token, need);
        continue;
      }
      const pause = failed.retryAfterMs || backoff(tries + 1);
      const again = call.safe && ++tries <= call.retries && isRetryable(failed);
      if (!again || signal.aborted || pause > maxRetryAfter || pause >= left()) {
        throw failed;
      }
      await sleep(pause, signal);
    }
  }
}

/** Returns the timeout to send: whole milliseconds, 0 for none or one beyond a timer. */
function whole(ms: number): number {
  return ms < 2 ** 31 - 1 ? Math.max(1, Math.ceil(ms)) : 0;
}

/** Returns the error of an aborted signal, undefined if it has not aborted. */
function ending(signal: AbortSignal): OpenWearablesError | undefined {
  if (!signal.aborted) {
    return undefined;
  }
  const { reason } = signal;
  return reason instanceof OpenWearablesError ? reason : canceled("the caller gave up", reason);
}

/** Returns the limits of a client. @throws OpenWearablesError of kind `invalid` @internal */
export function limitsOf(options: ClientOptions) {
  const { timeoutMs: usual = 30_000, retries = 2, maxResponseBytes: most = maxResponse } = options;
  if (!(Number.isInteger(most) && most > 0)) {
    throw invalid("it must be a positive integer", "maxResponseBytes");
  }
  if (![0, 1, 2].includes(retries)) {
    throw invalid("it must be 0, 1 or 2", "retries");
  }
  if (!isTimeout(usual)) {
    throw invalid(wrongTimeout, "timeoutMs");
  }
  return { usual, retries, most };
}

/** Returns a function that makes the calls of a client. @internal */
export function caller(base: Base, auth: Bound | undefined, options: ClientOptions): Call {
  const { usual, retries, most } = limitsOf(options);
  const large = base.bare(false, most);
  const small = base.bare(false, Math.min(most, maxSmallResponse)); // for responses with one object or a secret
  return async (rpc, request, given) => {
    const { signal, timeoutMs = usual, idempotencyKey, onResponse, userInitiated } = given ?? {};
    checkOptions(signal, timeoutMs);
    const headers = checkHeaders(given?.headers);
    const body = JSON.stringify(encode(rpc.input, request)); // before a token is asked for
    const perCall = !!(rpc.flags & keyed);
    const isOpen = !!(rpc.flags & open);
    if (idempotencyKey !== undefined) {
      checkHeaders({ "Idempotency-Key": idempotencyKey }).forEach((v, k) => void headers.set(k, v));
    } else if (perCall && !headers.has("Idempotency-Key")) {
      headers.set("Idempotency-Key", randomKey());
    }
    const send = perCall || isOpen ? small : large;
    let answered: HeaderMap | undefined;
    const onHeader = (h: Headers) => {
      answered = h;
    };
    const answer = await authorized(base, auth, {
      headers,
      signal: signal as AbortSignal | undefined,
      timeoutMs,
      retries,
      open: isOpen,
      safe: !!(rpc.flags & safe) || headers.has("Idempotency-Key"),
      userInitiated,
      send: (sending) => send(rpc, request, { ...sending, body, onHeader }),
      observed: () => answered,
      debug: debugged(options, rpc.path),
    });
    if (answered) {
      onResponse?.(responseInfo(answered));
    }
    return answer;
  };
}

type Debug = (
  attempt: number,
  ms: number,
  status: number,
  reason: string,
  requestId: string | undefined,
) => void;

/** Returns what reports the attempts of a call, undefined if nobody asked for it. @internal */
export function debugged({ debug }: ClientOptions, path: string): Debug | undefined {
  const method = path.slice(path.lastIndexOf("/") + 1);
  return (
    debug &&
    ((attempt, ms, status, reason, requestId) =>
      debug({ method, attempt, ms, status, reason, requestId }))
  );
}
