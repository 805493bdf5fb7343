import { BinaryReader } from "@bufbuild/protobuf/wire";
import { clean, invalidResponse } from "./error.js";
import { unanswered } from "./network.js";
import {
  bareLocation,
  parse,
  type Reading,
  readAll,
  readText,
  rejectFailed,
  tooLarge,
} from "./response.js";

/** How many fields and list items a message may have. Two bytes can become an object of 200. */
const maxFields = 1 << 16;

/**
 * Resolves with a response whose body has been read and is at most `most` bytes long.
 * The body of a stream is limited while it is read.
 *
 * @throws OpenWearablesError for any other response than a success of the API
 */
export async function bounded(res: Response, reading: Reading, binary: boolean): Promise<Response> {
  const form = binary ? /^application\/(proto|connect\+)/ : /^application\/(json|connect\+)/;
  await rejectFailed(res, reading, form);
  const { status, headers, body } = res;
  if (body && headers.get("content-type")?.includes("/connect+")) {
    return answer({ status, headers, body: body.pipeThrough(limiter(reading.most)) });
  }
  if (!binary) {
    const json = parse(await readText(res, reading.most, reading.own), true);
    return answer({ status, headers, json: async () => json });
  }
  const bytes = await readAll(res, reading.most).catch((e) => {
    throw unanswered(e, reading.own);
  });
  try {
    checkFields(bytes);
  } catch {
    throw invalidResponse("the response cannot be decoded");
  }
  // The transport makes a Uint8Array of it.
  return answer({ status, headers, arrayBuffer: async () => bytes as never });
}

/** Returns a response with these members only: the transport reads no others. */
function answer(members: Partial<Response>): Response {
  return members as Response;
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

/**
 * Returns the headers and trailers of a failed response, which its error holds, without
 * what may be a secret.
 */
export function withoutSecrets(of: Headers): Headers {
  const headers = new Headers();
  for (const [name, value] of of) {
    const said = clean(value);
    // Of a redirect not even the path of the call.
    const shown =
      name === "location"
        ? (bareLocation(of) as string)
        : said === value
          ? value
          : said.replace(/[^ -~]/g, ".");
    if (name !== "set-cookie") {
      headers.append(name, shown);
    }
    if (name.startsWith("trailer-")) {
      headers.append(name.slice(8), shown);
    }
  }
  return headers;
}
