import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { type CallOptions, type Client, ConnectError, createClient } from "@connectrpc/connect";
import type { Auth } from "../src/auth.js";
import { createTransport } from "../src/connect.js";
import {
  type ClientCompatRequest,
  ClientCompatRequestSchema,
  ClientCompatResponseSchema,
  ClientErrorResultSchema,
  type ClientResponseResult,
  ClientResponseResultSchema,
} from "./gen/connectrpc/conformance/v1/client_compat_pb.js";
import { Codec } from "./gen/connectrpc/conformance/v1/config_pb.js";
import {
  type ConformancePayload,
  ConformancePayloadSchema,
  ConformanceService,
  ErrorSchema,
  HeaderSchema,
  IdempotentUnaryRequestSchema,
  ServerStreamRequestSchema,
  UnaryRequestSchema,
  UnimplementedRequestSchema,
} from "./gen/connectrpc/conformance/v1/service_pb.js";
import { begin, headersOf, optionsOf, plainCall, registry } from "./plain.js";

/** Makes the call of an encoded request and resolves with its encoded result. */
export async function run(request: Uint8Array, auth: Auth, plain: boolean): Promise<Uint8Array> {
  const r = fromBinary(ClientCompatRequestSchema, request);
  const response = create(ClientCompatResponseSchema, { testName: r.testName });
  try {
    const value = await (plain ? plainCall(r, auth) : call(r, auth));
    response.result = { case: "response", value };
  } catch (e) {
    const value = create(ClientErrorResultSchema, { message: String(e) });
    response.result = { case: "error", value };
  }
  return toBinary(ClientCompatResponseSchema, response);
}

async function call(r: ClientCompatRequest, auth: Auth): Promise<ClientResponseResult> {
  const binary = r.codec === Codec.PROTO;
  const transport = createTransport({ ...optionsOf(r), auth, binary, jsonOptions: { registry } });
  const result = create(ClientResponseResultSchema);
  const giveUp = new AbortController();
  const options: CallOptions = {
    headers: headersOf(r),
    signal: giveUp.signal,
    ...(r.timeoutMs !== undefined && { timeoutMs: r.timeoutMs }),
    onHeader: (h) => {
      result.responseHeaders = listed(h);
    },
    onTrailer: (h) => {
      result.responseTrailers = listed(h);
    },
  };
  const { cancelTiming } = r.cancel ?? {};
  await begin(r, giveUp);
  try {
    const client = createClient(ConformanceService, transport);
    for await (const payload of payloads(client, r, options)) {
      result.payloads.push(payload ?? create(ConformancePayloadSchema));
      if (
        cancelTiming?.case === "afterNumResponses" &&
        result.payloads.length === cancelTiming.value
      ) {
        giveUp.abort();
      }
    }
  } catch (e) {
    fail(result, e);
  }
  return result;
}

/** Calls the method of the request and yields its responses. */
async function* payloads(
  client: Client<typeof ConformanceService>,
  r: ClientCompatRequest,
  options: CallOptions,
): AsyncGenerator<ConformancePayload | undefined> {
  const [message] = r.requestMessages;
  switch (r.method) {
    case "Unary": {
      const { payload } = await client.unary(unpack(message, UnaryRequestSchema), options);
      return yield payload;
    }
    case "IdempotentUnary": {
      const request = unpack(message, IdempotentUnaryRequestSchema);
      const { payload } = await client.idempotentUnary(request, options);
      return yield payload;
    }
    case "Unimplemented":
      await client.unimplemented(unpack(message, UnimplementedRequestSchema), options);
      return;
    case "ServerStream": {
      const request = unpack(message, ServerStreamRequestSchema);
      for await (const { payload } of client.serverStream(request, options)) {
        yield payload;
      }
      return;
    }
    default:
      throw new Error(`unknown method ${r.method}`);
  }
}

export function unpack<D extends DescMessage>(any: Any | undefined, schema: D) {
  const message = any && anyUnpack(any, schema);
  if (!message) {
    throw new Error("the request holds no message of the method");
  }
  return message;
}

/** Sets the error of the result. */
function fail(result: ClientResponseResult, e: unknown): void {
  const wire = ConnectError.from(e);
  result.error = create(ErrorSchema, {
    code: wire.code as number,
    message: wire.rawMessage,
    details: wire.details.map((d) =>
      "desc" in d
        ? anyPack(d.desc, create(d.desc, d.value as never) as Message)
        : create(AnySchema, { typeUrl: `type.googleapis.com/${d.type}`, value: d.value }),
    ),
  });
  // The metadata does not distinguish headers and trailers.
  if (result.responseHeaders.length === 0) {
    result.responseHeaders = listed(wire.metadata);
  }
  if (result.responseTrailers.length === 0) {
    result.responseTrailers = listed(wire.metadata);
  }
}

export function listed(headers: Headers) {
  return [...headers].map(([name, value]) =>
    create(HeaderSchema, { name, value: value.split(", ") }),
  );
}
