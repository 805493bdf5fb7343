import { check, checkFunction, checkHeaders, checkSignal, checkTimeout } from "./argument.js";
import { type Auth, type Bound, bind } from "./auth.js";
import {
  type Base,
  type BaseOptions,
  behindCalls,
  createBase,
  late,
  type Sending,
} from "./base.js";
import { sleep, startDeadline, throwIfAborted } from "./clock.js";
import type { Need } from "./engine/context.js";
import { randomKey } from "./engine/record.js";
import { backoff } from "./engine/verdict.js";
import {
  failure,
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
  /**
   * The default deadline of a call with its renewals and retries: 30 s; 0, and what is
   * beyond 24 days, sets none.
   */
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

/** How a call is sent, and whether it may be repeated. @internal */
export interface Sent<A> {
  /** The name of the RPC. */
  method: string;
  /** Those of the RPC. */
  flags: number;
  headers: Headers;
  options: Options | undefined;
  /** Makes one attempt, whose response has at most so many bytes. */
  send(sending: Sending, most: number): Promise<[answer: A, headers: HeaderMap]>;
}

/** What a client's calls share. @internal */
export interface Connection {
  readonly base: Base;
  readonly auth: Bound | undefined;
  /** The most bytes of a response. */
  readonly most: number;
  /** Makes a call within its deadline, with the credential, and repeats it if that may help. */
  run<A>(call: Sent<A>): Promise<[answer: A, headers: HeaderMap]>;
}

/** Checks the options of a client and returns what its calls share. @internal */
export function connect(options: ClientOptions): Connection {
  for (const name of ["fetch", "Headers", "AbortController"]) {
    const own = name === "fetch" && options?.fetch;
    if (!own && !(globalThis as Record<string, unknown>)[name]) {
      throw unsupported(name);
    }
  }
  const base = createBase(options);
  const {
    auth: given,
    timeoutMs: usual = 30_000,
    retries = 2,
    maxResponseBytes: most = maxResponse,
    debug,
  } = options;
  check(
    given === undefined || given?.[bind],
    "it must come from apiKey, userSession or the like",
    "auth",
  );
  check(Number.isInteger(most) && most > 0, "it must be a positive integer", "maxResponseBytes");
  check([0, 1, 2].includes(retries), "it must be 0, 1 or 2", "retries");
  checkTimeout(usual);
  checkFunction(debug, "debug");
  const auth = given?.[bind](base);
  return {
    base,
    auth,
    most,
    async run(call) {
      const { signal, timeoutMs = usual, userInitiated } = call.options ?? {};
      checkSignal(signal);
      checkTimeout(timeoutMs);
      const limit = startDeadline(signal as AbortSignal | undefined, timeoutMs, late);
      try {
        const done = await repeat(auth, call, { ...limit, userInitiated }, retries, most, debug);
        behindCalls.forEach((then) => void then(base.url));
        return done;
      } catch (e) {
        throw ending(limit.signal) ?? toError(e);
      } finally {
        limit.done();
      }
    },
  };
}

/** The longest Retry-After that a call waits for, in milliseconds. */
const maxRetryAfter = 60_000;

/**
 * Sends a call until it succeeds or cannot be repeated. A refused token is replaced
 * once for each call.
 */
async function repeat<A>(
  auth: Bound | undefined,
  { method, flags, headers, send }: Sent<A>,
  need: Required<Pick<Need, "left">> & Need & { signal: AbortSignal },
  retries: number,
  most: number,
  debug: ClientOptions["debug"],
): Promise<[A, HeaderMap]> {
  const { signal, left } = need;
  if (flags & keyed && !headers.has("Idempotency-Key")) {
    headers.set("Idempotency-Key", randomKey());
  }
  const isSafe = flags & safe || headers.has("Idempotency-Key");
  let token = flags & open ? undefined : await auth?.token(undefined, need);
  for (let tries = 0, replayed = false, attempt = 1; ; attempt++) {
    if (token) {
      headers.set("Authorization", `Bearer ${token}`);
    }
    const began = performance.now();
    const tell = (
      got: HeaderMap | undefined,
      status: number,
      reason: string,
      requestId: string | undefined,
    ) => {
      debug?.({ method, attempt, status, ms: performance.now() - began, reason, requestId });
      if (got) {
        auth?.observe?.(got);
      }
    };
    try {
      throwIfAborted(signal);
      // What has one object or a secret is small.
      const limit = flags & (keyed | open) ? Math.min(most, maxSmallResponse) : most;
      const done = await send({ headers, signal, timeoutMs: whole(left()) }, limit);
      tell(done[1], 200, "", responseInfo(done[1]).requestId);
      return done;
    } catch (e) {
      const failed = toError(e);
      const wire = wireOf(failed);
      tell(wire?.headers, wire?.status ?? 0, failed.reason || failed.kind, failed.requestId);
      if (failed.code === "unauthenticated" && token && auth?.renews && !replayed) {
        replayed = true;
        token = await auth.token(token, need);
        continue;
      }
      const pause = failed.retryAfterMs || backoff(tries + 1);
      const again = isSafe && ++tries <= retries && isRetryable(failed);
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
function ending({ aborted, reason }: AbortSignal): OpenWearablesError | undefined {
  const own = reason instanceof OpenWearablesError;
  return aborted && !own ? failure("canceled", "the caller gave up", "", reason) : reason;
}

/** Returns a function that makes the calls of a client. @internal */
export function caller({ base, run }: Connection): Call {
  return async (rpc, request, options) => {
    const { idempotencyKey, onResponse } = options ?? {};
    const headers = checkHeaders(options?.headers, idempotencyKey);
    const body = JSON.stringify(encode(rpc.input, request)); // before a token is asked for
    const [answer, got] = await run({
      method: rpc.path.replace(/.*\//, ""),
      flags: rpc.flags,
      headers,
      options,
      send: (sending, most) => base.bare(false, most)(rpc, request, { ...sending, body }),
    });
    onResponse?.(responseInfo(got));
    return answer;
  };
}
