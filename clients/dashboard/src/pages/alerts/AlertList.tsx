import { useInfiniteQuery, useQuery } from "@connectrpc/connect-query";
import { type Alert, AlertService, InstallationService } from "@openwearables/sdk/connect";
import { BellOff, CircleCheck, History } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Button } from "../../parts/Button";
import { type Column, DataTable } from "../../parts/DataTable";
import { Empty } from "../../parts/Empty";
import { useParam } from "../../parts/FilterChips";
import { Link } from "../../parts/Link";
import { Menu } from "../../parts/Menu";
import { plural } from "../../parts/number";
import { byCursor, firstPage, rowsOf } from "../../parts/pages";
import { Tag } from "../../parts/Tag";
import { Time } from "../../parts/Time";
import { AlertPanel } from "./AlertPanel";
import { useAcknowledge, useUnmute } from "./act";
import { MuteDialog } from "./MuteDialog";
import { ruleOf, toneOf } from "./rules";
import { Subject } from "./subject";
import { useWho } from "./who";

type State = "open" | "acknowledged" | "resolved";

/** How often a page of alerts looks for new ones, in milliseconds. */
export const watchEvery = 15_000;

/** The alerts of a state, those that opened last first. */
export function AlertList({ state }: { state: State }) {
  const [chosen, choose] = useParam("alert");
  const [mutes, setMutes] = useState<Alert>();
  const acknowledge = useAcknowledge();
  const unmute = useUnmute();
  const who = useWho(state !== "open");
  const query = useInfiniteQuery(
    AlertService.method.listAlerts,
    { ...firstPage, state },
    { ...byCursor, refetchInterval: watchEvery },
  );
  const table = rowsOf(query, (page) => page.items);
  const shown = table.rows.find(({ id }) => id === chosen);
  const menu = (alert: Alert) => [
    ...(state === "open"
      ? [{ label: "Acknowledge", onAction: () => void acknowledge(alert) }]
      : []),
    alert.mutedUntil
      ? { label: "End mute", onAction: () => void unmute(alert) }
      : { label: "Mute…", onAction: () => setMutes(alert) },
  ];
  return (
    <>
      <DataTable
        {...table}
        label={titles[state]}
        columns={columnsOf({ state, who, open: choose, acknowledge })}
        rowKey={({ id }) => id}
        actions={(alert) => (
          <Menu label={`Actions of ${ruleOf(alert.rule).name}`} items={menu(alert)} />
        )}
        empty={<Nothing state={state} />}
      />
      <AlertPanel
        alert={shown}
        who={who}
        onClose={() => choose("")}
        onMute={(alert) => {
          choose("");
          setMutes(alert);
        }}
        onAcknowledge={(alert) => {
          choose("");
          void acknowledge(alert);
        }}
      />
      <MuteDialog alert={mutes} onClose={() => setMutes(undefined)} />
    </>
  );
}

const titles: Record<State, string> = {
  open: "Open alerts",
  acknowledged: "Acknowledged alerts",
  resolved: "Resolved alerts",
};

interface Does {
  state: State;
  who: (actor: string) => string;
  open: (id: string) => void;
  acknowledge: (alert: Alert) => Promise<void>;
}

function columnsOf({ state, who, open, acknowledge }: Does): Column<Alert>[] {
  return [
    {
      key: "severity",
      header: "Severity",
      width: "104px",
      cell: ({ rule }) => {
        const { severity } = ruleOf(rule);
        return <Tag tone={state === "resolved" ? "plain" : toneOf[severity]}>{severity}</Tag>;
      },
    },
    {
      key: "alert",
      header: "Alert",
      cell: (alert) => (
        <div className="alert-cell">
          <p className="alert-text">{alert.message}</p>
          <div className="alert-facts">
            <Subject of={alert.subject} />
            {alert.mutedUntil && <Muted until={alert.mutedUntil} />}
            {state !== "open" && <Handled of={alert} who={who} />}
          </div>
        </div>
      ),
    },
    {
      key: "seen",
      header: state === "resolved" ? "Resolved" : "Since",
      width: "132px",
      cell: (alert) => (
        <div className="alert-seen">
          <Time at={state === "resolved" ? alert.resolvedAt : alert.openedAt} />
          <span className="quiet">
            {alert.occurrences === 1 ? "seen once" : `seen ${plural(alert.occurrences, "time")}`}
          </span>
        </div>
      ),
    },
    {
      key: "what",
      header: state === "open" ? "Next step" : "More",
      width: state === "open" ? "140px" : "116px",
      cell: (alert) => (
        <div className="alert-does">
          <Button small onClick={() => open(alert.id)}>
            {state === "open" ? "What to do" : "Details"}
          </Button>
          {state === "open" && (
            <Button small onClick={() => void acknowledge(alert)}>
              Acknowledge
            </Button>
          )}
        </div>
      ),
    },
  ];
}

function Muted({ until }: { until: NonNullable<Alert["mutedUntil"]> }) {
  return (
    <span className="alert-fact">
      <BellOff size={14} aria-hidden="true" />
      <span>
        muted, ends <Time at={until} />
      </span>
    </span>
  );
}

/** Says who acknowledged an alert, or that it ended by itself. */
function Handled({ of, who }: { of: Alert; who: Does["who"] }) {
  if (!of.acknowledgedAt) return <span className="alert-fact">ended by itself</span>;
  return (
    <span className="alert-fact">
      <span>
        acknowledged by {who(of.acknowledgedBy ?? "")}, <Time at={of.acknowledgedAt} />
      </span>
    </span>
  );
}

function Nothing({ state }: { state: State }) {
  if (state === "open") return <AllQuiet />;
  const link: ReactNode = (
    <Link href="/alerts" kind="plain" replace>
      See open alerts
    </Link>
  );
  return state === "acknowledged" ? (
    <Empty
      icon={<CircleCheck size={20} />}
      title="No alert waits for its cause to end."
      action={link}
    >
      An alert that you acknowledge stays here while its cause lasts, and resolves by itself.
    </Empty>
  ) : (
    <Empty icon={<History size={20} />} title="No alert was resolved yet." action={link}>
      What was acknowledged, or ended by itself, stays here as long as the server keeps it.
    </Empty>
  );
}

function AllQuiet() {
  const { data } = useQuery(InstallationService.method.getStats, {});
  const keys = data?.stats?.apiKeys?.count;
  return (
    <Empty
      icon={<CircleCheck size={20} />}
      title="Nothing needs your attention."
      action={
        <Link href="/alerts?tab=rules" kind="plain" replace>
          See the rules
        </Link>
      }
    >
      {keys === undefined ? "Rules are watching." : `Rules are watching ${plural(keys, "key")}.`}
    </Empty>
  );
}
