import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { type AccountUsage, type UsageHolder, UsageService } from "@openwearables/sdk/connect";

const day = 86_400_000;
const every = { refetchInterval: 60_000 };

/** Reads all requests of some whole days of UTC: `from` and before `to` days ago. */
export function useDays(from: number, to = -1) {
  const today = Math.floor(Date.now() / day);
  const start = timestampFromDate(new Date((today - from) * day));
  const end = to < 0 ? {} : { end: timestampFromDate(new Date((today - to) * day)) };
  return useQuery(UsageService.method.getUsage, { resolution: "day", start, ...end }, every);
}

/** Reads all requests of the last 24 hours by hour. */
export function useHours() {
  const hour = 3_600_000;
  const start = (Math.floor(Date.now() / hour) - 23) * hour;
  const input = { resolution: "hour", start: timestampFromDate(new Date(start)) };
  return useQuery(UsageService.method.getUsage, input, every);
}

/**
 * Returns the requests of keys, applications and users. Those of developers are left out: this
 * dashboard makes them.
 */
export function withoutDevelopers(usage: AccountUsage, what: "requests" | "refused"): number {
  const own = usage.developers.reduce((sum, holder: UsageHolder) => sum + holder[what], 0n);
  const all = usage.totals?.[what] ?? 0n;
  return Number(all > own ? all - own : 0n);
}
