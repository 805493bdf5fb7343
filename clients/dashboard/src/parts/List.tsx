import type { ReactNode } from "react";
import { Lines } from "./Cell";

export interface ListProps {
  /** What the rows are, read aloud. */
  label: string;
  children: ReactNode;
}

/** Short rows in a card, such as what needs attention. */
export function List({ label, children }: ListProps) {
  return (
    <ul className="list" aria-label={label}>
      {children}
    </ul>
  );
}

export interface ListRowProps {
  /** What a person calls it, or a sentence. */
  title: ReactNode;
  /** The second thing to know. */
  sub?: ReactNode;
  /** Where the row leads. */
  href?: string | undefined;
  /** A tag or an icon before the text. */
  lead?: ReactNode;
  /** A number, a time or a button at the end. */
  aside?: ReactNode;
  /** The sentence may run over several lines. */
  wrap?: boolean | undefined;
}

/** One row of a List. */
export function ListRow({ title, sub, href, lead, aside, wrap }: ListRowProps) {
  return (
    <li className={wrap ? "list-row list-row-wrap" : "list-row"}>
      {lead}
      <Lines top={title} sub={sub} href={href} />
      {aside && <div className="list-aside">{aside}</div>}
    </li>
  );
}
