import { type ReactNode, useEffect, useRef } from "react";
import { Mark } from "../parts/Mark";

export interface AloneProps {
  /** The heading of the card, and the title of the window. */
  title: string;
  /** One sentence below it. */
  sub?: ReactNode | undefined;
  /** Above the heading, such as how far a person is. */
  above?: ReactNode;
  /** For code and other wide things. */
  wide?: boolean | undefined;
  /** Below the card. */
  below?: ReactNode;
  children: ReactNode;
}

/** A page that is one card, for those who are not signed in. */
export function Alone({ title, sub, above, wide, below, children }: AloneProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  // The step before took the focus with it, and nothing in this one has it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: each title is another step
  useEffect(() => {
    if (document.activeElement === document.body) heading.current?.focus();
  }, [title]);
  return (
    <main className={wide ? "alone alone-wide" : "alone"}>
      <title>{`${title} · Open Wearables`}</title>
      <p className="alone-brand">
        <Mark />
        <span>Open Wearables</span>
      </p>
      <div className="card alone-card">
        {above}
        <header className="alone-head">
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {sub && <p className="quiet">{sub}</p>}
        </header>
        {children}
      </div>
      {below && <div className="alone-below">{below}</div>}
    </main>
  );
}
