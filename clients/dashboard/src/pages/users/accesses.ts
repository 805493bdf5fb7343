import { useInfiniteQuery } from "@connectrpc/connect-query";
import { type Access, AuditService } from "@openwearables/sdk/connect";
import { useEffect, useState } from "react";
import { byCursor, firstPage } from "../../parts/pages";
import { type Moment, toDate } from "../../parts/time";

/** Which accesses are shown. The API lists all of a user, so that the page chooses. */
export interface Chosen {
  /** Who read, such as `key:key_…`; "" for anybody. */
  reader: string;
  since: Date | undefined;
}

const rowsAtOnce = 100;
/** How many pages are read for one "Show more" at most. */
const pagesAtOnce = 20;

/** Whether an access is among those that are chosen. */
export function isChosen(access: Access, { reader, since }: Chosen): boolean {
  return (!reader || access.actor === reader) && !isBefore(access, since);
}

/** Whether an access is older than the period. */
export function isBefore(access: Access, since: Date | undefined): boolean {
  return since !== undefined && toDate(access.at as Moment) < since;
}

/** Reads the accesses to the data of a user, and goes on until a page of them is chosen. */
export function useAccesses(userId: string, chosen: Chosen) {
  const query = useInfiniteQuery(
    AuditService.method.listUserAccesses,
    { userId, limit: 100, ...firstPage },
    // Of a long record that was read far back, a look at another window reads nothing again.
    { ...byCursor, refetchOnWindowFocus: false },
  );
  const filters = `${chosen.reader} ${chosen.since?.getTime()}`;
  const [shown, setMore] = useState({ filters, times: 1 });
  // How often "Show more" was pressed with these filters, and once for the first rows.
  const asked = shown.filters === filters ? shown.times : 1;
  const pages = query.data?.pages ?? [];
  const read = pages.flatMap((page) => page.items);
  const rows = read.filter((access) => isChosen(access, chosen));
  const last = read.at(-1);
  const more = query.hasNextPage && !(last && isBefore(last, chosen.since));
  const wanted = rows.length < asked * rowsAtOnce && pages.length < asked * pagesAtOnce;
  const goOn = more && wanted && !query.isFetching && !query.error;
  const { fetchNextPage } = query;
  useEffect(() => {
    if (goOn) void fetchNextPage();
  }, [goOn, fetchNextPage]);
  return {
    read,
    whole: query.data !== undefined && !query.hasNextPage,
    table: {
      rows,
      loading: query.isPending || (rows.length === 0 && more && wanted && !query.error),
      error: query.error ?? undefined,
      onRetry: () => void (query.data ? query.fetchNextPage() : query.refetch()),
      more,
      loadingMore: query.isFetchingNextPage,
      onMore: () => setMore({ filters, times: asked + 1 }),
    },
  };
}

/** Returns the numbers that are missing between those that were read, newest first. */
export function gaps(read: readonly Access[]): { from: number; to: number }[] {
  return read.flatMap((access, n) => {
    const next = read[n + 1];
    return next && next.number < access.number - 1
      ? [{ from: next.number + 1, to: access.number - 1 }]
      : [];
  });
}
