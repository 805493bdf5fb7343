import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { invalidArgument } from "./error.js";

export const wrongTimeout = "it must be a number of milliseconds, 0 for none";

export function isTimeout(ms: unknown): boolean {
  return typeof ms === "number" && ms >= 0;
}

/** @throws OpenWearablesError of kind `invalid` */
export function checkOptions(signal: unknown, timeoutMs: unknown): void {
  if (!isTimeout(timeoutMs)) {
    throw invalidArgument("timeoutMs", wrongTimeout);
  }
  if (signal !== undefined && typeof Object(signal).addEventListener !== "function") {
    throw invalidArgument("signal", "it must be an AbortSignal");
  }
}

/** @throws OpenWearablesError of kind `invalid` */
export function checkHeaders(init: HeadersInit | undefined): Headers {
  try {
    return new Headers(init);
  } catch {
    throw invalidArgument("headers", "a name or a value cannot be sent"); // the cause quotes it
  }
}

/**
 * Checks what a call is to send. The error names the field and quotes no value.
 *
 * @throws OpenWearablesError of kind `invalid` for a value that its field cannot hold
 */
export function checkRequest(desc: DescMessage, request: unknown): void {
  if (request !== undefined) {
    checkMessage(desc, request, "");
  }
}

function checkMessage(desc: DescMessage, value: unknown, path: string): void {
  if (typeof value !== "object" || value === null || value instanceof Date) {
    // A Date would be read as an empty Timestamp, which is 1970.
    const what = value instanceof Date ? "Date" : typeof value;
    const advice = desc.name === "Timestamp" ? ": use timestampFromDate" : "";
    throw invalidArgument(path || "request", `it is a ${what} and must be a message${advice}`);
  }
  for (const field of desc.fields) {
    const of = (value as Record<string, unknown>)[field.localName];
    const at = path ? `${path}.${field.name}` : field.name;
    if (of === undefined || of === null || field.fieldKind === "map") {
      continue;
    }
    if (field.fieldKind !== "list") {
      checkValue(field, of, at);
    } else if (Array.isArray(of)) {
      of.forEach((item, i) => void checkValue(field, item, `${at}[${i}]`));
    } else {
      throw invalidArgument(at, "it must be a list");
    }
  }
}

function checkValue({ message, scalar }: DescField, value: unknown, at: string): void {
  if (message) {
    checkMessage(message, value, at);
  } else if (scalar && holds[scalar]?.(value) === false) {
    throw invalidArgument(at, `the field cannot hold this ${typeof value}`);
  }
}

/** Whether a field can hold a value, for the types whose values the encoder would change or refuse. */
const holds: { [scalar in ScalarType]?: (value: unknown) => boolean } = {
  [ScalarType.STRING]: (v) => typeof v === "string" && !/\p{Cs}/u.test(v),
  [ScalarType.BOOL]: (v) => typeof v === "boolean",
  [ScalarType.INT32]: (v) => typeof v === "number" && v === (v | 0),
  [ScalarType.DOUBLE]: (v) => typeof v === "number",
  [ScalarType.INT64]: (v) =>
    typeof v === "bigint" ? v === BigInt.asIntN(64, v) : Number.isSafeInteger(v),
};
