import "./alerts.css";
import { useQuery } from "@connectrpc/connect-query";
import { AlertService, WebhookService } from "@openwearables/sdk/connect";
import { Plus } from "lucide-react";
import { useState } from "react";
import { Button } from "../../parts/Button";
import { useParam } from "../../parts/FilterChips";
import { PageHeader } from "../../parts/PageHeader";
import { Tabs } from "../../parts/Tabs";
import { CreateWebhook } from "../webhooks/CreateWebhook";
import { Webhooks } from "../webhooks/Webhooks";
import { AlertList, watchEvery } from "./AlertList";
import { Rules } from "./Rules";

/** What needs a look, what was done about it, what is looked for, and who is told. */
export default function Alerts() {
  const [tab] = useParam("tab", "open");
  const [creates, setCreates] = useState(false);
  // The same as the count in the side bar.
  const { data } = useQuery(
    AlertService.method.listAlerts,
    { state: "open" },
    { refetchInterval: watchEvery },
  );
  const here = tab === "webhooks";
  const webhooks = useQuery(WebhookService.method.listWebhookEndpoints, {}, { enabled: here });
  const some = here && webhooks.data && webhooks.data.endpoints.length > 0;
  const create = (
    <Button
      kind="primary"
      icon={<Plus size={16} aria-hidden="true" />}
      onClick={() => setCreates(true)}
    >
      Add webhook
    </Button>
  );
  return (
    <div className="page">
      <PageHeader
        title="Alerts"
        sub="What needs your attention, and what to do about it."
        actions={some ? create : undefined}
      />
      <Tabs
        label="Alerts"
        tabs={[
          {
            id: "open",
            label: "Open",
            count: data && !data.nextCursor && data.items.length ? data.items.length : undefined,
            render: () => <AlertList key="open" state="open" />,
          },
          {
            id: "acknowledged",
            label: "Acknowledged",
            render: () => <AlertList key="acknowledged" state="acknowledged" />,
          },
          {
            id: "history",
            label: "History",
            render: () => <AlertList key="resolved" state="resolved" />,
          },
          { id: "rules", label: "Rules", render: () => <Rules /> },
          { id: "webhooks", label: "Webhooks", render: () => <Webhooks create={create} /> },
        ]}
      />
      <CreateWebhook open={creates} onClose={() => setCreates(false)} />
    </div>
  );
}
