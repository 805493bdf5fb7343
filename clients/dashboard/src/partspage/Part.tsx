import type { ReactNode } from "react";

/** One part in one or more states. */
export function Part({ name, children }: { name: string; children: ReactNode }) {
  return (
    <section className="part" id={name} aria-labelledby={`${name}-heading`}>
      <h2 id={`${name}-heading`}>{name}</h2>
      <div className="stack">{children}</div>
    </section>
  );
}
