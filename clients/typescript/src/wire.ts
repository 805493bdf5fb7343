import { invalid } from "./error.js";
import { Secret } from "./secret.js";

/** A member of a message. */
interface Member {
  name: string;
  /**
   * `=` boolean, `#` whole number, `%` number, `@` time, `$` credential, `>` message, `~`
   * update mask; else text.
   */
  kind: string;
  /**
   * `*` list, `?` may be null, `-` the same and no update mask names it; else it is always
   * there.
   */
  presence: string;
  /** The members of a message. */
  of: Message | undefined;
}

/** The members of a message. */
export type Message = readonly Member[];

/** The flags of a method. */
export const safe = 1;
export const keyed = 2;
export const open = 4;

/** A method of the API. */
export interface Rpc<Q, A> {
  /** The path below the base URL. */
  readonly path: string;
  readonly input: Message;
  readonly output: Message;
  /**
   * `safe`: it can be repeated · `keyed`: each call has an Idempotency-Key · `open`: its
   * credential is in its body.
   */
  readonly flags: number;
  /** Only for the types. */
  readonly _?: (request: Q) => A;
}

/** Returns the method of a service. R has what each method sends and receives. */
export type Service<R> = <N extends keyof R>(
  method: N,
) => R[N] extends [infer Q, infer A] ? Rpc<Q, A> : never;

/**
 * Returns a service of its name, without the end `Service`, and of a text. That has a line of
 * each method, with its flags, its name, and the members of its request and its response,
 * and before them one of each message that others hold, with its members. A member is its
 * name, its marks, and the number of its message, from 0.
 */
export function service<R>(name: string, text: string): Service<R> {
  let all: Record<string, Rpc<unknown, unknown>> | undefined;
  const parse = () => {
    const found: typeof all = {};
    const messages: Message[] = [];
    const read = (members = ""): Message =>
      [...members.matchAll(/(\w+)([=#%@$>~]?)([*?-]?)(\d*)/g)].map(
        ([, name = "", kind = "", presence = "", of]) => ({
          name,
          kind,
          presence,
          of: of ? messages[+of] : undefined,
        }),
      );
    for (const line of text.trim().split("\n")) {
      const [, flags = "", method, input, output] = /^(\d)(\w+)(.*)\|(.*)/.exec(line) ?? [];
      if (method) {
        found[method] = {
          path: `openwearables.v1.${name}Service/${method}`,
          input: read(input),
          output: read(output),
          flags: +flags,
        };
      } else {
        messages.push(read(line));
      }
    }
    return found;
  };
  return (method) => {
    all ??= parse();
    return all[method as string] as never;
  };
}

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && !!value && !Array.isArray(value);
}

/**
 * Returns what to send of a request: the members of its message, without those that are
 * null or absent. A Date becomes text.
 *
 * @throws OpenWearablesError of kind `invalid` for a value that its member cannot hold.
 * It names the member and quotes no value.
 */
export function encode(message: Message, from: unknown, path = ""): Fields {
  if (!isObject(from) || from instanceof Date) {
    throw wrong(path || "request", from);
  }
  const out: Fields = {};
  for (const member of message) {
    const { name, kind, presence } = member;
    const given = from[name];
    if (kind === "~") {
      const masked = message.filter((m) => /[*?]/.test(m.presence) && from[m.name] !== undefined);
      out[name] = masked.map((m) => m.name).join();
    } else if (given !== undefined && given !== null) {
      const snake = name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
      const at = path ? `${path}.${snake}` : snake;
      if (presence !== "*") {
        out[name] = encodeOne(member, given, at);
      } else if (Array.isArray(given)) {
        out[name] = given.map((item, i) => encodeOne(member, item, `${at}[${i}]`));
      } else {
        throw wrong(at, given, ", but a list");
      }
    }
  }
  return out;
}

function encodeOne({ kind, of }: Member, value: unknown, at: string): unknown {
  if (of) {
    return encode(of, value, at);
  }
  if (value instanceof Date && /^@?$/.test(kind) && Number.isFinite(+value)) {
    return value.toISOString();
  }
  const isText = typeof value === "string" && !/\p{Cs}/u.test(value);
  const fits =
    kind === ""
      ? isText
      : kind === "@"
        ? isText && /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d/.test(value)
        : kind === "="
          ? typeof value === "boolean"
          : Number.isFinite(value) && (kind === "%" || value === ((value as number) | 0));
  if (!fits) {
    throw wrong(at, value, kind === "@" ? ", but a Date or an RFC 3339 text" : "");
  }
  return value;
}

function wrong(at: string, value: unknown, needed = "") {
  const given = value instanceof Date ? "Date" : typeof value;
  return invalid(`it cannot be this ${given}${needed}`, at);
}

/**
 * Reads a message of a response. What is unknown is ignored, and what is missing gets
 * its default: null, or an empty value.
 *
 * @throws Error for a value of another type, or if what is always there is missing; its
 * message is the member's name
 */
export function decode(message: Message, json: unknown, path = "message"): Fields {
  const out: Fields = {};
  if (!isObject(json)) {
    throw new TypeError(path);
  }
  for (const member of message) {
    const { name, presence } = member;
    const given = json[name] ?? undefined;
    if (presence !== "*") {
      out[name] = given === undefined && presence === "?" ? null : decodeOne(member, given);
    } else {
      const list = given ?? [];
      if (!Array.isArray(list)) {
        throw new TypeError(name);
      }
      out[name] = list.map((item) => decodeOne(member, item));
    }
  }
  return out;
}

function decodeOne({ name, kind, of }: Member, given: unknown): unknown {
  if (of) {
    return decode(of, given ?? {}, name);
  }
  if (kind === "$") {
    if (typeof given !== "string" || !given) {
      throw new TypeError(name);
    }
    return new Secret(given);
  }
  const value =
    kind === "@"
      ? // More than milliseconds is not in a Date, and not every engine parses it.
        new Date(String(given).replace(/(\.\d{3})\d+/, "$1"))
      : kind === ""
        ? (given ?? "")
        : kind === "="
          ? (given ?? false)
          : Number(given ?? 0);
  const type = { "": "string", "=": "boolean" }[kind];
  // biome-ignore lint/suspicious/noGlobalIsNan: a Date too
  if (type ? typeof value !== type : isNaN(value as number)) {
    throw new TypeError(name);
  }
  return value;
}
