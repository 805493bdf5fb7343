import { fromBase64, hex } from "./encoding.js";
import { clean, type ErrorDetails } from "./error.js";

/** How many invalid fields an error names at most. */
const maxViolations = 256;
/** How many texts of a message are read: an error of 1 MiB can hold a million. */
const maxTexts = 1024;

/** Returns the texts of a message in the binary form of protobuf: number and bytes of each field. */
function texts(bytes: string): [field: number, bytes: string][] {
  const found: [number, string][] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1, byte = 128; byte > 127; shift *= 128) {
      byte = bytes.charCodeAt(at++); // NaN behind the end
      value += (byte & 127) * shift;
    }
    return value;
  };
  while (at < bytes.length && found.length < maxTexts) {
    const tag = varint();
    const type = tag & 7;
    const length = type === 1 ? 8 : type === 5 ? 4 : varint(); // or the number itself
    if (type === 2) {
      found.push([tag >>> 3, bytes.slice(at, at + length)]);
    }
    at += type && length;
  }
  return found;
}

/** Decodes UTF-8, in runtimes without TextDecoder too. What is not UTF-8 stays as it is. */
function utf8(bytes = ""): string {
  let text = bytes;
  try {
    text = decodeURIComponent(bytes.replace(/[%\x80-\xff]/g, (c) => `%${hex(c.charCodeAt(0), 2)}`));
  } catch {}
  return clean(text);
}

/** Reads the detail of an error of the API. */
export function readDetail(details: unknown): Partial<ErrorDetails> {
  const list: { type?: unknown; value?: unknown }[] = Array.isArray(details) ? details : [];
  const found = list.find((d) => d?.type === "openwearables.v1.ErrorDetail")?.value;
  const read = texts(fromBase64(String(found ?? "")));
  const one = new Map(read);
  return {
    reason: utf8(one.get(1)),
    requestId: utf8(one.get(2)),
    fields: read
      .filter(([field]) => field === 3)
      .slice(0, maxViolations)
      .map(([, bytes]) => {
        const of = new Map(texts(bytes));
        return { field: utf8(of.get(1)), message: utf8(of.get(2)) };
      }),
    requiredScope: utf8(one.get(4)) || undefined,
  };
}
