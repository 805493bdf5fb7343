import { useQuery } from "@connectrpc/connect-query";
import { type WebhookEndpoint, WebhookService } from "@openwearables/sdk/connect";
import { Webhook as Icon } from "lucide-react";
import type { ReactNode } from "react";
import { Lines } from "../../parts/Cell";
import { type Column, DataTable } from "../../parts/DataTable";
import { Empty } from "../../parts/Empty";
import { Skeleton } from "../../parts/Skeleton";
import { Time } from "../../parts/Time";
import { kinds, nameOf, outcomeOf, WebhookTag } from "./state";

const columns: Column<WebhookEndpoint>[] = [
  {
    key: "name",
    header: "Webhook",
    width: "38%",
    cell: (of) => <Lines top={nameOf(of)} sub={of.url} mono href={`/webhooks/${of.id}`} />,
  },
  {
    key: "state",
    header: "State",
    width: "120px",
    phone: "aside",
    cell: (of) => <WebhookTag of={of} />,
  },
  { key: "last", header: "Last message", cell: (of) => <LastDelivery id={of.id} /> },
  {
    key: "kinds",
    header: "Sends",
    wide: true,
    phone: "none",
    cell: (of) =>
      of.kinds.length === kinds.length ? "Everything about alerts" : of.kinds.map(short).join(", "),
  },
];

const short = (kind: string) => kind.replace(/^alert\./, "");

/** Where alerts are sent. */
export function Webhooks({ create }: { create: ReactNode }) {
  const { data, error, isPending, refetch } = useQuery(
    WebhookService.method.listWebhookEndpoints,
    {},
  );
  return (
    <DataTable
      label="Webhooks"
      columns={columns}
      rows={data?.endpoints ?? []}
      rowKey={({ id }) => id}
      loading={isPending}
      error={error ?? undefined}
      onRetry={() => void refetch()}
      empty={
        <Empty icon={<Icon size={20} />} title="No webhooks yet" action={create}>
          A webhook tells a service of yours, such as a chat channel, as soon as an alert opens.
        </Empty>
      }
    />
  );
}

function LastDelivery({ id }: { id: string }) {
  const { data, error } = useQuery(WebhookService.method.listWebhookDeliveries, { id, limit: 1 });
  const [last] = data?.items ?? [];
  if (error) return <span className="quiet">Unknown</span>;
  if (!data) return <Skeleton width="60%" />;
  if (!last) return <span className="quiet">None yet</span>;
  return <Lines top={<Time at={last.lastAttemptAt ?? last.createdAt} />} sub={outcomeOf(last)} />;
}
