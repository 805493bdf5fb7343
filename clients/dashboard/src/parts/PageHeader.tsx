import type { ReactNode } from "react";
import { Breadcrumb, type BreadcrumbProps } from "./Breadcrumb";

export interface PageHeaderProps {
  /** The heading, and the title of the window. */
  title: string;
  /** One sentence, or a line of facts, below it. */
  sub?: ReactNode;
  /** The state of the thing that the page is about. */
  tag?: ReactNode;
  /** The list above the page. */
  back?: BreadcrumbProps | undefined;
  /** The buttons at the right, the primary one last. */
  actions?: ReactNode;
}

/** The head of a page. The focus comes to its heading when the path changes. */
export function PageHeader({ title, sub, tag, back, actions }: PageHeaderProps) {
  return (
    <header className="page-head">
      <title>{`${title} · Open Wearables`}</title>
      <div className="page-title">
        {back && <Breadcrumb {...back} />}
        <h1 tabIndex={-1}>{title}</h1>
        {(tag || sub) && (
          <div className="page-sub">
            {tag}
            {sub && <span>{sub}</span>}
          </div>
        )}
      </div>
      {actions && <div className="page-actions">{actions}</div>}
    </header>
  );
}
