import { useQuery } from "@connectrpc/connect-query";
import { type Alert, AlertService } from "@openwearables/sdk/connect";
import { Card } from "../../parts/Card";
import { ErrorNote } from "../../parts/ErrorNote";
import { Link } from "../../parts/Link";
import { List, ListRow } from "../../parts/List";
import { Skeleton } from "../../parts/Skeleton";
import { Tag, type TagProps } from "../../parts/Tag";
import { Time } from "../../parts/Time";

/** The state of an alert as a tag. */
export function AlertTag({ state }: Pick<Alert, "state">) {
  const [tone, word] = tags[state] ?? ["plain", state];
  return <Tag tone={tone}>{word}</Tag>;
}

const tags: Record<string, readonly [TagProps["tone"], string]> = {
  open: ["warn", "Open"],
  acknowledged: ["plain", "Acknowledged"],
  resolved: ["good", "Resolved"],
};

/** The last alerts about one key or application. */
export function AlertsCard({ subject }: { subject: string }) {
  const { data, error, refetch } = useQuery(AlertService.method.listAlerts, { subject, limit: 5 });
  return (
    <Card
      title="Recent alerts"
      flush={Boolean(error || data?.items.length)}
      actions={data && data.items.length > 0 ? <Link href="/alerts">All alerts</Link> : undefined}
    >
      {error ? (
        <ErrorNote error={error} onRetry={() => void refetch()} page />
      ) : !data ? (
        <Skeleton lines={2} width="70%" />
      ) : data.items.length === 0 ? (
        <p className="quiet">None. Rules are watching it.</p>
      ) : (
        <List label="Recent alerts">
          {data.items.map((alert) => (
            <ListRow
              key={alert.id}
              wrap
              title={alert.message}
              sub={<Time at={alert.lastSeenAt} />}
              aside={<AlertTag state={alert.state} />}
            />
          ))}
        </List>
      )}
    </Card>
  );
}
