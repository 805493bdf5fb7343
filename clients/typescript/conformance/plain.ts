import {
  create,
  createRegistry,
  type DescMessage,
  fromJson,
  type JsonValue,
  toJson,
} from "@bufbuild/protobuf";
import { type Any, AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Auth } from "../src/auth.js";
import { codes, toError } from "../src/error.js";
import { wireOf } from "../src/response.js";
import { caller, connect } from "../src/transport.js";
import type { Rpc } from "../src/wire.js";
import {
  type ClientCompatRequest,
  type ClientResponseResult,
  ClientResponseResultSchema,
} from "./gen/connectrpc/conformance/v1/client_compat_pb.js";
import {
  ConformancePayloadSchema,
  ConformanceService,
  ErrorSchema,
  file_connectrpc_conformance_v1_service,
  HeaderSchema,
} from "./gen/connectrpc/conformance/v1/service_pb.js";

export const registry = createRegistry(file_connectrpc_conformance_v1_service);

export function optionsOf(r: ClientCompatRequest) {
  const scheme = r.serverTlsCert.length > 0 ? "https" : "http";
  return { baseUrl: `${scheme}://${r.host}:${r.port}`, retries: 0 as const, timeoutMs: 0 };
}

export function headersOf(r: ClientCompatRequest): Record<string, string> {
  return Object.fromEntries(r.requestHeaders.map(({ name, value }) => [name, value.join(", ")]));
}

/** Waits as long as the request asks, and starts what cancels the call. */
export async function begin(r: ClientCompatRequest, giveUp: AbortController): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, r.requestDelayMs));
  const { cancelTiming } = r.cancel ?? {};
  if (r.cancel && cancelTiming?.case !== "afterNumResponses") {
    const ms = cancelTiming?.case === "afterCloseSendMs" ? cancelTiming.value : 0;
    setTimeout(() => giveUp.abort(), ms);
  }
}

/**
 * Makes a call as the methods of a client do. The suite's messages have no tables: they
 * are put in and taken out where the request is sent.
 */
export async function plainCall(r: ClientCompatRequest, auth: Auth): Promise<ClientResponseResult> {
  const method = ConformanceService.methods.find((m) => m.name === r.method);
  const [sent] = r.requestMessages;
  if (!method || !sent) {
    throw new Error(`unknown method ${r.method}`);
  }
  let answer: Response | undefined;
  const options = {
    ...optionsOf(r),
    auth,
    async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
      const res = await fetch(input, { ...init, body: bodyOf(sent, method.input) });
      answer = res.clone();
      return res;
    },
  };
  const result = create(ClientResponseResultSchema);
  const giveUp = new AbortController();
  await begin(r, giveUp);
  try {
    const path = `connectrpc.conformance.v1.ConformanceService/${r.method}`;
    await caller(connect(options))(
      { path, input: [], output: [], flags: 0 } satisfies Rpc<object, object>,
      {},
      {
        signal: giveUp.signal,
        headers: headersOf(r),
        ...(r.timeoutMs !== undefined && { timeoutMs: r.timeoutMs }),
      },
    );
    const json = (await answer?.json()) as JsonValue;
    const { payload } = fromJson(method.output, json, { registry }) as never;
    result.payloads.push(payload ?? create(ConformancePayloadSchema));
  } catch (e) {
    const error = toError(e);
    const wire = wireOf(error);
    result.error = create(ErrorSchema, {
      code: codes.indexOf(error.code) + 1,
      message: typeof wire?.message === "string" ? wire.message : error.message,
      details: detailsOf(wire?.details),
    });
  }
  const all = [...(answer?.headers ?? [])];
  const listed = (trailer: boolean) =>
    all
      .filter(([name]) => name.startsWith("trailer-") === trailer)
      .map(([name, value]) =>
        create(HeaderSchema, { name: name.replace(/^trailer-/, ""), value: value.split(", ") }),
      );
  result.responseHeaders = listed(false);
  result.responseTrailers = listed(true);
  return result;
}

function bodyOf(any: Any, schema: DescMessage): string {
  const message = anyUnpack(any, schema);
  if (!message) {
    throw new Error("the request holds no message of the method");
  }
  return JSON.stringify(toJson(schema, message, { registry }));
}

function detailsOf(details: unknown): Any[] {
  const list = (details ?? []) as { type: string; value: string }[];
  return list.map(({ type, value }) =>
    create(AnySchema, {
      typeUrl: `type.googleapis.com/${type}`,
      value: Uint8Array.from(atob(value), (c) => c.charCodeAt(0)),
    }),
  );
}
