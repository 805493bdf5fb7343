import { check } from "./argument.js";
import { invalidResponse, toError } from "./error.js";

/**
 * A list whose pages are fetched as it is iterated. Each loop begins anew. An error ends
 * the iteration.
 */
export interface List<T> extends AsyncIterable<T> {
  /** Resolves with all items, or with the first ones if there are more than `limit`. */
  toArray(options?: { limit?: number }): Promise<T[]>;
}

/** A response whose first member has the items of a page, and another the cursor of the next one. */
interface Page {
  nextCursor?: string | null;
  pagination?: { nextCursor: string | null };
}

/** Resolves with a page: the first one, or that of a cursor. */
type Fetch = (cursor: { cursor?: string }) => Promise<Page>;

/** Returns a list of what pages hold. */
export function listOf<T>(fetch: Fetch): List<T> {
  const list: List<T> = {
    [Symbol.asyncIterator]: () => pages(fetch),
    async toArray({ limit = Infinity } = {}) {
      const all: T[] = [];
      if (limit > 0) {
        for await (const item of list) {
          if (all.push(item) >= limit) {
            break;
          }
        }
      }
      return all;
    },
  };
  return list;
}

/** Fetches page after page. A cursor that comes again ends it with an error. */
async function* pages<T>(fetch: Fetch): AsyncGenerator<T, void> {
  let seen: string | undefined; // a cursor of the past, replaced at each power of two (Brent)
  let cursor: { cursor?: string } = {};
  for (let n = 1; ; n++) {
    const page = await fetch(cursor).catch((e) => {
      throw toError(e);
    });
    yield* Object.values(page)[0];
    const next = page.nextCursor ?? page.pagination?.nextCursor;
    if (!next) {
      return;
    }
    if (next === seen) {
      throw invalidResponse("the pages of the list go in a circle");
    }
    if ((n & (n - 1)) === 0) {
      seen = next;
    }
    cursor = { cursor: next };
  }
}

/** Returns a request with what a method adds to it. @throws OpenWearablesError if it is no object */
export function withMore<Q extends object, M>(request: Q | undefined, more: M): Q & M {
  const given = request ?? {};
  const isObject = typeof given === "object" && !Array.isArray(given);
  check(isObject, `it cannot be this ${typeof given}`, "request");
  return { ...(given as Q), ...more };
}
