import { unavailable } from "./error.js";

/** Tells the time in milliseconds: wall is what people see and move, mono only goes on. */
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

/** Calls leave when the signal ends, at once if it has; returns what stops that. */
function onAbort(signal: AbortSignal | undefined, leave: () => void): () => void {
  signal?.addEventListener("abort", leave);
  if (signal?.aborted) {
    leave();
  }
  return () => signal?.removeEventListener("abort", leave);
}

/** Settles as the work does, or rejects with the signal's reason; the work goes on. */
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

/** A signal that follows another one and ends by itself after ms; 0 is never. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Milliseconds until then; Infinity is never. */
  left(): number;
  /** Ends the waiting, not the signal. */
  done(): void;
}

/** @param reason what the signal ends with after ms */
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

/** Settles as the work does, or rejects with the parent's reason or, after ms, as unavailable. */
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
