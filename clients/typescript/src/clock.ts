import { failure } from "./error.js";

/**
 * Returns times in milliseconds: wall is the system time, which may be set; mono never
 * goes back.
 */
export interface Clock {
  wall(): number;
  mono(): number;
}

export const systemClock: Clock = {
  wall: () => Date.now(),
  mono: () => performance.now(),
};

/** Resolves after ms, less than 2 ** 31, or rejects with the signal's reason. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await abortable(signal, over).finally(() => clearTimeout(timer));
}

/** Throws the reason of a signal that has aborted. Not every runtime has its throwIfAborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) {
    throw reasonOf(signal);
  }
}

/** Returns why a signal aborted. In React Native a signal of the caller does not know it. */
function reasonOf(signal?: AbortSignal): unknown {
  return signal?.reason ?? failure("canceled", "the caller gave up");
}

/**
 * Calls leave when the signal aborts, at once if it has aborted. Returns a function that
 * stops that.
 */
function onAbort(signal: AbortSignal | undefined, leave: () => void): () => void {
  signal?.addEventListener("abort", leave);
  if (signal?.aborted) {
    leave();
  }
  return () => signal?.removeEventListener("abort", leave);
}

/**
 * Settles as the work does, or rejects with the signal's reason. The work itself is not
 * stopped.
 */
export async function abortable<T>(
  signal: AbortSignal | undefined,
  work: T | PromiseLike<T>,
): Promise<T> {
  let stop = () => {};
  const left = new Promise<never>((_, reject) => {
    stop = onAbort(signal, () => reject(reasonOf(signal)));
  });
  try {
    return await Promise.race([left, work]);
  } finally {
    stop();
  }
}

/** A time limit. Its signal aborts when the time is over, or when the parent signal aborts. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Returns the milliseconds that are left; Infinity without a limit. */
  left(): number;
  /** Releases the timer and the parent. The signal is not aborted. */
  done(): void;
}

/**
 * Starts a deadline.
 *
 * @param ms 0, and 2 ** 31 or more, which is beyond 24 days, set no limit
 * @param reason returns the abort reason for when the time is over
 */
export function startDeadline(
  parent: AbortSignal | undefined,
  ms: number,
  reason: () => unknown = () => failure("unavailable", "it took too long"),
): Deadline {
  const c = new AbortController();
  const limited = ms > 0 && ms < 2 ** 31; // a timer of more fires at once
  const end = limited ? performance.now() + ms : Infinity;
  const timer = limited ? setTimeout(() => abort(c, reason()), ms) : undefined;
  const stop = onAbort(parent, () => abort(c, parent?.reason));
  return {
    signal: c.signal,
    left: () => end - performance.now(),
    done() {
      clearTimeout(timer);
      stop();
    },
  };
}

/** Aborts with a reason, which the signals of React Native do not keep by themselves. */
function abort(c: AbortController, reason: unknown): void {
  if (!("reason" in c.signal)) {
    Object.defineProperty(c.signal, "reason", { value: reason });
  }
  c.abort(reason);
}

/** Settles as the work does. Rejects with the parent's reason, or as unavailable after ms. */
export async function withTimeout<T>(
  ms: number,
  work: (signal: AbortSignal) => T | PromiseLike<T>,
  parent?: AbortSignal,
): Promise<T> {
  const { signal, done } = startDeadline(parent, ms);
  try {
    return await abortable(signal, work(signal));
  } finally {
    done();
  }
}
