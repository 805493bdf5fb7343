import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Usage } from "@openwearables/sdk/connect";
import { type ChartPoint, toPoint } from "../../parts/chartmath";

/** The periods of a chart, as the address knows them. */
export const periods = [
  { value: "24h", label: "24 hours" },
  { value: "7d", label: "7 days" },
  { value: "30d", label: "30 days" },
  { value: "90d", label: "90 days" },
] as const;
export type Period = (typeof periods)[number]["value"];

/** Returns the period that the address names, 30 days unless it names one. */
export function periodOf(text: string): Period {
  return periods.find(({ value }) => value === text)?.value ?? "30d";
}

/** Writes a period: "30 days". */
export function periodName(period: Period): string {
  return periods.find(({ value }) => value === period)?.label ?? "";
}

const hour = 3_600_000;

/**
 * Returns what to ask for: the whole hours or days of UTC of a period, of which the last one is
 * not over. It changes with the hour or the day, so that one answer serves until then.
 */
export function rangeOf(period: Period, now = Date.now()) {
  const unit = period === "24h" ? "hour" : "day";
  const length = unit === "hour" ? hour : 24 * hour;
  const spans = Number.parseInt(period, 10);
  const start = Math.floor(now / length) * length - (spans - 1) * length;
  return { start: timestampFromDate(new Date(start)), resolution: unit } as const;
}

/** Returns the columns of a report. A day is one of UTC, and is drawn under its own name in every zone. */
export function pointsOf({
  series,
  resolution,
}: Pick<Usage, "series" | "resolution">): ChartPoint[] {
  const points = series.map(toPoint);
  if (resolution !== "day") return points;
  return points.map((point) => ({
    ...point,
    at: new Date(point.at.getUTCFullYear(), point.at.getUTCMonth(), point.at.getUTCDate()),
  }));
}
