import { ChevronLeft } from "lucide-react";
import { Link } from "./Link";

export interface BreadcrumbProps {
  /** The list that the page came from. */
  href: string;
  /** Its title. */
  label: string;
}

/** The way back to the list above a page. */
export function Breadcrumb({ href, label }: BreadcrumbProps) {
  return (
    <nav className="breadcrumb" aria-label="Breadcrumb">
      <Link href={href} kind="bare" icon={<ChevronLeft size={16} aria-hidden="true" />}>
        {label}
      </Link>
    </nav>
  );
}
