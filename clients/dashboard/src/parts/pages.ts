/** What an infinite query returns, as far as a table needs it. */
interface Pages<P> {
  data: { pages: P[] } | undefined;
  isPending: boolean;
  error: unknown;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
  refetch: () => unknown;
}

/** Returns what a DataTable takes of a query by cursors: `<DataTable {...rowsOf(query, (page) => page.keys)} />`. */
export function rowsOf<P, T>(query: Pages<P>, items: (page: P) => readonly T[]) {
  const { data, isPending, error, hasNextPage, isFetchingNextPage } = query;
  return {
    rows: data?.pages.flatMap((page) => items(page)) ?? [],
    loading: isPending,
    error: error ?? undefined,
    onRetry: () => void (data ? query.fetchNextPage() : query.refetch()),
    more: hasNextPage,
    loadingMore: isFetchingNextPage,
    onMore: () => void query.fetchNextPage(),
  };
}

/** The options of an infinite query over the API's cursors. */
export const byCursor = {
  pageParamKey: "cursor",
  getNextPageParam: (page: { nextCursor?: string | undefined }) => page.nextCursor || undefined,
} as const;

/** The first page, in the input of an infinite query. Its types want a cursor; the API wants none there. */
export const firstPage = { cursor: undefined } as unknown as { cursor: string };
