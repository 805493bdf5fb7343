import { clean, failure, invalidResponse, OpenWearablesError } from "./error.js";

/**
 * Returns the error of a fetch that failed, or whose body did.
 *
 * @param own the fetch is the app's
 */
export function unanswered(e: unknown, own: boolean): unknown {
  const {
    name = "",
    message = "",
    cause,
    code,
  } = Object(e) as {
    name?: string;
    message?: string;
    cause?: { code?: unknown };
    code?: unknown;
  };
  if (e instanceof OpenWearablesError || /^(Abort|Timeout)Error$/.test(name)) {
    return e;
  }
  // Node reports a body that cannot be decompressed with an error of zlib.
  if (/^Z_/.test(String(cause?.code))) {
    return invalidResponse("the response cannot be decoded", e);
  }
  // Of the engines' messages only those of bugs are known: others may be translated.
  const bug =
    /^(Range|Reference|Syntax)Error$/.test(name) ||
    /\bis not (an? |iterable|implemented|defined)|\b(of|is) (undefined|null)\b/.test(message) ||
    /^(Cannot |Can't |Assignment|Class |Invalid |Failed to (execute|construct|parse))/.test(
      message,
    );
  const network =
    name === "TypeError" || name === "NetworkError" || !own || !!(code ?? cause?.code);
  if (bug || !network) {
    const said = `fetch failed, and not because of the network: ${clean(message || String(e))}`;
    return failure("internal", said, "fetch_failed", e);
  }
  const why = cause?.code ? `${message}: ${String(cause.code)}` : message;
  return failure("offline", why, "offline", e);
}
