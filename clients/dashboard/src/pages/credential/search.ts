import { useEffect } from "react";
import { plural } from "../../parts/number";

/** A list by cursors, as far as a search in it needs it. */
interface Pages {
  hasNextPage: boolean;
  isFetching: boolean;
  isError: boolean;
  fetchNextPage: () => unknown;
}

/** Reads all pages of a list while `on`, since the API searches none by name. Returns whether more are to come. */
export function useAllPages(query: Pages, on: boolean): boolean {
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  const reading = on && hasNextPage && !isError;
  useEffect(() => {
    if (reading && !isFetching) void fetchNextPage();
  }, [reading, isFetching, fetchNextPage]);
  return reading;
}

/** Cuts what is secret off a text that goes into the address: a person may paste a whole secret. */
export function withoutSecret(text: string): string {
  return text.replace(/(ow_(?:live|test)_\w{4}|secret_|rt_)\w+/g, "$1");
}

/** Says how many rows a list shows: all that there are, the first ones, or those that match. */
export function countOf(
  rows: number,
  noun: string,
  { q, more }: { q: string; more: boolean },
): string {
  if (q) return more ? "Searching…" : plural(rows, "match", "matches");
  return more ? `The first ${plural(rows, noun)}` : plural(rows, noun);
}
