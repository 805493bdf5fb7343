import { readDetail } from "./detail.js";
import {
  answered,
  type Code,
  clean,
  codes,
  describeForeign,
  invalidResponse,
  isRedirect,
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
  await rejectFailed(res, reading, /^application\/([\w.-]+\+)?json/);
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
  if (status === 200 && form.test(type)) {
    return;
  }
  let said: Json = {};
  if (status !== 200 && !isRedirect(status) && /^application\/([\w.-]+\+)?json/.test(type)) {
    const most = Math.min(reading.most, maxSmallResponse);
    said = Object(parse((await readText(res, most, reading.own)) || "{}", false));
    const code = said.code as Code;
    if (codes.includes(code)) {
      throw kept(apiError(code, said, status, headers), { ...said, headers, status });
    }
  } else {
    void body?.cancel().catch(() => {});
  }
  const { message } = said;
  throw kept(foreign(status, headers, reading.hint(status), said), { message, headers, status });
}

/** An error as it came. */
export interface Wire {
  message?: unknown;
  details?: unknown;
  headers: Headers;
  status: number;
}

const wires = new WeakMap<OpenWearablesError, Wire>();

function kept(error: OpenWearablesError, wire: Wire): OpenWearablesError {
  wires.set(error, wire);
  return error;
}

/** Returns an error as it came, undefined for one that came with no response. */
export function wireOf(error: OpenWearablesError): Wire | undefined {
  return wires.get(error);
}

function apiError(code: Code, said: Json, status: number, headers: Headers): OpenWearablesError {
  const { message } = said;
  const words = typeof message === "string" && message ? message : `HTTP ${status}`;
  return answered(words, code, headers, readDetail(said.details));
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

/**
 * Returns the error of a response that did not come from the API.
 *
 * @param hint what may be the cause, or empty
 * @param said the body, if it is JSON
 */
function foreign(status: number, headers: Headers, hint: string, said: Json): OpenWearablesError {
  const own = (name: string) => {
    const value = String(said[name] ?? "");
    return /^[\w.:-]{1,100}$/.test(value) ? value : "";
  };
  const words = [said.detail, said.message].find((w) => w && typeof w === "string");
  // Without the path of the call and what may be a secret.
  const location = headers
    .get("location")
    ?.replace(/(\/openwearables\.v1\.|[?#]).*/, "")
    .replace(/\/\/[^/]*@/, "//");
  const redirect = `the base URL redirects to ${location || "another URL"}: set it to the URL where the API answers`;
  const message = isRedirect(status) ? redirect : String(words ?? describeForeign(status));
  const codec =
    status === 200 && /^application\/(proto|json)/.test(headers.get("content-type") ?? "");
  const code = codec ? "internal" : (codeOfStatus[status] ?? "unknown");
  return answered(message + hint, code, headers, {
    kind: { 401: "unauthenticated", 429: "rate_limited" }[status] ?? "unavailable",
    reason: clean(own("reason")) || "foreign_answer",
    requestId: clean(own("request_id")),
    status,
  } as Parameters<typeof answered>[3]);
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
