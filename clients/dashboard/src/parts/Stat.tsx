import type { ReactNode } from "react";
import { Link } from "./Link";
import { count } from "./number";
import { Skeleton } from "./Skeleton";

export interface StatProps {
  /** What is counted, with its unit: "Requests". */
  label: string;
  /** The number; absent while it is on its way. */
  value: number | bigint | undefined;
  /** Its period, or what it is compared with: "today", "yesterday 1,204". */
  period: string;
  /** The list that it counts. */
  href?: string | undefined;
  /** The outcome whose colour stands beside the label. */
  outcome?: "ok" | "refused" | "limited" | "failed" | undefined;
  /** A share or another word behind the number. */
  aside?: ReactNode;
}

/** A number with its unit and its period. */
export function Stat({ label, value, period, href, outcome, aside }: StatProps) {
  return (
    <div className="stat">
      <div className="stat-label">
        {outcome && <span className={`dot dot-${outcome}`} aria-hidden="true" />}
        {href ? (
          <Link href={href} kind="bare" row>
            {label}
          </Link>
        ) : (
          label
        )}
      </div>
      <div className="stat-value num">
        {value === undefined ? <Skeleton width="4ch" /> : count(value)}
        {aside && <span className="stat-aside"> {aside}</span>}
      </div>
      <div className="stat-period num">{period}</div>
    </div>
  );
}

/** Two to four Stats in one row, two by two on a phone. */
export function Stats({ children }: { children: ReactNode }) {
  return <div className="stats">{children}</div>;
}
