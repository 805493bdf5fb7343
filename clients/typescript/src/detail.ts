import { clean, type ErrorDetails } from "./error.js";

/** How many invalid fields an error names at most. */
const maxViolations = 256;

/** The texts of a message in the binary form of protobuf: number and bytes of each field. */
function* texts(bytes: string): Generator<[field: number, text: string]> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes.charCodeAt(at++); // NaN behind the end
      value += (byte & 127) * shift;
      if (!(byte > 127)) {
        return value;
      }
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const type = tag & 7;
    if (type === 0) {
      varint();
    } else {
      const length = type === 2 ? varint() : type === 1 ? 8 : 4;
      if (type === 2) {
        yield [tag >>> 3, bytes.slice(at, at + length)];
      }
      at += length;
    }
  }
}

/** Decodes UTF-8, in runtimes without TextDecoder too. What is not UTF-8 stays as it is. */
function utf8(bytes: string): string {
  try {
    return decodeURIComponent(bytes.replace(/[%\x80-\xff]/g, (c) => `%${hex(c)}`));
  } catch {
    return bytes;
  }
}

function hex(char: string): string {
  return char.charCodeAt(0).toString(16).padStart(2, "0");
}

/** Reads base64, of both alphabets and with or without padding. */
function fromBase64(text: string): string {
  const value = text.replace(/-/g, "+").replace(/_/g, "/").replace(/=+$/, "");
  let bits = 0;
  let held = 0;
  let out = "";
  for (const char of value) {
    const six = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".indexOf(char);
    held = ((held << 6) | six) & 0xffff;
    bits += 6;
    if (bits > 7) {
      bits -= 8;
      out += String.fromCharCode((held >> bits) & 255);
    }
  }
  return out;
}

/** Reads the detail of an error of the API. */
export function readDetail(details: unknown): Partial<ErrorDetails> {
  const list: { type?: unknown; value?: unknown }[] = Array.isArray(details) ? details : [];
  const found = list.find((d) => Object(d).type === "openwearables.v1.ErrorDetail");
  if (typeof found?.value !== "string") {
    return {};
  }
  const detail: Partial<ErrorDetails> = {};
  const fields: { field: string; message: string }[] = [];
  for (const [field, bytes] of texts(fromBase64(found.value))) {
    const text = () => clean(utf8(bytes));
    if (field === 1) {
      detail.reason = text();
    } else if (field === 2) {
      detail.requestId = text();
    } else if (field === 3 && fields.length < maxViolations) {
      const of = new Map(texts(bytes));
      fields.push({ field: clean(utf8(of.get(1) ?? "")), message: clean(utf8(of.get(2) ?? "")) });
    } else if (field === 4) {
      detail.requiredScope = text();
    }
  }
  return { ...detail, fields };
}
