export interface SkeletonProps {
  /** How many lines of text it stands for, 1 by default. */
  lines?: number | undefined;
  /** How wide the first line is, such as "60%". */
  width?: string | undefined;
  /** A block of this height in place of lines, such as "240px". */
  height?: string | undefined;
}

/** Grey lines, or a block, in place of what is on its way. The box around it is aria-busy. */
export function Skeleton({ lines = 1, width = "100%", height }: SkeletonProps) {
  if (height)
    return (
      <span className="skeleton skeleton-block" aria-hidden="true" style={{ blockSize: height }} />
    );
  const rows = Array.from({ length: lines }, (_, n) => `line ${n}`);
  return (
    <span className="skeleton-lines" aria-hidden="true">
      {rows.map((row, n) => (
        <span key={row} className="skeleton" style={{ inlineSize: n === 0 ? width : "40%" }} />
      ))}
    </span>
  );
}
