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

/** Settles as the work does, or rejects with the signal's reason; the work goes on. */
export async function unless<T>(signal: AbortSignal | undefined, work: PromiseLike<T>): Promise<T> {
  let leave = () => {};
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(signal?.reason);
  });
  signal?.addEventListener("abort", leave);
  if (signal?.aborted) {
    leave();
  }
  try {
    return await Promise.race([left, work]);
  } finally {
    signal?.removeEventListener("abort", leave);
  }
}

/** A signal that follows another one and ends by itself after ms; 0 is never. */
export function limited(
  parent: AbortSignal | undefined,
  ms: number,
  reason: () => unknown,
): { signal: AbortSignal; left(): number | undefined; done(): void } {
  const c = new AbortController();
  const end = performance.now() + ms;
  const follow = () => c.abort(parent?.reason);
  const timer = ms > 0 ? setTimeout(() => c.abort(reason()), ms) : undefined;
  parent?.addEventListener("abort", follow);
  if (parent?.aborted) {
    follow();
  }
  return {
    signal: c.signal,
    left: () => (ms > 0 ? Math.max(1, Math.ceil(end - performance.now())) : undefined),
    done() {
      clearTimeout(timer);
      parent?.removeEventListener("abort", follow);
    },
  };
}
