import { invalidArgument } from "./error.js";

/** A member of a message. */
interface Member {
  name: string;
  /**
   * `=` boolean, `#` whole number, `%` number, `@` time, `>` message, `~` update mask;
   * else text.
   */
  kind: string;
  /** `*` list, `?` may be null, `!` always there; else a value without presence. */
  presence: string;
  /** The members of a message. */
  of: Message | undefined;
  /** What an update mask can name. */
  maskable: string[];
}

/** Returns the members of a message. */
export type Message = () => Member[];

/** Returns a message of a table: its members, each with its marks, and the messages in them. */
export function msg(table: string, ...messages: Message[]): Message {
  let members: Member[] | undefined;
  const parse = () => {
    let n = 0;
    return (table.match(/\S+/g) ?? []).map((text): Member => {
      const [, name, kind, presence, rest] = /^(\w+)([=#%@>~]?)([*?!]?)(.*)/.exec(text) as string[];
      const of = kind === ">" ? messages[n++] : undefined;
      return { name, kind, presence, of, maskable: rest?.split(",") } as Member;
    });
  };
  return () => {
    members ??= parse();
    return members;
  };
}

/** The flags of a method. */
export const [safe, keyed, open] = [1, 2, 4];

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

export function rpc<Q, A>(path: string, input: Message, output: Message, flags: number): Rpc<Q, A> {
  return { path, input, output, flags };
}

type Fields = Record<string, unknown>;

/**
 * Returns what to send of a request: the members of its message, without those that are
 * null or absent.
 *
 * @throws OpenWearablesError of kind `invalid` for a value that its member cannot hold.
 * It names the member and quotes no value.
 */
export function encode(message: Message, value: unknown, path = ""): Fields {
  if (typeof value !== "object" || !value || value instanceof Date || Array.isArray(value)) {
    throw invalidArgument(path || "request", `it is ${nameOf(value)} and must be an object`);
  }
  const from = value as Fields;
  const out: Fields = {};
  for (const member of message()) {
    const { name, kind, presence, maskable } = member;
    const given = from[name];
    if (kind === "~") {
      out[name] = maskable.filter((n) => from[n] !== undefined).join();
    } else if (given !== undefined && given !== null) {
      const snake = name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
      const at = path ? `${path}.${snake}` : snake;
      if (presence !== "*") {
        out[name] = encodeOne(member, given, at);
      } else if (Array.isArray(given)) {
        out[name] = given.map((item, i) => encodeOne(member, item, `${at}[${i}]`));
      } else {
        throw invalidArgument(at, "it must be a list");
      }
    }
  }
  return out;
}

function encodeOne({ kind, of }: Member, value: unknown, at: string): unknown {
  if (of) {
    return encode(of, value, at);
  }
  if (kind === "@" && value instanceof Date && !Number.isNaN(value.getTime())) {
    return value.toISOString();
  }
  if (!holds[kind]?.(value as never)) {
    const needed = kind === "@" ? ", but a Date or an RFC 3339 text" : "";
    throw invalidArgument(at, `it cannot be ${nameOf(value)}${needed}`);
  }
  return value;
}

const isText = (v: unknown): v is string => typeof v === "string" && !/\p{Cs}/u.test(v);

/** Whether a member of a kind can hold a value. */
const holds: { [kind: string]: (value: unknown) => boolean } = {
  "": isText,
  "=": (v) => typeof v === "boolean",
  "#": (v) => typeof v === "number" && v === (v | 0),
  "%": Number.isFinite,
  "@": (v) => isText(v) && /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d/.test(v),
};

function nameOf(value: unknown): string {
  return value instanceof Date ? "this Date" : `this ${typeof value}`;
}

/**
 * Reads a message of a response. What is unknown is ignored, and what is missing gets
 * its default: null, or an empty value.
 *
 * @throws Error for a value of another type, or if what is always there is missing
 */
export function decode(message: Message, json: unknown): Fields {
  if (typeof json !== "object" || !json || Array.isArray(json)) {
    throw new TypeError("a message is no object");
  }
  const out: Fields = {};
  for (const member of message()) {
    const { name, presence } = member;
    const given = (json as Fields)[name] ?? undefined;
    if (presence !== "*") {
      out[name] = given === undefined && presence === "?" ? null : decodeOne(member, given);
    } else if (Array.isArray((given ?? []) as unknown)) {
      out[name] = ((given ?? []) as unknown[]).map((item) => decodeOne(member, item));
    } else {
      throw new TypeError(`${name} is no list`);
    }
  }
  return out;
}

function decodeOne({ name, kind, of }: Member, given: unknown): unknown {
  const empty: { [kind: string]: unknown } = { "": "", "=": false };
  if (of) {
    return decode(of, given ?? {});
  }
  if (kind === "@") {
    // More than milliseconds is not in a Date, and not every engine parses it.
    const time = new Date(String(given).replace(/(\.\d{3})\d+/, "$1"));
    if (Number.isNaN(time.getTime())) {
      throw new TypeError(`${name} is no time`);
    }
    return time;
  }
  const value = kind === "#" || kind === "%" ? Number(given ?? 0) : (given ?? empty[kind]);
  if (kind in empty ? typeof value !== typeof empty[kind] : Number.isNaN(value)) {
    throw new TypeError(`${name} is of another type`);
  }
  return value;
}
