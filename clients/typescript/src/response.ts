import { readDetail } from "./detail.js";
import {
  answered,
  type Code,
  clean,
  codes,
  describeForeign,
  invalidResponse,
  type OpenWearablesError,
} from "./error.js";
import { unanswered } from "./network.js";

/** The default limit of a response, in bytes after decompression. */
export const maxResponse = 16 << 20;

/** The limit of an error, and of a response with a secret. */
export const maxSmallResponse = 1 << 20;

/** How many members and list items a response may have. Two bytes can become an object of 200. */
const maxMembers = 1 << 17;

/** How a response is read. */
export interface Reading {
  /** The most bytes that it may have. */
  most: number;
  /** The fetch is the app's. */
  own: boolean;
  /** Returns what to say of a response that did not come from the API. */
  hint(status: number): string;
}

type Json = Record<string, unknown>;

/**
 * Resolves with the JSON of a response that succeeded.
 *
 * @throws OpenWearablesError for any other response: an error of the API, one that did
 * not come from the API, and one that is too large or unreadable
 */
export async function readJson(res: Response, reading: Reading): Promise<unknown> {
  await rejectFailed(res, reading, json);
  return parse(await readText(res, reading.most, reading.own), true);
}

/**
 * Resolves if a response has succeeded and has the form of the API's.
 *
 * @param form the content types of a success
 * @throws OpenWearablesError for any other response
 */
export async function rejectFailed(res: Response, reading: Reading, form: RegExp): Promise<void> {
  const { headers, body } = res;
  const status = res.status || 302; // browsers hide the status of a redirect
  const type = headers.get("content-type") ?? "";
  const succeeded = status === 200;
  if (succeeded && form.test(type)) {
    return;
  }
  const redirects = status >= 300 && status < 400;
  let said: Json = {};
  if (!succeeded && !redirects && json.test(type)) {
    const most = Math.min(reading.most, maxSmallResponse);
    said = Object(parse((await readText(res, most, reading.own)) || "{}", false));
  } else {
    void body?.cancel().catch(() => {});
  }
  const { code, message, details, detail } = said;
  const words = [detail, message].find((w) => w && typeof w === "string");
  const known = codes.includes(code as Code);
  const error = known
    ? answered(String(words ?? `HTTP ${status}`), code as Code, headers, readDetail(details))
    : foreign(
        status,
        headers,
        said,
        (redirects ? redirect(headers) : (words ?? describeForeign(status))) + reading.hint(status),
      );
  wires.set(error, { message, details: known ? details : undefined, headers, status });
  throw error;
}

const json = /^application\/([\w.-]+\+)?json/;

/** An error as it came. */
export interface Wire {
  message?: unknown;
  details?: unknown;
  headers: Headers;
  status: number;
}

const wires = /* @__PURE__ */ new WeakMap<OpenWearablesError, Wire>();

/** Returns an error as it came, undefined for one that came with no response. */
export function wireOf(error: OpenWearablesError): Wire | undefined {
  return wires.get(error);
}

/** The codes of responses without one, by their HTTP status; `unknown` for all others. */
const codeOfStatus: { [status: number]: Code } = {
  400: "internal",
  401: "unauthenticated",
  403: "permission_denied",
  404: "unimplemented",
  429: "unavailable",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};

/** Returns the error of a response that did not come from the API; said is its JSON. */
function foreign(
  status: number,
  headers: Headers,
  said: Json,
  message: string,
): OpenWearablesError {
  const own = (name: string) => {
    const value = String(said[name] ?? "");
    return /^[\w.:-]{1,100}$/.test(value) ? clean(value) : "";
  };
  const type = headers.get("content-type") ?? "";
  const codec = status === 200 && /^application\/(proto|json)/.test(type);
  return answered(message, codec ? "internal" : (codeOfStatus[status] ?? "unknown"), headers, {
    kind: status === 401 ? "unauthenticated" : status === 429 ? "rate_limited" : "unavailable",
    reason: own("reason") || "foreign_answer",
    requestId: own("request_id"),
    status,
  });
}

/** Describes a redirect, without the path of the call and what may be a secret. */
function redirect(headers: Headers): string {
  return `the base URL redirects to ${bareLocation(headers) || "another URL"}: set it to where the API answers`;
}

/** Returns where a redirect leads, without the path of the call and what may be a secret. */
export function bareLocation(headers: Headers): string | undefined {
  return headers
    .get("location")
    ?.replace(/(\/openwearables\.v1\.|[?#]).*/, "")
    .replace(/\/\/[^/]*@/, "//");
}

/** Parses JSON, @throws OpenWearablesError, whose words quote nothing */
export function parse(text: string, message: boolean): unknown {
  try {
    if (message && hasTooMany(text)) {
      throw new RangeError();
    }
    return JSON.parse(text);
  } catch {
    throw invalidResponse("the response cannot be decoded");
  }
}

/** Reports whether JSON has too many members and items, before objects are made of them. */
function hasTooMany(text: string): boolean {
  if (text.length < 2 * maxMembers) {
    return false;
  }
  let members = 0;
  let quoted = false;
  for (let i = 0; i < text.length && members <= maxMembers; i++) {
    const char = text[i];
    if (quoted && char === "\\") {
      i++;
    } else if (char === '"') {
      quoted = !quoted;
    } else if (!quoted && (char === "," || char === "{" || char === "[")) {
      members++;
    }
  }
  return members > maxMembers;
}

/** Resolves with the text of a response. @throws OpenWearablesError if it is too large */
export async function readText(res: Response, most: number, own: boolean): Promise<string> {
  try {
    // Where fetch cannot stream a body there may be no TextDecoder either.
    const text = res.body ? new TextDecoder().decode(await readAll(res, most)) : await res.text();
    if (text.length > most) {
      throw tooLarge(most);
    }
    return text;
  } catch (e) {
    throw unanswered(e, own);
  }
}

/** Resolves with the bytes of a response. @throws OpenWearablesError if it is too large */
export async function readAll(res: Response, most: number): Promise<Uint8Array> {
  const reader = res.body?.getReader();
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

export function tooLarge(most: number): OpenWearablesError {
  return invalidResponse(`the response has more than ${most} bytes`);
}
