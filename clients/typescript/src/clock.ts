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
  await unless(signal, over).finally(() => clearTimeout(timer));
}

/** Calls leave when the signal ends, at once if it has; returns what stops that. */
function follow(signal: AbortSignal | undefined, leave: () => void): () => void {
  signal?.addEventListener("abort", leave);
  if (signal?.aborted) {
    leave();
  }
  return () => signal?.removeEventListener("abort", leave);
}

/** Settles as the work does, or rejects with the signal's reason; the work goes on. */
export async function unless<T>(
  signal: AbortSignal | undefined,
  work: T | PromiseLike<T>,
): Promise<T> {
  let stop = () => {};
  const left = new Promise<never>((_, reject) => {
    stop = follow(signal, () => reject(signal?.reason));
  });
  try {
    return await Promise.race([left, work]);
  } finally {
    stop();
  }
}

/** A signal that follows another one and ends by itself after ms; 0 is never. */
export interface Limit {
  readonly signal: AbortSignal;
  /** Milliseconds until then; Infinity is never. */
  left(): number;
  /** Ends the waiting, not the signal. */
  done(): void;
}

/** @param reason what the signal ends with after ms */
export function limited(
  parent: AbortSignal | undefined,
  ms: number,
  reason: () => unknown = () => unavailable("it took too long", ""),
): Limit {
  const c = new AbortController();
  const end = ms > 0 ? performance.now() + ms : Infinity;
  const timer = ms > 0 ? setTimeout(() => c.abort(reason()), ms) : undefined;
  const stop = follow(parent, () => c.abort(parent?.reason));
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
export async function bounded<T>(
  ms: number,
  work: (signal: AbortSignal) => T | PromiseLike<T>,
  parent?: AbortSignal,
): Promise<T> {
  const { signal, done } = limited(parent, ms);
  try {
    return await unless(signal, work(signal));
  } finally {
    done();
  }
}
