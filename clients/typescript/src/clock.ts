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

/** Calls back after ms, however many. Returns a function that stops it. */
export function startTimer(ms: number, done: () => void): () => void {
  const longest = 2 ** 31 - 1; // a timer of more fires at once
  let timer: ReturnType<typeof setTimeout>;
  const wait = (left: number) => {
    const more = left > longest;
    timer = setTimeout(more ? () => wait(left - longest) : done, more ? longest : left);
  };
  wait(ms);
  return () => clearTimeout(timer);
}

/** Resolves after ms, or rejects with the signal's reason. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  let stop = () => {};
  const over = new Promise<void>((resolve) => {
    stop = startTimer(ms, resolve);
  });
  await abortable(signal, over).finally(stop);
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
 * @param ms 0 and Infinity set no limit
 * @param reason returns the abort reason for when the time is over
 */
export function startDeadline(
  parent: AbortSignal | undefined,
  ms: number,
  reason: () => unknown = () => failure("unavailable", "it took too long"),
): Deadline {
  const c = new AbortController();
  const limited = ms > 0 && ms < Infinity;
  const end = limited ? performance.now() + ms : Infinity;
  const clear = limited ? startTimer(ms, () => abort(c, reason())) : () => {};
  const stop = onAbort(parent, () => abort(c, parent?.reason));
  return {
    signal: c.signal,
    left: () => end - performance.now(),
    done() {
      clear();
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
