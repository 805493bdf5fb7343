import { createQueryOptions, useTransport } from "@connectrpc/connect-query";
import { KeyService, type UsageHolder } from "@openwearables/sdk/connect";
import { useQueries } from "@tanstack/react-query";
import { Bars } from "../../parts/Bars";
import { Skeleton } from "../../parts/Skeleton";

const most = 5;

/** The keys with the most requests, by name; one that is gone has its id. */
export function MostUsed({ keys, whole }: { keys: readonly UsageHolder[]; whole: number }) {
  const transport = useTransport();
  const shown = keys.slice(0, most);
  const found = useQueries({
    queries: shown.map(({ id }) => ({
      ...createQueryOptions(KeyService.method.getKey, { id }, { transport }),
      staleTime: 60_000,
    })),
  });
  if (found.some(({ isPending }) => isPending)) return <Skeleton lines={most} width="70%" />;
  const bars = shown.map(({ id, requests }, n) => {
    const name = found[n]?.data?.key?.name;
    const label = name === undefined ? `Deleted: ${id}` : name;
    return { label, value: Number(requests), href: name === undefined ? undefined : `/keys/${id}` };
  });
  return <Bars label="Most used keys, requests in 7 days" bars={distinct(bars)} whole={whole} />;
}

/** Two keys may have one name. */
function distinct<T extends { label: string }>(bars: readonly T[]): T[] {
  const seen = new Map<string, number>();
  return bars.map((bar) => {
    const n = (seen.get(bar.label) ?? 0) + 1;
    seen.set(bar.label, n);
    return n === 1 ? bar : { ...bar, label: `${bar.label} (${n})` };
  });
}
