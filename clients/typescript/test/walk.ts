import { inspect } from "node:util";

/**
 * Returns everything that code or a person can read of a value: what Node prints of it,
 * its JSON, its clone, and every text in what it reaches by properties of any kind,
 * prototypes, entries and bytes.
 */
export function readable(value: unknown): string {
  const deep = { depth: Infinity, showHidden: true, getters: true, maxArrayLength: null };
  const texts = [inspect(value, { ...deep, maxStringLength: null }), String(value)];
  for (const copy of [(v: unknown) => JSON.stringify(v), (v: unknown) => structuredClone(v)]) {
    try {
      texts.push(inspect(copy(value), { ...deep, maxStringLength: null }));
    } catch {
      // it has functions, or a bigint
    }
  }
  walk(value, texts, new Set());
  return texts.join("\n");
}

function walk(v: unknown, texts: string[], seen: Set<unknown>): void {
  if ((typeof v !== "object" && typeof v !== "function") || v === null) {
    texts.push(String(v));
    return;
  }
  if (seen.has(v) || isPlatform(v)) {
    return;
  }
  seen.add(v);
  if (ArrayBuffer.isView(v)) {
    texts.push(Buffer.from(v.buffer, v.byteOffset, v.byteLength).toString("latin1"));
    return;
  }
  if (v instanceof Map || v instanceof Set || v instanceof Headers) {
    for (const entry of v) {
      walk(entry, texts, seen);
    }
  }
  for (let o: object | null = v; o && !isPlatform(o); o = Object.getPrototypeOf(o)) {
    for (const key of Reflect.ownKeys(o)) {
      texts.push(String(key));
      try {
        walk(Reflect.get(o, key, v), texts, seen);
      } catch {
        // the arguments of a strict function
      }
    }
  }
}

const platform = new Set<unknown>(
  [Object, Function, Array, Error, TypeError, Promise, Map, Set, Date, Headers].flatMap((c) => [
    c,
    c.prototype,
  ]),
);

function isPlatform(v: object): boolean {
  return platform.has(v);
}
