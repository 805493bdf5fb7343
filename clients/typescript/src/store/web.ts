import { guarded, memory, type Store } from "./store.js";

/** Resolves with the result of an IndexedDB request. */
function result<T>(r: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    r.onsuccess = () => resolve(r.result);
    r.onerror = () => reject(r.error);
  });
}

/**
 * Returns a store in IndexedDB, which all tabs and workers of the origin share by
 * name. They take turns with Web Locks and announce their changes over a
 * BroadcastChannel.
 */
export function indexedDb(name: string): Store {
  const key = `openwearables:${name}`;
  let opening: Promise<IDBDatabase> | undefined;
  const database = () => {
    opening ??= new Promise((resolve, reject) => {
      const r = indexedDB.open(key, 1);
      r.onupgradeneeded = () => r.result.createObjectStore("session");
      r.onerror = () => reject(r.error);
      r.onsuccess = () => {
        const forget = () => {
          r.result.close();
          opening = undefined;
        };
        r.result.onversionchange = forget;
        r.result.onclose = forget;
        resolve(r.result);
      };
    });
    opening.catch(() => {
      opening = undefined;
    });
    return opening;
  };
  const swap = async (next: string | undefined, expected: string | undefined) => {
    const t = (await database()).transaction("session", "readwrite", { durability: "strict" });
    const done = new Promise((resolve, reject) => {
      t.oncomplete = resolve;
      t.onabort = () => reject(t.error);
    });
    const o = t.objectStore("session");
    const ok = (await result<string | undefined>(o.get("record"))) === expected;
    if (ok) {
      next === undefined ? o.delete("record") : o.put(next, "record");
    }
    await done;
    if (ok && typeof BroadcastChannel === "function") {
      const others = new BroadcastChannel(key);
      others.postMessage(0);
      others.close();
    }
    return ok;
  };
  return {
    id: `indexeddb:${name}`,
    async load() {
      const t = (await database()).transaction("session");
      return result<string | undefined>(t.objectStore("session").get("record"));
    },
    save: swap,
    clear: (expected) => swap(undefined, expected),
    lock: (signal) => webLock(key, signal),
    watch: (changed, until) => void channel(key, changed, until),
  };
}

/** Listens to the origin's other tabs until the signal aborts. Undefined if the browser cannot. @internal */
export function channel(
  name: string,
  onMessage: (event: MessageEvent) => void,
  until: AbortSignal,
): BroadcastChannel | undefined {
  if (typeof BroadcastChannel !== "function") {
    return undefined;
  }
  const c = new BroadcastChannel(name);
  c.onmessage = onMessage;
  (c as { unref?(): void }).unref?.(); // Node would wait for messages and not end
  until.addEventListener("abort", () => c.close());
  return c;
}

/** Takes a lock of the origin by name. Without Web Locks it resolves at once. */
function webLock(name: string, signal: AbortSignal): Promise<() => void> {
  return new Promise((resolve, reject) => {
    if (typeof navigator === "undefined" || !navigator.locks) {
      return resolve(() => {});
    }
    navigator.locks
      .request(name, { signal }, () => new Promise<void>((release) => resolve(release)))
      .catch(reject);
  });
}

/** A storage such as localStorage. */
export interface WebStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/**
 * Returns a store in localStorage or sessionStorage. Prefer indexedDb: Web Storage
 * has no transactions, so that two tabs may renew at the same time, and a single line
 * of any script of the origin reads it.
 */
export function webStorage(storage: WebStorage, name: string): Store {
  const key = `openwearables:${name}`;
  const shared = isLocal(storage);
  const held = () => storage.getItem(key) ?? undefined;
  return {
    ...(shared && { id: `localstorage:${name}` }),
    load: async () => held(),
    async save(record, expected) {
      const ok = held() === expected;
      if (ok) {
        storage.setItem(key, record);
      }
      return ok;
    },
    async clear(expected) {
      const ok = held() === expected;
      if (ok) {
        storage.removeItem(key);
      }
      return ok;
    },
    lock: (signal) => webLock(key, signal),
    watch(changed, signal) {
      if (shared && typeof addEventListener === "function") {
        const onMessage = (e: Event) => void ((e as StorageEvent).key === key && changed());
        addEventListener("storage", onMessage, { signal });
      }
    },
  };
}

function isLocal(storage: WebStorage): boolean {
  try {
    return typeof localStorage !== "undefined" && storage === localStorage;
  } catch {
    return false; // the browser forbids storage, and the app gave one of its own
  }
}

/**
 * Resolves with an IndexedDB store, or one in memory if the browser has none; `shared`
 * tells which.
 *
 * @internal
 */
export async function tryIndexedDb(name: string): Promise<{ disk: Store; shared: boolean }> {
  const disk = indexedDb(name);
  try {
    await guarded(() => disk.load());
    return { disk, shared: true };
  } catch {
    return { disk: memory(), shared: false };
  }
}
