import { type ReactNode, useId } from "react";

export interface CardProps {
  /** The heading of the card. */
  title?: string | undefined;
  /** One sentence below it. */
  sub?: ReactNode;
  /** A tag beside the heading. */
  tag?: ReactNode;
  /** Buttons at the right of the heading. */
  actions?: ReactNode;
  /** Its content goes to the edges: a list, a table, a row of figures. */
  flush?: boolean | undefined;
  /** The border says that something wants attention. */
  tone?: "warn" | "bad" | undefined;
  children?: ReactNode;
}

/** One subject of a page, with its heading. */
export function Card({ title, sub, tag, actions, flush, tone, children }: CardProps) {
  const id = useId();
  return (
    <section
      className={tone ? `card card-${tone}` : "card"}
      aria-labelledby={title ? id : undefined}
    >
      {(title || actions) && (
        <header className={flush ? "card-head card-head-line" : "card-head"}>
          <div className="card-title">
            {title && <h2 id={id}>{title}</h2>}
            {tag}
            {sub && <p className="card-sub">{sub}</p>}
          </div>
          {actions && <div className="card-actions">{actions}</div>}
        </header>
      )}
      <div className={flush ? "card-flush" : "card-body"}>{children}</div>
    </section>
  );
}

export interface FactsProps {
  /** Names and values; a value without content is left out. */
  items: readonly (readonly [name: string, value: ReactNode])[];
}

/** Names and values, for the details of one thing. */
export function Facts({ items }: FactsProps) {
  return (
    <dl className="facts">
      {items
        .filter(([, value]) => value !== undefined && value !== null && value !== "")
        .map(([name, value]) => (
          <div key={name} className="fact">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
