import "./overview.css";
import { useQuery } from "@connectrpc/connect-query";
import { InstallationService } from "@openwearables/sdk/connect";
import { Check } from "lucide-react";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { Chart } from "../../parts/Chart";
import { toPoint } from "../../parts/chartmath";
import { ErrorNote } from "../../parts/ErrorNote";
import { Link } from "../../parts/Link";
import { List, ListRow } from "../../parts/List";
import { count } from "../../parts/number";
import { PageHeader } from "../../parts/PageHeader";
import { Skeleton } from "../../parts/Skeleton";
import { Snippet } from "../../parts/Snippet";
import { Stat, Stats } from "../../parts/Stat";
import { Tag } from "../../parts/Tag";
import { Time } from "../../parts/Time";
import { useNeeds } from "./attention";
import { useDays, useHours, withoutDevelopers } from "./figures";
import { MostUsed } from "./MostUsed";
import { type Step, useSteps } from "./steps";

/** How the installation is today, and what needs a look. */
export default function Overview() {
  const { used, steps, hide } = useSteps();
  return (
    <div className="page">
      <PageHeader title="Overview" />
      <div className="stack">
        {steps && steps.length > 0 && <FirstSteps steps={steps} onHide={hide} />}
        <Figures />
        {used === false ? <NoRequests /> : <Hours />}
        <div className="columns">
          <Needs />
          {used !== false && <Keys />}
        </div>
      </div>
    </div>
  );
}

function FirstSteps({ steps, onHide }: { steps: readonly Step[]; onHide: () => void }) {
  const next = steps.findIndex(({ done }) => !done);
  const done = steps.filter((step) => step.done).length;
  return (
    <Card
      title="First steps"
      sub={`${done} of ${steps.length} are done.`}
      flush
      actions={
        <Button kind="quiet" small onClick={onHide}>
          Hide
        </Button>
      }
    >
      <List label="First steps">
        {steps.map((step, n) => (
          <ListRow
            key={step.name}
            wrap
            lead={
              <span className={step.done ? "step-mark step-mark-done" : "step-mark num"}>
                {step.done ? <Check size={14} aria-hidden="true" /> : n + 1}
                {step.done && <span className="sr">Done</span>}
              </span>
            }
            title={step.name}
            sub={step.why}
            aside={
              !step.done && (
                <Link href={step.href} kind={n === next ? "primary" : "plain"}>
                  {step.verb}
                </Link>
              )
            }
          />
        ))}
      </List>
    </Card>
  );
}

function Figures() {
  const today = useDays(0);
  const yesterday = useDays(1, 0);
  const stats = useQuery(InstallationService.method.getStats, {}, { refetchInterval: 60_000 });
  const error = today.error ?? yesterday.error ?? stats.error;
  if (error) {
    const retry = () => [today, yesterday, stats].forEach((query) => void query.refetch());
    return (
      <Card>
        <ErrorNote error={error} onRetry={retry} />
      </Card>
    );
  }
  const figure = (what: "requests" | "refused") => {
    const [now, before] = [today.data?.usage, yesterday.data?.usage];
    return {
      value: now && withoutDevelopers(now, what),
      period: before ? `yesterday ${count(withoutDevelopers(before, what))}` : "yesterday …",
    };
  };
  const counts = stats.data?.stats;
  return (
    <Card flush>
      <Stats>
        <Stat label="Requests today (UTC)" {...figure("requests")} href="/keys" />
        <Stat label="Refused today (UTC)" {...figure("refused")} />
        <Stat label="Open alerts" value={counts?.openAlerts?.count} period="now" href="/alerts" />
        <Stat label="Users" value={counts?.totalUsers?.count} period="in total" href="/users" />
      </Stats>
    </Card>
  );
}

function Hours() {
  const { data, error, refetch } = useHours();
  return (
    <Card title="Requests" sub="What developers do in this dashboard counts as well.">
      {error ? (
        <ErrorNote error={error} onRetry={() => void refetch()} />
      ) : data?.usage ? (
        <Chart
          label="Requests an hour, 24 hours"
          points={data.usage.series.map(toPoint)}
          unit="hour"
        />
      ) : (
        <Skeleton height="308px" />
      )}
    </Card>
  );
}

function NoRequests() {
  const code = `export OPENWEARABLES_API_KEY=THE_SECRET_OF_A_KEY
curl ${location.origin}/api/v1/users \\
  -H "Authorization: Bearer $OPENWEARABLES_API_KEY"`;
  return (
    <Card
      title="No requests yet"
      sub="Make the first one with an API key. This page will show it by itself."
    >
      <Snippet label="First request" code={{ curl: code }} />
    </Card>
  );
}

const tones = { Alert: "bad", Expires: "warn", Unused: "plain" } as const;

function Needs() {
  const { needs, more, loading, error, retry } = useNeeds();
  return (
    <Card
      title="Needs attention"
      flush={Boolean(error) || needs.length > 0}
      actions={more > 0 ? <Link href="/alerts">{count(more)} more</Link> : undefined}
    >
      {error ? (
        <ErrorNote error={error} onRetry={retry} page />
      ) : needs.length > 0 ? (
        <List label="Needs attention">
          {needs.map((need) => (
            <ListRow
              key={need.id}
              wrap
              lead={
                <span className="need-tag">
                  <Tag tone={tones[need.tag]}>{need.tag}</Tag>
                </span>
              }
              title={need.sentence}
              sub={need.at && <Time at={need.at} />}
              aside={
                <Link href={need.href}>
                  {need.verb}
                  <span className="sr">: {need.sentence}</span>
                </Link>
              }
            />
          ))}
        </List>
      ) : loading ? (
        <Skeleton lines={2} width="70%" />
      ) : (
        <p className="quiet">Nothing. Rules are watching your keys and applications.</p>
      )}
    </Card>
  );
}

function Keys() {
  const { data, error, refetch } = useDays(6);
  const usage = data?.usage;
  return (
    <Card title="Most used keys" sub="Requests, 7 days">
      {error ? (
        <ErrorNote error={error} onRetry={() => void refetch()} />
      ) : !usage ? (
        <Skeleton lines={5} width="70%" />
      ) : usage.keys.length === 0 ? (
        <p className="quiet">No key was used in this period.</p>
      ) : (
        <MostUsed keys={usage.keys} whole={withoutDevelopers(usage, "requests")} />
      )}
    </Card>
  );
}
