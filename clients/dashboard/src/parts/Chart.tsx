import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from "react";
import { Button } from "./Button";
import { type ChartPoint, height, outcomeName, outcomes, paths, ticks, totals } from "./chartmath";
import { count, short } from "./number";
import { clock, day, weekday } from "./time";

export interface ChartProps {
  /** What is drawn, with unit and period: "Requests a day, 30 days". */
  label: string;
  /** The columns from the oldest to the newest. */
  points: readonly ChartPoint[];
  /** What one column stands for. */
  unit: "hour" | "day";
  /** Stats above it name the outcomes and their colours: no key. */
  bare?: boolean | undefined;
}

const tall = 208;
const foot = 28;
const side = 44;

/** Columns by outcome. The arrow keys read column after column, and the same figures stand in a table. */
export function Chart({ label, points, unit, bare }: ChartProps) {
  const [table, setTable] = useState(false);
  const sum = totals(points);
  const used = outcomes.filter((outcome) => sum[outcome] > 0);
  return (
    <figure className="chart">
      <figcaption className="chart-head">
        <span className="quiet">{label}</span>
        <Button kind="quiet" small aria-pressed={table} onClick={() => setTable(!table)}>
          Show as table
        </Button>
        {!bare && (
          <ul className="chart-key">
            {(used.length > 0 ? used : (["ok"] as const)).map((outcome) => (
              <li key={outcome}>
                <span className={`dot dot-${outcome}`} aria-hidden="true" />
                {outcomeName[outcome]}
              </li>
            ))}
          </ul>
        )}
      </figcaption>
      {table ? (
        <Figures label={label} points={points} unit={unit} />
      ) : (
        <Columns label={label} points={points} unit={unit} />
      )}
      {sum.all === 0 && <p className="chart-none">No requests in this period.</p>}
    </figure>
  );
}

function Columns({ label, points, unit }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [active, setActive] = useState(-1);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    if (box.current) watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  const last = points.length - 1;
  const now = Math.min(active < 0 ? last : active, last);
  const inner = Math.max(width - side, 1);
  const keys = (event: KeyboardEvent) => {
    const next = step(event.key, now, last);
    if (event.key === "Escape") setSeen(false);
    if (next === undefined) return;
    event.preventDefault();
    setActive(next);
    setSeen(true);
  };
  const point = (event: PointerEvent<HTMLDivElement>) => {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left - side;
    setActive(Math.min(last, Math.max(0, Math.floor((x / inner) * points.length))));
    setSeen(x >= 0);
  };
  const current = points[now];
  return (
    <div
      ref={box}
      className="chart-box"
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={Math.max(last, 0)}
      aria-valuenow={Math.max(now, 0)}
      aria-valuetext={current ? read(current, unit) : "No requests"}
      onKeyDown={keys}
      onFocus={(event) => setSeen(event.currentTarget.matches(":focus-visible"))}
      onBlur={() => setSeen(false)}
      onPointerDown={point}
      onPointerMove={point}
      onPointerLeave={() => setSeen(false)}
    >
      {width > 0 && <Drawing points={points} unit={unit} inner={inner} active={seen ? now : -1} />}
      {seen && current && (
        <Tip point={current} unit={unit} at={(now + 0.5) / points.length} inner={inner} />
      )}
    </div>
  );
}

interface DrawingProps {
  points: readonly ChartPoint[];
  unit: ChartProps["unit"];
  inner: number;
  active: number;
}

