/**
 * For connect-es: a transport with the credential, the deadline, the retries and the
 * errors of this package, and the messages and services of the API as protobuf-es has
 * them. It needs `@bufbuild/protobuf`, `@connectrpc/connect` and `@connectrpc/connect-web`.
 */
import { type DescMethod, getOption, type JsonReadOptions } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import {
  Code as ConnectCode,
  ConnectError,
  createContextKey,
  type StreamResponse,
  type Transport,
} from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { checkHeaders } from "./argument.js";
import { type Base, identify } from "./base.js";
import { bounded, withoutSecrets } from "./connectresponse.js";
import { fromBase64 } from "./encoding.js";
import { type Code, codes, harmless, OpenWearablesError, toError } from "./error.js";
import {
  Operation_IdempotencyKey as Key,
  operation,
  Operation_Proof as Proof,
} from "./gen/openwearables/v1/options_pb.js";
import { maxSmallResponse, wireOf } from "./response.js";
import { type ClientOptions, connect } from "./transport.js";
import { keyed, open, safe } from "./wire.js";

export * from "./gen/openwearables/v1/alert_pb.js";
export * from "./gen/openwearables/v1/application_pb.js";
export * from "./gen/openwearables/v1/audit_pb.js";
export * from "./gen/openwearables/v1/credential_pb.js";
export * from "./gen/openwearables/v1/developer_pb.js";
export * from "./gen/openwearables/v1/error_pb.js";
export * from "./gen/openwearables/v1/installation_pb.js";
export * from "./gen/openwearables/v1/invitation_pb.js";
export * from "./gen/openwearables/v1/key_pb.js";
export * from "./gen/openwearables/v1/session_pb.js";
export * from "./gen/openwearables/v1/setup_pb.js";
export * from "./gen/openwearables/v1/token_pair_pb.js";
export * from "./gen/openwearables/v1/token_pb.js";
export * from "./gen/openwearables/v1/usage_pb.js";
export * from "./gen/openwearables/v1/user_pb.js";
export * from "./gen/openwearables/v1/webhook_pb.js";
export * from "./gen/openwearables/v1/workout_pb.js";

export interface TransportOptions extends ClientOptions {
  /** Sends and receives messages in the binary form of protobuf; JSON by default. */
  binary?: boolean;
  /** How JSON is read. Unknown members are ignored by default. */
  jsonOptions?: Partial<JsonReadOptions>;
}

/** In the context values of a call: a person waits, as in the options of a client's call. */
export const userInitiated = createContextKey(false);

/**
 * Returns a transport for any generated client. Calls fail with a ConnectError whose
 * `cause` is the OpenWearablesError; kindOf and the predicates look through it. The
 * messages hold minted secrets in plain text.
 */
export function createTransport(options: TransportOptions): Transport {
  const { base, auth, most, run } = connect(options);
  const large = innerTransport(base, options, most);
  const small = innerTransport(base, options, Math.min(most, maxSmallResponse));
  return {
    async unary(method, signal, timeoutMs, header, input, values) {
      const headers = checkHeaders(header as Record<string, string> | undefined);
      try {
        const [answer] = await run({
          method: method.name,
          flags: flagsOf(method),
          headers,
          options: { signal, timeoutMs, userInitiated: values?.get(userInitiated) },
          async send({ signal: until, timeoutMs: ms }, limit) {
            const inner = limit < most ? small : large;
            try {
              const time = ms || undefined;
              const res = await inner.unary(method, until, time, headers, input, values);
              return [res, res.header] as [typeof res, Headers];
            } catch (e) {
              throw fromConnect(e);
            }
          },
        });
        return answer;
      } catch (e) {
        throw toConnect(e);
      }
    },
    /**
     * The token is attached when the stream is opened. A stream that ends with
     * `unauthenticated` is not opened again; opening a new one uses a fresh token.
     */
    async stream(method, signal, timeoutMs, header, input, values) {
      const headers = checkHeaders(header as Record<string, string> | undefined);
      try {
        const token = await auth?.token(undefined, { signal });
        if (token) {
          headers.set("Authorization", `Bearer ${token}`);
        }
        const res = await large.stream(method, signal, timeoutMs, headers, input, values);
        return res as StreamResponse<typeof method.input, typeof method.output>;
      } catch (e) {
        throw toConnect(fromConnect(e));
      }
    },
  };
}

/** Returns a transport without credentials, deadlines and retries. */
function innerTransport(
  base: Base,
  { binary = false, jsonOptions }: TransportOptions,
  most: number,
): Transport {
  return createConnectTransport({
    baseUrl: base.url,
    useBinaryFormat: binary,
    binaryOptions: { readUnknownFields: false },
    jsonOptions: { ignoreUnknownFields: true, ...jsonOptions },
    async fetch(input, init) {
      const headers = new Headers(init?.headers);
      identify(headers);
      const sent = { ...init, headers, credentials: "omit" } as const;
      try {
        return await bounded(await base.fetch(String(input), sent), base.reading(most), binary);
      } catch (e) {
        // Of what is named AbortError the transport would keep nothing.
        throw e instanceof OpenWearablesError ? new Error(e.message, { cause: e }) : e;
      }
    },
  });
}

function flagsOf(method: DescMethod): number {
  const { proof, idempotencyKey } = getOption(method, operation);
  const repeatable = method.idempotency !== Idempotency.IDEMPOTENCY_UNKNOWN;
  return (
    (repeatable ? safe : 0) |
    (idempotencyKey === Key.PER_CALL ? keyed : 0) |
    (proof === Proof.BODY ? open : 0)
  );
}

/** Returns the error of this package for one of the transport: what it cannot read, for example. */
function fromConnect(e: unknown): OpenWearablesError {
  const error = ConnectError.from(e);
  const { cause } = Object(error.cause) as { cause?: unknown };
  if (cause instanceof OpenWearablesError) {
    return cause;
  }
  const code = codes[error.code - 1] as Code;
  const kind = { canceled: "canceled", deadline_exceeded: "timeout" }[code as string] ?? "internal";
  const details = { kind, code, reason: kind === "internal" ? "invalid_response" : "" } as const;
  return new OpenWearablesError(error.rawMessage, details as never, error);
}

/** Returns the ConnectError of what a call threw, with the OpenWearablesError as its cause. */
function toConnect(e: unknown): ConnectError {
  const error = toError(e);
  const origin = error.cause instanceof ConnectError ? error.cause : undefined;
  const wire = wireOf(error);
  const said = typeof wire?.message === "string" && harmless(wire.message);
  const code = (codes.indexOf(error.code) + 1) as ConnectCode;
  const made = new ConnectError(
    said || origin?.rawMessage || error.message,
    code || ConnectCode.Unknown,
    wire ? withoutSecrets(wire.headers) : origin?.metadata,
    undefined,
    error,
  );
  made.details = origin?.details ?? detailsOf(wire?.details);
  return made;
}

function detailsOf(details: unknown): ConnectError["details"] {
  return (Array.isArray(details) ? details : []).flatMap(({ type, value, debug }) =>
    typeof type === "string" && typeof value === "string"
      ? [{ type, value: Uint8Array.from(fromBase64(value), (c) => c.charCodeAt(0)), debug }]
      : [],
  );
}
