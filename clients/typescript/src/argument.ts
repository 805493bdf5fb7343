import { invalid } from "./error.js";

/** @throws OpenWearablesError of kind `invalid`, which names the option or argument */
export function check(ok: unknown, message: string, field: string): asserts ok {
  if (!ok) {
    throw invalid(message, field);
  }
}

/** @throws OpenWearablesError of kind `invalid` */
export function checkTimeout(ms: unknown): void {
  const ok = typeof ms === "number" && ms >= 0;
  check(ok, "it must be a number of milliseconds, 0 for none", "timeoutMs");
}

/** @throws OpenWearablesError of kind `invalid` */
export function checkSignal(signal: unknown): void {
  const ok = signal === undefined || isFunction(Object(signal).addEventListener);
  check(ok, "it must be an AbortSignal", "signal");
}

/** @throws OpenWearablesError of kind `invalid` */
export function checkFunction(value: unknown, field: string): void {
  check(value === undefined || isFunction(value), "it must be a function", field);
}

export function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

/** @throws OpenWearablesError of kind `invalid` */
export function checkHeaders(init: Record<string, string> | undefined, key?: string): Headers {
  try {
    const headers = new Headers(init);
    if (key !== undefined) {
      headers.set("Idempotency-Key", key);
    }
    return headers;
  } catch {
    throw invalid("a name or a value cannot be sent", "headers"); // the cause quotes it
  }
}
