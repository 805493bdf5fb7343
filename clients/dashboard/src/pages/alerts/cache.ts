import { createConnectQueryKey } from "@connectrpc/connect-query";
import {
  type Alert,
  type AlertRule,
  AlertService,
  InstallationService,
  type ListAlertRulesResponse,
  type ListAlertsResponse,
} from "@openwearables/sdk/connect";
import type { InfiniteData } from "@tanstack/react-query";
import { change, queries } from "../../app/queries";

const lists = createConnectQueryKey({
  schema: AlertService.method.listAlerts,
  cardinality: undefined,
});
const stats = createConnectQueryKey({
  schema: InstallationService.method.getStats,
  cardinality: "finite",
});

const rules = createConnectQueryKey({
  schema: AlertService.method.listAlertRules,
  cardinality: "finite",
});

/** What a list of alerts is in the cache: by pages, or the one that the side bar counts. */
type Cached = InfiniteData<ListAlertsResponse> | ListAlertsResponse;

/** Changes every list of alerts that was read, and returns what puts them back. */
export function changeAlerts(to: (items: Alert[]) => Alert[]): () => void {
  const before = queries.getQueriesData<Cached>({ queryKey: lists });
  const one = (page: ListAlertsResponse) => ({ ...page, items: to(page.items) });
  change<Cached>(lists, (old) =>
    "pages" in old ? { ...old, pages: old.pages.map(one) } : one(old),
  );
  return () => {
    for (const [key, data] of before) queries.setQueryData(key, data);
  };
}

/** Shows a rule as it is, or as it will be. */
export function showRule(rule: AlertRule): void {
  change<ListAlertRulesResponse>(rules, (old) => ({
    ...old,
    items: old.items.map((one) => (one.rule === rule.rule ? rule : one)),
  }));
}

/** Reads alerts again, what counts them, and what is muted. */
export async function readAlerts(): Promise<void> {
  void queries.invalidateQueries({ queryKey: stats });
  void queries.invalidateQueries({ queryKey: rules });
  await queries.invalidateQueries({ queryKey: lists });
}
