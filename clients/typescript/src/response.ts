import { BinaryReader } from "@bufbuild/protobuf/wire";
import { Code } from "@connectrpc/connect";
import {
  clean,
  describeForeign,
  foreignHeader,
  foreignHint,
  foreignReason,
  harmless,
  invalidResponse,
  isRedirect,
} from "./error.js";
import { unanswered } from "./network.js";

/** The default limit of a response, in bytes after decompression. */
export const maxResponse = 16 << 20;

/** The limit of an error, and of a response with a secret. */
export const maxSmallResponse = 1 << 20;

/** How many fields and list items a message may have. Two bytes can become an object of 200. */
const maxFields = 1 << 16;

/** How a response is read. */
export interface Reading {
  /** The most bytes that it may have. */
  most: number;
  /** The fetch is the app's. */
  own: boolean;
  /** Returns what to say of a response that did not come from the API. */
  hint(status: number): string;
}

/**
 * Resolves with a response whose body has been read and is at most `most` bytes long.
 * The body of a stream is limited while it is read. A response that did not come from
 * the API becomes an error that says so.
 *
 * @throws OpenWearablesError of kind `internal` if the body is too large or unreadable
 */
export async function bounded(res: Response, reading: Reading): Promise<Response> {
  const { headers, body } = res;
  const status = res.status || 302; // browsers hide the status of a redirect
  const { most } = reading;
  if (!hasOwnForm(status, headers)) {
    void body?.cancel().catch(() => {});
    return foreign(status, headers, reading.hint(status));
  }
  if (body && headers.get("content-type")?.includes("/connect+")) {
    return answer({ status, headers, body: body.pipeThrough(limiter(most)) });
  }
  const failed = status !== 200;
  const limit = failed ? Math.min(most, maxSmallResponse) : most;
  const bytes = await readAll(res, limit).catch((e) => {
    throw unanswered(e, reading.own);
  });
  try {
    const error = failed ? parseError(bytes) : checkFields(bytes);
    if (failed && !isConnectCode(Object(error).code)) {
      return foreign(status, headers, reading.hint(status), Object(error));
    }
    return answer({
      status,
      headers: failed ? withoutSecrets(headers) : headers,
      json: async () => error,
      arrayBuffer: async () => bytes as never, // the transport makes a Uint8Array of it
    });
  } catch {
    throw invalidResponse("the response cannot be decoded"); // the parser's message quotes the answer
  }
}

/** Reports whether a response has the form of the API's: a message, a stream or an error. */
function hasOwnForm(status: number, headers: Headers): boolean {
  const form =
    status === 200 ? /^application\/(proto|connect\+)/ : /^application\/([\w.-]+\+)?json/;
  return form.test(headers.get("content-type") ?? "") && !isRedirect(status);
}

/** Reports whether a value is the code of an error of the Connect protocol. */
function isConnectCode(code: unknown): boolean {
  const name = String(code).replace(/(^|_)[a-z]/g, (c) => c.slice(-1).toUpperCase());
  return /^[a-z_]+$/.test(String(code)) && name in Code;
}

/**
 * Returns the error of a response that did not come from the API.
 *
 * @param hint what may be the cause, or empty
 * @param said the body, if it is JSON
 */
function foreign(
  status: number,
  of: Headers,
  hint: string,
  said: { [name: string]: unknown } = {},
): Response {
  const headers = withoutSecrets(of);
  headers.set(foreignHeader, String(status));
  headers.set(foreignHint, hint);
  for (const [header, name] of [
    [foreignReason, "reason"],
    ["x-request-id", "request_id"],
  ] as const) {
    const value = String(said[name] ?? "");
    if (/^[\w.:-]{1,100}$/.test(value)) {
      headers.set(header, value);
    }
  }
  if (status !== 200) {
    headers.set("content-type", "application/json");
  }
  const words = [said.detail, said.message].find((w) => w && typeof w === "string");
  const redirect = `the base URL redirects to ${headers.get("location") || "another URL"}: set it to the URL where the API answers`;
  const message = isRedirect(status) ? redirect : words || describeForeign(status);
  // The transport derives the Connect code from the status, or from the type of a 200.
  return answer({ status, headers, json: async () => ({ message }) });
}

/** Returns the headers of a failed response, which its error holds, without what may be a secret. */
function withoutSecrets(of: Headers): Headers {
  const headers = new Headers(of);
  headers.delete("set-cookie");
  const location = headers.get("location");
  if (location) {
    // Nor the path of the call.
    const to = location.replace(/(\/openwearables\.v1\.|[?#]).*/, "").replace(/\/\/[^/]*@/, "//");
    headers.set("location", to);
  }
  for (const [name, value] of of) {
    if (name !== "location" && clean(value) !== value && headers.has(name)) {
      headers.set(name, clean(value).replace(/[^ -~]/g, "."));
    }
  }
  return headers;
}

/** Returns a response with these members only: the transport reads no others. */
export function answer(members: Partial<Response>): Response {
  return members as Response;
}

async function readAll(res: Response, most: number): Promise<Uint8Array> {
  const reader = res.body?.getReader();
  // Without a body, or where fetch cannot stream one, the response is read at once.
  let all = new Uint8Array(reader ? [] : await res.arrayBuffer());
  for (let size = all.length; ; ) {
    if (size > most) {
      void reader?.cancel().catch(() => {});
      throw tooLarge(most);
    }
    const chunk = (await reader?.read())?.value;
    if (!chunk) {
      return all.subarray(0, size);
    }
    const end = size + chunk.length;
    if (end > all.length) {
      const before = all;
      all = new Uint8Array(2 * end); // a list of chunks would take more for tiny ones
      all.set(before);
    }
    all.set(chunk, size);
    size = end;
  }
}

function limiter(most: number): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let left = most;
  return new TransformStream({
    transform(chunk, out) {
      left -= chunk.length;
      if (left < 0) {
        throw tooLarge(most);
      }
      out.enqueue(chunk);
    },
  });
}

function tooLarge(most: number) {
  return invalidResponse(`the response has more than ${most} bytes`);
}

/** Checks the fields of a message before objects are made of them. @throws Error */
function checkFields(message: Uint8Array): void {
  const reader = new BinaryReader(message);
  for (let n = 0; reader.pos < reader.len; n++) {
    const [field, type] = reader.tag();
    reader.skip(type, field);
    if (n === maxFields) {
      throw new RangeError();
    }
  }
}

/** Parses an error of the Connect protocol. `value` is base64. @throws SyntaxError */
function parseError(body: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(body) || "{}", (name, value) =>
    typeof value === "string" ? (name === "value" ? harmless : clean)(value) : value,
  );
}
