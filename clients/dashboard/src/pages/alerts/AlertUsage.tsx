import { useQuery } from "@connectrpc/connect-query";
import { UsageService } from "@openwearables/sdk/connect";
import { lazy, Suspense } from "react";
import { toPoint, totals } from "../../parts/chartmath";
import { Skeleton } from "../../parts/Skeleton";

const Chart = lazy(() => import("../../parts/Chart").then(({ Chart }) => ({ default: Chart })));

/** The requests of the key or application that an alert is about; nothing for other subjects. */
export function AlertUsage({ subject }: { subject: string }) {
  const [kind, id = ""] = subject.split(":");
  const key = useQuery(UsageService.method.getKeyUsage, { id }, { enabled: kind === "key" });
  const app = useQuery(
    UsageService.method.getApplicationUsage,
    { appId: id },
    { enabled: kind === "application" },
  );
  if (kind !== "key" && kind !== "application") return null;
  const { data, error } = kind === "key" ? key : app;
  if (error) return null; // it may be deleted; the sentence stands above
  if (!data?.usage) return <Skeleton width="60%" />;
  const points = data.usage.series.map(toPoint);
  if (totals(points).all === 0) return <p className="quiet">No requests in the last 24 hours.</p>;
  return (
    <Suspense fallback={<Skeleton height="276px" />}>
      <Chart label="Requests an hour, 24 hours" unit="hour" points={points} />
    </Suspense>
  );
}
