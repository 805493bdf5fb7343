import { getOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createContextKey, type Transport } from "@connectrpc/connect";
import { checkHeaders, checkOptions, checkRequest, isTimeout, wrongTimeout } from "./argument.js";
import { type Auth, type Bound, bind } from "./auth.js";
import { type Base, type BaseOptions, createBase } from "./base.js";
import { sleep, startDeadline, throwIfAborted } from "./clock.js";
import { randomKey } from "./engine/record.js";
import { revokeRest } from "./engine/revocation.js";
import { backoff } from "./engine/verdict.js";
import { canceled, invalid, OpenWearablesError, toError, unsupported } from "./error.js";
import {
  Operation_IdempotencyKey as Key,
  operation,
  Operation_Proof as Proof,
} from "./gen/openwearables/v1/options_pb.js";
import { maxResponse, maxSmallResponse } from "./response.js";
import { isRetryable } from "./retry.js";

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
}

/**
 * Returns a transport for any generated client. It applies the credential, deadline,
 * retries and errors as a Client with the same options does. The messages of a raw
 * client contain minted secrets in plain text.
 */
export function createTransport(options: ClientOptions): Transport {
  return connect(options).transport;
}

const needed = ["Headers", "AbortController"];

/** Returns the transport of a client and its base URL in normal form. */
export function connect(options: ClientOptions): { transport: Transport; baseUrl: string } {
  for (const name of needed) {
    if (typeof (globalThis as Record<string, unknown>)[name] !== "function") {
      throw unsupported(name);
    }
  }
  const base = createBase(options);
  const { auth } = options;
  if (auth !== undefined && typeof auth?.[bind] !== "function") {
    throw invalid("it must come from apiKey, userSession or another function of this kind", "auth");
  }
  return { transport: authorized(base, auth?.[bind](base), options), baseUrl: base.url };
}

/** In the context values of a raw client's call: a person waits, as in the options of a call. */
export const userInitiated = createContextKey(false, { description: "userInitiated" });

/** The longest Retry-After that a call waits for, in milliseconds. */
const maxRetryAfter = 60_000;

const late = () => new OpenWearablesError("the deadline passed", { kind: "timeout" });

/** How a call is sent, and whether it may be repeated. */
interface Call {
  headers: Headers;
  signal: AbortSignal;
  /** The request authenticates itself; no token is sent. */
  open: boolean;
  safe: boolean;
  userInitiated: boolean | undefined;
  /** How often it is repeated after transient failures. */
  retries: number;
  left(): number;
}

/**
 * Sends a call until it succeeds or cannot be repeated. A refused token is replaced
 * once for each call.
 */
async function repeat<R extends { header: Headers }>(
  auth: Bound | undefined,
  call: Call,
  send: () => Promise<R>,
): Promise<R> {
  const { headers, signal } = call;
  let sent = call.open ? undefined : await auth?.token(undefined, call);
  for (let tries = 0, replayed = false; ; ) {
    if (sent) {
      headers.set("Authorization", `Bearer ${sent}`);
    }
    try {
      throwIfAborted(signal);
      const res = await send();
      auth?.observe?.(res.header);
      return res;
    } catch (e) {
      const failed = toError(e);
      if (failed.cause instanceof ConnectError) {
        auth?.observe?.(failed.cause.metadata);
      }
      if (failed.code === Code.Unauthenticated && sent && auth?.renews && !replayed) {
        replayed = true;
        sent = await auth.token(sent, call);
        continue;
      }
      const pause = failed.retryAfterMs || backoff(tries + 1);
      const again = call.safe && ++tries <= call.retries && isRetryable(failed);
      if (!again || signal.aborted || pause > maxRetryAfter || pause >= call.left()) {
        throw failed;
      }
      await sleep(pause, signal);
    }
  }
}

/** Returns a transport that authenticates with a credential. */
export function authorized(
  base: Base,
  auth: Bound | undefined,
  options: Pick<ClientOptions, "timeoutMs" | "retries" | "maxResponseBytes">,
): Transport {
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
  const inner = base.bare(false, most);
  const small = base.bare(false, Math.min(most, maxSmallResponse)); // for responses with one object or a secret
  return {
    async unary(method, signal, timeoutMs = usual, header, input, values) {
      checkOptions(signal, timeoutMs);
      const headers = checkHeaders(header);
      checkRequest(method.input, input);
      const limit = startDeadline(signal, timeoutMs, late);
      const { proof, idempotencyKey } = getOption(method, operation);
      const perCall = idempotencyKey === Key.PER_CALL;
      const open = proof === Proof.BODY;
      const chosen = perCall || open ? small : inner;
      if (perCall && !headers.has("Idempotency-Key")) {
        headers.set("Idempotency-Key", randomKey());
      }
      const call: Call = {
        headers,
        signal: limit.signal,
        retries,
        open,
        userInitiated: values?.get(userInitiated),
        safe:
          method.idempotency !== Idempotency.IDEMPOTENCY_UNKNOWN || headers.has("Idempotency-Key"),
        left: limit.left,
      };
      try {
        const res = await repeat(auth, call, () =>
          chosen.unary(method, limit.signal, whole(limit.left()), headers, input, values),
        );
        void revokeRest(base.url);
        return res;
      } catch (e) {
        throw ending(limit.signal) ?? toError(e);
      } finally {
        limit.done();
      }
    },
    /**
     * The token is attached when the stream is opened. A stream that ends with
     * `unauthenticated` is not reopened; opening a new one uses a fresh token.
     */
    async stream(method, signal, timeoutMs, header, input, values) {
      const headers = checkHeaders(header);
      try {
        const token = await auth?.token(undefined, { signal });
        if (token) {
          headers.set("Authorization", `Bearer ${token}`);
        }
        return await inner.stream(method, signal, timeoutMs, headers, input, values);
      } catch (e) {
        throw (signal && ending(signal)) ?? toError(e);
      }
    },
  };
}

/** Returns the timeout to send: whole milliseconds, undefined for none or one beyond a timer. */
function whole(ms: number): number | undefined {
  return ms < 2 ** 31 - 1 ? Math.max(1, Math.ceil(ms)) : undefined;
}

/** Returns the error of an aborted signal, undefined if it has not aborted. */
function ending(signal: AbortSignal): OpenWearablesError | undefined {
  if (!signal.aborted) {
    return undefined;
  }
  const { reason } = signal;
  return reason instanceof OpenWearablesError ? reason : canceled("the caller gave up", reason);
}
