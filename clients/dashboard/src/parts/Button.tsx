import type { ComponentProps, MouseEvent, ReactNode } from "react";

export interface ButtonProps extends Omit<ComponentProps<"button">, "className" | "disabled"> {
  /** How much it asks for: one primary a page; danger only inside a dialog. Plain by default. */
  kind?: "primary" | "plain" | "quiet" | "danger" | undefined;
  /** What it says while its work runs, such as "Creating…". It then does nothing when pressed. */
  busy?: string | false | undefined;
  /** Why it cannot be pressed now. It stays in the tab order and says so. */
  unavailable?: string | false | undefined;
  /** An icon of 16 px before the text. */
  icon?: ReactNode;
  /** Lower and with smaller text, for a row or the head of a card. */
  small?: boolean | undefined;
  /** As wide as its column. */
  wide?: boolean | undefined;
}

/** A button. It is never disabled for the keyboard: while it is busy it only does nothing. */
export function Button(props: ButtonProps) {
  const {
    kind = "plain",
    busy,
    unavailable,
    icon,
    small,
    wide,
    children,
    onClick,
    ...rest
  } = props;
  const off = Boolean(busy || unavailable);
  const press = (event: MouseEvent<HTMLButtonElement>) => {
    if (off) event.preventDefault();
    else onClick?.(event);
  };
  return (
    <button
      type="button"
      {...rest}
      className={`button button-${kind}${small ? " button-small" : ""}${wide ? " button-wide" : ""}`}
      aria-disabled={off || undefined}
      title={unavailable || rest.title}
      onClick={press}
    >
      {busy ? <span className="spinner" aria-hidden="true" /> : icon}
      <span>{busy || children}</span>
      {unavailable && <span className="sr"> ({unavailable})</span>}
    </button>
  );
}

export interface IconButtonProps extends Omit<ComponentProps<"button">, "className" | "children"> {
  /** What it does, as a verb and a noun. It is read aloud and shown on hover. */
  label: string;
  /** The icon, of 16 px. */
  icon: ReactNode;
  /** With a border, for the head of a page. */
  bordered?: boolean | undefined;
}

/** A button that shows an icon alone. */
export function IconButton({ label, icon, bordered, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      title={label}
      {...rest}
      className={bordered ? "icon-button icon-button-bordered" : "icon-button"}
    >
      {icon}
      <span className="sr">{label}</span>
    </button>
  );
}
