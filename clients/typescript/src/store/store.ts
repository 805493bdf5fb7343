import { withTimeout } from "../clock.js";
import { storageError } from "../error.js";
import type { Signal } from "../types.js";

/**
 * Keeps the record of one session, an opaque string that contains its tokens:
 * protect it like a password.
 *
 * A store that cannot read its content, such as a database that is down, must reject
 * and not resolve with undefined: a rejection keeps the session. A call that takes
 * longer than 5 seconds counts as rejected.
 */
export interface Store {
  /** Resolves with the record, undefined if there is none. */
  load(): Promise<string | undefined>;
  /**
   * Replaces the record atomically, but only if the stored one equals expected
   * (undefined: there is none). Resolves with true if it did.
   */
  save(record: string, expected: string | undefined): Promise<boolean>;
  /** Removes the record, but only if it equals expected. Resolves with true if it did. */
  clear(expected: string | undefined): Promise<boolean>;
  /**
   * Waits for a lock that all users of the stored record share, until the signal
   * aborts, and resolves with a function that releases it. The lock must not outlive
   * its owner. It only saves requests; sessions are safe without it.
   */
  lock?(signal: Signal): Promise<() => void>;
  /**
   * Calls changed when another tab or process may have changed the record, until the
   * signal aborts.
   */
  watch?(changed: () => void, until: Signal): void;
  /**
   * Identifies the stored record: stores with one id share a session. Without it, only
   * the same object does.
   */
  readonly id?: string;
  /**
   * Nothing can be stored: the session is used and not renewed, as by `refresh: "never"`.
   */
  readonly readOnly?: boolean;
}

/** Limits the time of a store's call and converts its error. @internal */
export async function guarded<T>(call: () => T | PromiseLike<T>): Promise<T> {
  const timeout = 5_000;
  try {
    return await withTimeout(timeout, call);
  } catch (e) {
    throw storageError(e);
  }
}

/** A store whose calls have a time limit and fail with a typed error. @internal */
export interface GuardedStore {
  /** Resolves with the record, undefined if there is none. */
  load(): Promise<string | undefined>;
  /** Replaces the expected record by next (undefined: none). Resolves with true if it did. */
  swap(next: string | undefined, expected: string | undefined): Promise<boolean>;
  /**
   * Takes the store's lock and resolves with a function that releases it. Resolves
   * with undefined if the store has no lock, or if it did not come in time.
   */
  lock(until?: AbortSignal): Promise<(() => void) | undefined>;
}

/** @internal */
export function guardedStore(store: Store): GuardedStore {
  const lockTimeout = 12_000; // longer than an attempt to renew
  return {
    load: () => guarded(async () => (await store.load()) || undefined),
    swap: (next, expected) =>
      guarded(() => (next ? store.save(next, expected) : store.clear(expected))),
    lock: (until) =>
      withTimeout(
        lockTimeout,
        async (signal) => {
          const unlock = await store.lock?.(signal);
          if (signal.aborted) {
            unlock?.(); // it came too late
          }
          return unlock;
        },
        until,
      ).catch(() => undefined),
  };
}

/**
 * Returns a store in memory, the default. It lives as long as the page or process.
 * Sessions that use the same store object share one session.
 */
export function memory(): Store {
  let record: string | undefined;
  const swap = async (next: string | undefined, expected: string | undefined) => {
    const ok = record === expected;
    if (ok) {
      record = next;
    }
    return ok;
  };
  return {
    load: async () => record,
    save: swap,
    clear: (expected) => swap(undefined, expected),
  };
}
