import { Link } from "./Link";
import { count, percent } from "./number";

export interface Bar {
  label: string;
  value: number;
  /** Where its row leads. */
  href?: string | undefined;
}

export interface BarsProps {
  /** What is compared, with its period, read aloud: "Clients, 30 days". */
  label: string;
  /** The largest first. */
  bars: readonly Bar[];
  /** What the shares are of; the sum of the bars by default. */
  whole?: number | undefined;
  /** The labels in mono, for operations and networks. */
  mono?: boolean | undefined;
}

/** Shares of a whole, each with its number. */
export function Bars({ label, bars, whole, mono }: BarsProps) {
  const all = whole ?? bars.reduce((sum, bar) => sum + bar.value, 0);
  return (
    <ul className="bars" aria-label={label}>
      {bars.map((bar) => (
        <li key={bar.label} className="bar">
          <span className={mono ? "cut mono" : "cut"} title={bar.label}>
            {bar.href ? (
              <Link href={bar.href} kind="bare">
                {bar.label}
              </Link>
            ) : (
              bar.label
            )}
          </span>
          <span className="bar-value num">
            {count(bar.value)} <span className="quiet">{percent(bar.value, all)}</span>
          </span>
          <span className="bar-line" aria-hidden="true">
            <span style={{ inlineSize: `${all > 0 ? (bar.value / all) * 100 : 0}%` }} />
          </span>
        </li>
      ))}
    </ul>
  );
}

export interface SparklineProps {
  /** From the oldest to the newest. */
  values: readonly number[];
  /** The colour of the outcome that it counts. */
  outcome?: "ok" | "refused" | undefined;
  /** 96 px by default. */
  width?: number | undefined;
}

/** A trend without figures; the number stands beside it. */
export function Sparkline({ values, outcome = "ok", width = 96 }: SparklineProps) {
  const top = Math.max(...values, 1);
  const pitch = width / Math.max(values.length, 1);
  const gap = pitch > 2.5 ? 1 : 0;
  const drawn = values.map((value, n) => {
    const tall = value > 0 ? Math.max(1.5, (value / top) * 24) : 0;
    return tall > 0
      ? `M${(n * pitch).toFixed(2)} 24v${(-tall).toFixed(2)}h${(pitch - gap).toFixed(2)}v${tall.toFixed(2)}z`
      : "";
  });
  return (
    <svg
      className="sparkline"
      width={width}
      height={24}
      viewBox={`0 0 ${width} 24`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path className={`fill-${outcome}`} d={drawn.join("")} />
    </svg>
  );
}

/** The trend of a cell and the sum of it. */
export function Trend({ values, outcome }: Omit<SparklineProps, "width">) {
  const sum = values.reduce((all, value) => all + value, 0);
  return (
    <span className="trend num">
      {sum > 0 && <Sparkline values={values} outcome={outcome} />}
      {count(sum)}
    </span>
  );
}
