import { type Moment, toDate } from "./time";

/** The outcomes of requests, from the bottom of a column to its top. */
export const outcomes = ["ok", "refused", "limited", "failed"] as const;
export type Outcome = (typeof outcomes)[number];

/** What each outcome is called. */
export const outcomeName: Record<Outcome, string> = {
  ok: "OK",
  refused: "Refused",
  limited: "Limited",
  failed: "Failed",
};

/** The requests of an hour or a day by outcome. */
export type ChartPoint = { at: Date } & Record<Outcome, number>;

interface Counted {
  time?: Moment | undefined;
  requests: bigint;
  refused: bigint;
  limited: bigint;
  failed: bigint;
}

/** Returns a column of a point of the API, whose requests count every outcome. */
export function toPoint({ time, requests, refused, limited, failed }: Counted): ChartPoint {
  return {
    at: toDate(time ?? new Date(0)),
    ok: Number(requests - refused - limited - failed),
    refused: Number(refused),
    limited: Number(limited),
    failed: Number(failed),
  };
}

/** Adds up each outcome. */
export function totals(points: readonly ChartPoint[]): Record<Outcome, number> & { all: number } {
  const sum = { ok: 0, refused: 0, limited: 0, failed: 0, all: 0 };
  for (const point of points) {
    for (const outcome of outcomes) {
      sum[outcome] += point[outcome];
      sum.all += point[outcome];
    }
  }
  return sum;
}

/** Returns the whole of a column. */
export function height(point: ChartPoint): number {
  return outcomes.reduce((sum, outcome) => sum + point[outcome], 0);
}

/** Returns the marks of the axis from 0 to at least the largest value: 3 to 6 whole, round numbers. */
export function ticks(largest: number): number[] {
  const rough = Math.max(largest, 5) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? rough;
  const marks = [0];
  for (let mark = step; (marks.at(-1) ?? 0) < largest || marks.length < 3; mark += step)
    marks.push(mark);
  return marks;
}

/** Where the columns of a chart stand, in pixels. */
export interface Frame {
  width: number;
  height: number;
  /** The value at the top. */
  top: number;
}

/** Draws one path an outcome, however many columns there are. A column that is not 0 is seen. */
export function paths(points: readonly ChartPoint[], frame: Frame): Record<Outcome, string> {
  const drawn = { ok: "", refused: "", limited: "", failed: "" };
  const pitch = frame.width / Math.max(points.length, 1);
  const gap = pitch > 16 ? 5 : pitch > 6 ? 2 : pitch > 3 ? 1 : 0;
  points.forEach((point, n) => {
    const x = n * pitch + gap / 2;
    let base = frame.height;
    const present = outcomes.filter((outcome) => point[outcome] > 0);
    for (const outcome of present) {
      const tall = Math.max((point[outcome] / frame.top) * frame.height, outcome === "ok" ? 1 : 2);
      const round = outcome === present.at(-1) && pitch > 6 ? Math.min(2, tall) : 0;
      drawn[outcome] += column(x, base, pitch - gap, tall, round);
      base -= tall;
    }
  });
  return drawn;
}

const at = (n: number) => String(Math.round(n * 100) / 100);

function column(x: number, base: number, wide: number, tall: number, round: number): string {
  if (round === 0) return `M${at(x)} ${at(base)}v${at(-tall)}h${at(wide)}v${at(tall)}z`;
  const [side, across] = [at(round - tall), at(wide - 2 * round)];
  return `M${at(x)} ${at(base)}v${side}q0-${round} ${round}-${round}h${across}q${round} 0 ${round} ${round}v${at(tall - round)}z`;
}
