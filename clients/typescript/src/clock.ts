import { unavailable } from "./error.js";

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

/** Resolves after ms, or rejects with the signal's reason. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await abortable(signal, over).finally(() => clearTimeout(timer));
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
    stop = onAbort(signal, () => reject(signal?.reason));
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
 * @param ms 0 sets no limit
 * @param reason returns the abort reason for when the time is over
 */
export function startDeadline(
  parent: AbortSignal | undefined,
  ms: number,
  reason: () => unknown = () => unavailable("it took too long", ""),
): Deadline {
  const c = new AbortController();
  const end = ms > 0 ? performance.now() + ms : Infinity;
  const timer = ms > 0 ? setTimeout(() => c.abort(reason()), ms) : undefined;
  const stop = onAbort(parent, () => c.abort(parent?.reason));
  return {
    signal: c.signal,
    left: () => end - performance.now(),
    done() {
      clearTimeout(timer);
      stop();
    },
  };
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
