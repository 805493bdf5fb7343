export interface TagProps {
  /** What the state means: good, wants attention, broken, or neither. */
  tone?: "good" | "warn" | "bad" | "plain" | undefined;
  /** The state in one or two words. */
  children: string;
}

/** A state. Its colour never says more than its word. */
export function Tag({ tone = "plain", children }: TagProps) {
  return (
    <span className={`tag tag-${tone}`}>
      <span className="tag-dot" aria-hidden="true" />
      {children}
    </span>
  );
}
