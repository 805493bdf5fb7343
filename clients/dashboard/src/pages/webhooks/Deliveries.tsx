import { useInfiniteQuery } from "@connectrpc/connect-query";
import { type WebhookDelivery, WebhookService } from "@openwearables/sdk/connect";
import { Send } from "lucide-react";
import { Lines } from "../../parts/Cell";
import { type Column, DataTable } from "../../parts/DataTable";
import { Empty } from "../../parts/Empty";
import { plural } from "../../parts/number";
import { byCursor, firstPage, rowsOf } from "../../parts/pages";
import { Time } from "../../parts/Time";
import { DeliveryTag, kindName, outcomeOf } from "./state";

const columns: Column<WebhookDelivery>[] = [
  {
    key: "kind",
    header: "Message",
    width: "30%",
    cell: (d) => <Lines top={kindName(d.kind)} sub={d.id} mono />,
  },
  {
    key: "state",
    header: "State",
    width: "120px",
    phone: "aside",
    cell: (d) => <DeliveryTag of={d} />,
  },
  {
    key: "outcome",
    header: "Last attempt",
    cell: (d) => (
      <div className="delivery">
        <span className="delivery-outcome">{outcomeOf(d)}</span>
        <span className="lines-sub">
          {d.attempts === 0 ? "never sent" : plural(d.attempts, "attempt")}
          {d.nextAttemptAt && (
            <>
              , next <Time at={d.nextAttemptAt} />
            </>
          )}
        </span>
      </div>
    ),
  },
  {
    key: "when",
    header: "When",
    width: "132px",
    cell: (d) => <Time at={d.lastAttemptAt ?? d.createdAt} />,
  },
];

const soon = 3_000;
const seldom = 20_000;

/** What was sent to an endpoint, newest first. What waits is watched. */
export function Deliveries({ id }: { id: string }) {
  const query = useInfiniteQuery(
    WebhookService.method.listWebhookDeliveries,
    { ...firstPage, id },
    {
      ...byCursor,
      refetchInterval: ({ state }) => {
        const rows = state.data?.pages.flatMap((page) => page.items) ?? [];
        return rows.some((d) => d.state === "pending") ? soon : seldom;
      },
    },
  );
  return (
    <DataTable
      {...rowsOf(query, (page) => page.items)}
      label="Messages"
      columns={columns}
      rowKey={(d) => d.id}
      empty={
        <Empty icon={<Send size={20} />} title="Nothing was sent yet">
          Messages about alerts appear here, with what your receiver answered. They are kept for 30
          days.
        </Empty>
      }
    />
  );
}
