import type { ReactNode } from "react";

export interface EmptyProps {
  /** An icon of 20 px of what belongs here. */
  icon?: ReactNode;
  /** What is not there: "No keys yet". */
  title: string;
  /** What belongs here and why. */
  children?: ReactNode;
  /** The button that begins it. */
  action?: ReactNode;
}

/** In place of a list that has nothing: what belongs here, why, and how to begin. */
export function Empty({ icon, title, children, action }: EmptyProps) {
  return (
    <div className="empty">
      {icon && (
        <span className="empty-icon" aria-hidden="true">
          {icon}
        </span>
      )}
      <p className="empty-title">{title}</p>
      {children && <div className="empty-text">{children}</div>}
      {action && <div className="empty-action">{action}</div>}
    </div>
  );
}
