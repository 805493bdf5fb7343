import type { Usage } from "@openwearables/sdk/connect";
import type { ReactNode } from "react";
import { Bars } from "../../parts/Bars";
import { Card } from "../../parts/Card";
import { Chart } from "../../parts/Chart";
import { outcomeName, outcomes, totals } from "../../parts/chartmath";
import { ErrorNote } from "../../parts/ErrorNote";
import { Segments, useParam } from "../../parts/FilterChips";
import { percent } from "../../parts/number";
import { Skeleton } from "../../parts/Skeleton";
import { Stat, Stats } from "../../parts/Stat";
import { clientName } from "./client";
import { type Period, periodName, periodOf, periods, pointsOf } from "./usage";

/** Returns the period in the address, and what changes it. */
export function usePeriod(): [Period, (period: Period) => void] {
  const [text, set] = useParam("period", "30d");
  return [periodOf(text), set];
}

export interface UsageCardProps {
  period: Period;
  onPeriod: (period: Period) => void;
  /** The report; absent while it is on its way. */
  usage: Usage | undefined;
  error: unknown;
  onRetry: () => void;
}

/** How often a credential was used: by outcome in a chart, then by operation, client and network. */
export function UsageCard({ period, onPeriod, usage, error, onRetry }: UsageCardProps) {
  const points = usage ? pointsOf(usage) : [];
  const sum = totals(points);
  const unit = period === "24h" ? "hour" : "day";
  return (
    <>
      <Card
        title="Usage"
        flush
        actions={<Segments label="Period" value={period} onChange={onPeriod} options={periods} />}
      >
        <Stats>
          {outcomes.map((outcome) => (
            <Stat
              key={outcome}
              label={outcomeName[outcome]}
              outcome={outcome}
              value={usage && sum[outcome]}
              period={`requests, ${periodName(period)}`}
              aside={usage && sum[outcome] > 0 ? percent(sum[outcome], sum.all) : undefined}
            />
          ))}
        </Stats>
        <div className="card-body" aria-busy={!usage && !error}>
          {error ? (
            <ErrorNote error={error} onRetry={onRetry} />
          ) : usage ? (
            <Chart
              label={`Requests ${unit === "hour" ? "an hour" : "a day (UTC)"}, ${periodName(period)}`}
              points={points}
              unit={unit}
              bare
            />
          ) : (
            <Skeleton height="276px" />
          )}
        </div>
      </Card>
      {!error && (
        <div className="thirds">
          <Share title="Operations" period={period} ready={Boolean(usage)}>
            {usage && bars(usage.operations, (o) => o.operation, period, "Operations", true)}
          </Share>
          <Share title="Clients" period={period} ready={Boolean(usage)}>
            {usage && bars(usage.clients, (c) => clientName(c.client), period, "Clients")}
          </Share>
          <Share title="Networks" period={period} ready={Boolean(usage)}>
            {usage && bars(usage.networks, (n) => n.network, period, "Networks", true)}
          </Share>
        </div>
      )}
    </>
  );
}

const most = 6;

/** Draws the first few, and all others as one. */
function bars<T extends { requests: bigint }>(
  items: readonly T[],
  name: (item: T) => string,
  period: Period,
  label: string,
  mono = false,
): ReactNode {
  if (items.length === 0) return undefined;
  const all = items.map((item) => ({ label: name(item), value: Number(item.requests) }));
  const [shown, rest] = [all.slice(0, most), all.slice(most)];
  const others = rest.reduce((sum, { value }) => sum + value, 0);
  return (
    <Bars
      label={`${label}, ${periodName(period)}`}
      mono={mono}
      bars={others > 0 ? [...shown, { label: `${rest.length} more`, value: others }] : shown}
    />
  );
}

interface ShareProps {
  title: string;
  period: Period;
  ready: boolean;
  children: ReactNode;
}

function Share({ title, period, ready, children }: ShareProps) {
  return (
    <Card title={title} sub={`Requests, ${periodName(period)}`}>
      {ready ? (
        children || <p className="quiet">None in this period.</p>
      ) : (
        <Skeleton lines={3} width="70%" />
      )}
    </Card>
  );
}
