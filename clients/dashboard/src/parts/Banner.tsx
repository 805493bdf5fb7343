import { Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

export interface BannerProps {
  /** Whether it only informs or wants attention. */
  tone?: "info" | "warn" | "bad" | undefined;
  /** One or two sentences. */
  children: ReactNode;
  /** A small button at the end. */
  action?: ReactNode;
  /** Over the whole width above the page: no connection, a new version. */
  bar?: boolean | undefined;
}

/** A sentence about the whole page, read aloud when it appears. */
export function Banner({ tone = "info", children, action, bar }: BannerProps) {
  const Icon = tone === "info" ? Info : TriangleAlert;
  return (
    <div className={`banner banner-${tone}${bar ? " banner-bar" : ""}`} role="status">
      <Icon size={16} aria-hidden="true" />
      <div className="banner-text">{children}</div>
      {action}
    </div>
  );
}
