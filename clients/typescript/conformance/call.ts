import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { type CallOptions, type Client, ConnectError, createClient } from "@connectrpc/connect";
import type { Auth } from "../src/auth.js";
import { createTransport, OpenWearablesError } from "../src/index.js";
import {
  type ClientCompatRequest,
  ClientCompatRequestSchema,
  ClientCompatResponseSchema,
  type ClientResponseResult,
  ClientResponseResultSchema,
} from "./gen/connectrpc/conformance/v1/client_compat_pb.js";
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

/** Makes the call of an encoded request and resolves with its encoded result. */
export async function run(request: Uint8Array, auth: Auth): Promise<Uint8Array> {
  const r = fromBinary(ClientCompatRequestSchema, request);
  const response = create(ClientCompatResponseSchema, { testName: r.testName });
  try {
    response.result = { case: "response", value: await call(r, auth) };
  } catch (e) {
    response.result = { case: "error", value: { message: String(e) } as never };
  }
  return toBinary(ClientCompatResponseSchema, response);
}

async function call(r: ClientCompatRequest, auth: Auth): Promise<ClientResponseResult> {
  const scheme = r.serverTlsCert.length > 0 ? "https" : "http";
  const baseUrl = `${scheme}://${r.host}:${r.port}`;
  const transport = createTransport({ baseUrl, auth, retries: 0, timeoutMs: 0 });
  const result = create(ClientResponseResultSchema);
  const giveUp = new AbortController();
  const headers = new Headers();
  for (const { name, value } of r.requestHeaders) {
    for (const v of value) {
      headers.append(name, v);
    }
  }
  const options: CallOptions = {
    headers,
    signal: giveUp.signal,
    ...(r.timeoutMs !== undefined && { timeoutMs: r.timeoutMs }),
    onHeader: (h) => {
      result.responseHeaders = listed(h);
    },
    onTrailer: (h) => {
      result.responseTrailers = listed(h);
    },
  };
  await new Promise((resolve) => setTimeout(resolve, r.requestDelayMs));
  const { cancelTiming } = r.cancel ?? {};
  if (r.cancel && cancelTiming?.case !== "afterNumResponses") {
    const ms = cancelTiming?.case === "afterCloseSendMs" ? cancelTiming.value : 0;
    setTimeout(() => giveUp.abort(), ms);
  }
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

function unpack<D extends DescMessage>(any: Any | undefined, schema: D) {
  const message = any && anyUnpack(any, schema);
  if (!message) {
    throw new Error("the request holds no message of the method");
  }
  return message;
}

/** Sets the error of the result. The SDK's error has the one from the wire as its cause. */
function fail(result: ClientResponseResult, e: unknown): void {
  const cause = e instanceof OpenWearablesError ? e.cause : e;
  const wire = ConnectError.from(cause ?? e);
  result.error = create(ErrorSchema, {
    code: (e instanceof OpenWearablesError ? e.code : wire.code) as number,
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

function listed(headers: Headers) {
  return [...headers].map(([name, value]) =>
    create(HeaderSchema, { name, value: value.split(", ") }),
  );
}
