import { withTimeout } from "../clock.js";
import { storageError } from "../error.js";

/**
 * Keeps one session's record, an opaque string that contains its tokens: guard
 * it as you would a password.
 *
 * A store whose content cannot be told (a database that is down) must reject,
 * never answer absence: a rejection keeps the session. A call that takes longer
 * than 5 seconds counts as rejected.
 */
export interface Store {
  /** Resolves with the record, undefined if there is none. */
  load(): Promise<string | undefined>;
  /**
   * Replaces the record by another, atomically, and only if the one there equals
   * expected (undefined: none is there). Resolves with whether it did.
   */
  save(record: string, expected: string | undefined): Promise<boolean>;
  /** Removes the record, only if it equals expected. Resolves with whether it did. */
  clear(expected: string | undefined): Promise<boolean>;
  /**
   * Waits for a lock that all who share the place respect, until the signal ends,
   * and resolves with what gives it back. The lock must not outlive its holder.
   * It saves requests; sessions are safe without it.
   */
  lock?(signal: AbortSignal): Promise<() => void>;
  /** Calls changed whenever somebody else may have changed the record, until the signal ends. */
  watch?(changed: () => void, until: AbortSignal): void;
  /** Names the place: stores of one name share their session. The store itself if absent. */
  readonly id?: string;
}

/** Bounds a store's call and types what it throws. */
export async function guarded<T>(call: () => T | PromiseLike<T>): Promise<T> {
  const timeout = 5_000;
  try {
    return await withTimeout(timeout, call);
  } catch (e) {
    throw storageError(e);
  }
}

/** A store as the engine uses it: every call is bounded and fails with a typed error. */
export interface GuardedStore {
  /** What is there; undefined is nothing. */
  load(): Promise<string | undefined>;
  /** Puts next (undefined: nothing) in place of what is expected, and tells whether it did. */
  swap(next: string | undefined, expected: string | undefined): Promise<boolean>;
  /**
   * Takes the lock, if there is one, and resolves with what gives it back. Without it
   * (it did not come in time) the work goes on all the same.
   */
  lock(until?: AbortSignal): Promise<(() => void) | undefined>;
}

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
            unlock?.(); // it came when nobody waited any more
          }
          return unlock;
        },
        until,
      ).catch(() => undefined),
  };
}

/**
 * Returns a store that forgets with the page or process, the default. Sessions
 * that are given the same one are one session.
 */
export function memory(): Store {
  let record: string | undefined;
  return {
    async load() {
      return record;
    },
    async save(next, expected) {
      const ok = record === expected;
      if (ok) {
        record = next;
      }
      return ok;
    },
    async clear(expected) {
      const ok = record === expected;
      if (ok) {
        record = undefined;
      }
      return ok;
    },
  };
}
