import { ExternalLink } from "lucide-react";
import type { ComponentProps, ReactNode } from "react";
import { Link as Route } from "wouter";

let preload: (path: string) => void = () => {};

/** Sets what is called when a person is about to follow a link, so that its page loads before the click. */
export function onPreload(load: (path: string) => void): void {
  preload = load;
}

export interface LinkProps extends Omit<ComponentProps<"a">, "className" | "href"> {
  /** A path of the dashboard, or a whole address with `external`. */
  href: string;
  /** As text, as a button, or as a text without a line in a title or a row. */
  kind?: "text" | "plain" | "primary" | "bare" | undefined;
  /** Leads out of the dashboard: it opens a new tab and says so. */
  external?: boolean | undefined;
  /** An icon of 16 px before the text. */
  icon?: ReactNode;
  /** Its whole row takes the click; for the first cell of a row. */
  row?: boolean | undefined;
  /** Takes the place of the address before in the history. */
  replace?: boolean | undefined;
}

/** A link to a page, which it loads on hover and focus. */
export function Link(props: LinkProps) {
  const { href, kind = "text", external, icon, row, children, ...rest } = props;
  const look =
    kind === "plain" || kind === "primary" ? `button button-${kind}` : `link link-${kind}`;
  const className = row ? `${look} row-link` : look;
  if (external) {
    return (
      <a {...rest} href={href} className={className} target="_blank" rel="noreferrer">
        {icon}
        <span>{children}</span>
        <ExternalLink size={14} aria-hidden="true" />
        <span className="sr"> (opens a new tab)</span>
      </a>
    );
  }
  const near = () => preload(href);
  return (
    <Route {...rest} href={href} className={className} onPointerEnter={near} onFocus={near}>
      {icon}
      {icon ? <span>{children}</span> : children}
    </Route>
  );
}
