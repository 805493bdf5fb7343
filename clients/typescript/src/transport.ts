import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { type Auth, type Bound, bind } from "./auth.js";
import { type Base, createBase } from "./base.js";
import { sleep, startDeadline } from "./clock.js";
import { randomKey } from "./engine/record.js";
import { backoff } from "./engine/verdict.js";
import { canceled, OpenWearablesError, toError } from "./error.js";
import { isRetryable } from "./retry.js";

export interface ClientOptions {
  /** An https URL; plain http is for loopback addresses. */
  baseUrl: string;
  /** Without one only an application's secret can be exchanged. */
  auth?: Auth;
  /** The deadline of a call that sets none, its renewals and retries included: 30 s unless set, 0 for none. */
  timeoutMs?: number;
  /** How often a call that failed in passing is repeated where that is safe: 2 unless set. */
  retries?: 0 | 1 | 2;
  /** Sends instead of the global fetch. Redirects stay refused. */
  fetch?: typeof globalThis.fetch;
}

/**
 * Returns a transport that any generated client calls through as a Client of the
 * same options does: with its credential, deadline, retries and errors. A raw
 * client's messages hold minted secrets in plain text.
 */
export function createTransport(options: ClientOptions): Transport {
  const base = createBase(options.baseUrl, options.fetch);
  return authorized(base, options.auth?.[bind](base), options);
}

const own = "openwearables.v1.";
const open = new Set(["Login", "RefreshToken", "RevokeToken"]);
const minting = new Set([
  "Login",
  "CreateKey",
  "RotateKey",
  "CreateApplication",
  "RotateApplicationSecret",
  "CreateUserToken",
]);

const late = () => new OpenWearablesError("the deadline passed", { kind: "timeout" });

/** What a call is sent with, and whether it may be sent again. */
interface Call {
  headers: Headers;
  signal: AbortSignal;
  /** It carries its own proof. */
  open: boolean;
  safe: boolean;
  /** How often it may fail in passing. */
  retries: number;
  left(): number;
}

/** Sends until it works, the credential is refused for good or repeating is not safe. */
async function repeat<R extends { header: Headers }>(
  auth: Bound | undefined,
  call: Call,
  send: () => Promise<R>,
): Promise<R> {
  const { headers, signal } = call;
  let sent = call.open ? undefined : await auth?.token(undefined, signal);
  for (let tries = 0, replayed = false; ; ) {
    if (sent) {
      headers.set("Authorization", `Bearer ${sent}`);
    }
    try {
      signal.throwIfAborted();
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
        sent = await auth.token(sent, signal);
        continue;
      }
      const pause = failed.retryAfterMs || backoff(tries + 1);
      const again = call.safe && ++tries <= call.retries && isRetryable(failed);
      if (!again || signal.aborted || pause >= call.left()) {
        throw failed;
      }
      await sleep(pause, signal);
    }
  }
}

/** A transport that calls with a credential. */
export function authorized(
  base: Base,
  auth: Bound | undefined,
  { timeoutMs: usual = 30_000, retries = 2 }: Pick<ClientOptions, "timeoutMs" | "retries">,
): Transport {
  const inner = base.bare(false);
  return {
    async unary(method, signal, timeoutMs, header, message, values) {
      const limit = startDeadline(signal, timeoutMs ?? usual, late);
      const headers = new Headers(header);
      const ours = method.parent.typeName.startsWith(own);
      if (ours && minting.has(method.name) && !headers.has("Idempotency-Key")) {
        headers.set("Idempotency-Key", randomKey());
      }
      const call: Call = {
        headers,
        signal: limit.signal,
        retries,
        open: ours && open.has(method.name),
        safe:
          method.idempotency !== Idempotency.IDEMPOTENCY_UNKNOWN || headers.has("Idempotency-Key"),
        left: limit.left,
      };
      try {
        return await repeat(auth, call, () =>
          inner.unary(method, limit.signal, whole(limit.left()), headers, message, values),
        );
      } catch (e) {
        throw ending(limit.signal) ?? toError(e);
      } finally {
        limit.done();
      }
    },
    /**
     * The token is attached when the stream is opened. A stream that ends with
     * `unauthenticated` is not opened again; opening it anew gets a fresh token.
     */
    async stream(method, signal, timeoutMs, header, input, values) {
      const headers = new Headers(header);
      try {
        const token = await auth?.token(undefined, signal ?? new AbortController().signal);
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

/** A deadline as it travels. */
function whole(ms: number): number | undefined {
  return ms < Infinity ? Math.max(1, Math.ceil(ms)) : undefined;
}

/** What ended a call that its own signal ended. */
function ending(signal: AbortSignal): OpenWearablesError | undefined {
  if (!signal.aborted) {
    return undefined;
  }
  const { reason } = signal;
  return reason instanceof OpenWearablesError ? reason : canceled("the caller gave up", reason);
}
