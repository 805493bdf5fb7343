import type { ReactNode } from "react";
import { Link } from "./Link";

export interface LinesProps {
  /** What a person calls it. */
  top: ReactNode;
  /** What a machine calls it, or the second thing to know. */
  sub?: ReactNode;
  /** The second line is in mono. */
  mono?: boolean | undefined;
  /** Where the row leads; it makes the first line the link of the whole row. */
  href?: string | undefined;
}

/** The two lines of a cell. What does not fit is cut, and shown whole on hover. */
export function Lines({ top, sub, mono, href }: LinesProps) {
  return (
    <div className="lines">
      <span className="cut" title={typeof top === "string" ? top : undefined}>
        {href ? (
          <Link href={href} kind="bare" row>
            {top}
          </Link>
        ) : (
          top
        )}
      </span>
      {sub && (
        <span
          className={mono ? "cut lines-sub mono" : "cut lines-sub"}
          title={typeof sub === "string" ? sub : undefined}
        >
          {sub}
        </span>
      )}
    </div>
  );
}
