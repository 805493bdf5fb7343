import { invalidArgument } from "./error.js";

export const wrongTimeout = "it must be a number of milliseconds, 0 for none";

export function isTimeout(ms: unknown): boolean {
  return typeof ms === "number" && ms >= 0;
}

/** @throws OpenWearablesError of kind `invalid` */
export function checkOptions(signal: unknown, timeoutMs: unknown): void {
  if (!isTimeout(timeoutMs)) {
    throw invalidArgument("timeoutMs", wrongTimeout);
  }
  if (signal !== undefined && typeof Object(signal).addEventListener !== "function") {
    throw invalidArgument("signal", "it must be an AbortSignal");
  }
}

/** @throws OpenWearablesError of kind `invalid` */
export function checkHeaders(init: Record<string, string> | undefined): Headers {
  try {
    return new Headers(init);
  } catch {
    throw invalidArgument("headers", "a name or a value cannot be sent"); // the cause quotes it
  }
}