function Drawing({ points, unit, inner, active }: DrawingProps) {
  const marks = ticks(points.reduce((most, point) => Math.max(most, height(point)), 0));
  const top = marks.at(-1) ?? 1;
  const drawn = paths(points, { width: inner, height: tall, top });
  const pitch = inner / Math.max(points.length, 1);
  const y = (mark: number) => tall - (mark / top) * tall;
  return (
    <svg width={inner + side} height={tall + foot} aria-hidden="true">
      <g transform={`translate(${side} 8)`}>
        {marks.map((mark) => (
          <g key={mark}>
            <line className="chart-line" x2={inner} y1={y(mark)} y2={y(mark)} />
            <text className="chart-mark" x={-8} y={y(mark)} dy="0.35em" textAnchor="end">
              {short(mark)}
            </text>
          </g>
        ))}
        {active >= 0 && (
          <rect
            className="chart-active"
            x={active * pitch}
            width={Math.max(pitch, 1)}
            height={tall}
          />
        )}
        {outcomes.map(
          (outcome) =>
            drawn[outcome] && (
              <path key={outcome} className={`fill-${outcome}`} d={drawn[outcome]} />
            ),
        )}
        {named(points, unit, inner).map(({ n, text }) => (
          <text
            key={n}
            className="chart-mark"
            x={Math.min((n + 0.5) * pitch, inner - 19)}
            y={tall + 16}
            textAnchor="middle"
          >
            {text}
          </text>
        ))}
      </g>
    </svg>
  );
}

/** The columns that have a name below them, at least 60 px apart and the newest among them. */
function named(points: readonly ChartPoint[], unit: ChartProps["unit"], inner: number) {
  const hours = unit === "hour" && points.length <= 48;
  const fits = (n: number) => unit === "day" || hours || points[n]?.at.getHours() === 0;
  const able = points.map((_, n) => n).filter(fits);
  const every = Math.ceil(able.length / Math.max(Math.floor(inner / 60), 1)) || 1;
  return able
    .filter((_, n) => (able.length - 1 - n) % every === 0)
    .flatMap((n) => {
      const at = points[n]?.at;
      return at ? [{ n, text: hours ? clock(at) : day(at) }] : [];
    });
}

function Tip({
  point,
  unit,
  at,
  inner,
}: {
  point: ChartPoint;
  unit: ChartProps["unit"];
  at: number;
  inner: number;
}) {
  const place =
    at > 0.5
      ? { insetInlineEnd: `${(1 - at) * inner + 16}px` }
      : { insetInlineStart: `${side + at * inner + 16}px` };
  return (
    <div className="chart-tip" style={place} aria-hidden="true">
      <p className="chart-tip-title">{name(point, unit)}</p>
      {outcomes.map((outcome) => (
        <p key={outcome} className="chart-tip-row num">
          <span className={`dot dot-${outcome}`} />
          <span>{outcomeName[outcome]}</span>
          <span>{count(point[outcome])}</span>
        </p>
      ))}
    </div>
  );
}

function Figures({ label, points, unit }: ChartProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it
    <section className="chart-table" tabIndex={0} aria-label={`${label}, as a table`}>
      <table className="table table-dense num">
        <caption className="sr">{label}</caption>
        <thead>
          <tr>
            <th scope="col">{unit === "hour" ? "Hour" : "Day"}</th>
            {outcomes.map((outcome) => (
              <th key={outcome} scope="col" className="cell-number">
                {outcomeName[outcome]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {points.toReversed().map((point) => (
            <tr key={point.at.getTime()}>
              <th scope="row">{name(point, unit)}</th>
              {outcomes.map((outcome) => (
                <td key={outcome} className="cell-number">
                  {count(point[outcome])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function name(point: ChartPoint, unit: ChartProps["unit"]): string {
  return unit === "hour" ? `${weekday(point.at)}, ${clock(point.at)}` : weekday(point.at);
}

function read(point: ChartPoint, unit: ChartProps["unit"]): string {
  const figures = outcomes.map(
    (outcome) =>
      `${count(point[outcome])} ${outcomeName[outcome].replace(/^[A-Z](?=[a-z])/, (c) => c.toLowerCase())}`,
  );
  return `${name(point, unit)}: ${figures.join(", ")}`;
}

function step(key: string, at: number, last: number): number | undefined {
  const far = Math.max(1, Math.round(last / 10));
  const moves: Record<string, number> = {
    ArrowLeft: at - 1,
    ArrowDown: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at + 1,
    PageDown: at - far,
    PageUp: at + far,
    Home: 0,
    End: last,
  };
  const next = moves[key];
  return next === undefined ? undefined : Math.min(last, Math.max(0, next));
}
