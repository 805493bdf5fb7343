import { BinaryReader } from "@bufbuild/protobuf/wire";
import { clean, invalidResponse } from "./error.js";

/** The default limit of a response, in bytes after decompression. */
export const maxResponse = 16 << 20;

/** The limit of an error, and of a response with a secret. */
export const maxSmallResponse = 1 << 20;

/** How many fields and list items a message may have. Two bytes can become an object of 200. */
const maxFields = 1 << 16;

/**
 * Resolves with a response whose body has been read and is at most `most` bytes long.
 * The body of a stream is limited while it is read.
 *
 * @throws OpenWearablesError of kind `internal` if the body is too large or unreadable
 */
export async function bounded(res: Response, most: number): Promise<Response> {
  const { status, headers, body } = res;
  if (body && headers.get("content-type")?.includes("/connect+")) {
    return answer({ status, headers, body: body.pipeThrough(limiter(most)) });
  }
  const failed = status !== 200;
  const bytes = await readAll(res, failed ? Math.min(most, maxSmallResponse) : most);
  try {
    const error = failed ? parseError(bytes) : checkFields(bytes);
    return answer({
      status,
      headers,
      json: async () => error,
      arrayBuffer: async () => bytes as never, // the transport makes a Uint8Array of it
    });
  } catch {
    throw invalidResponse("the response cannot be decoded"); // the parser's message quotes the answer
  }
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
    typeof value === "string" ? clean(value, name === "value" ? Infinity : undefined) : value,
  );
}
