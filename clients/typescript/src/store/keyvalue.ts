import type { Store } from "./store.js";

/** A storage of texts by name, such as AsyncStorage or a wrapper of SecureStore. */
export interface KeyValueStorage {
  /** Returns the text, or null or undefined if there is none; or a promise of it. */
  get(key: string): unknown;
  set(key: string, value: string): unknown;
  remove(key: string): unknown;
}

/**
 * Returns a store in a storage that only one process uses, such as that of a React
 * Native app. Processes that share it may renew a session at the same time, which ends
 * none: the renewals have one key, and the last record stays.
 */
export function keyValueStore(storage: KeyValueStorage, name: string): Store {
  const key = `openwearables.${name}`;
  const load = async () => {
    const held = await storage.get(key);
    return typeof held === "string" && held ? held : undefined;
  };
  return serialStore(load, (next) =>
    next === undefined ? storage.remove(key) : storage.set(key, next),
  );
}

/** Returns a store that only one process uses, of functions that read and write its record. */
export function serialStore(
  load: () => Promise<string | undefined>,
  write: (next: string | undefined) => unknown,
): Store {
  let last: Promise<unknown> = Promise.resolve();
  // One after the other: between reading and writing nothing else may write.
  const swap = (next: string | undefined, expected: string | undefined): Promise<boolean> => {
    const swapped = last.then(async () => {
      const ok = (await load()) === expected;
      if (ok) {
        await write(next);
      }
      return ok;
    });
    last = swapped.catch(() => {});
    return swapped;
  };
  return {
    load,
    save: (record, expected) => swap(record, expected),
    clear: (expected) => swap(undefined, expected),
  };
}
