import { Ellipsis } from "lucide-react";
import { type KeyboardEvent, lazy, type ReactNode, Suspense, useRef, useState } from "react";

const load = () => import("./overlay/MenuPopover");
const Popover = lazy(load);

/** Loads what menus need, before the first one opens. */
export const loadMenu = (): void => void load().catch(() => {}); // the menu tells

export interface MenuItem {
  /** A verb, with "…" where a dialog follows. */
  label: string;
  onAction: () => void;
  /** An icon of 16 px. */
  icon?: ReactNode;
  /** In red, at the end, behind a line. */
  danger?: boolean;
  /** Why it cannot be chosen now; it is shown below the label. */
  unavailable?: string | false;
}

export interface MenuProps {
  /** What the menu is for, such as "Actions of Billing service". */
  label: string;
  items: readonly MenuItem[];
  /** Text of the button in place of the three dots. */
  trigger?: ReactNode;
  /** With a border, for the head of a page. */
  bordered?: boolean | undefined;
}

/** The actions of a row or a page behind one button. */
export function Menu({ label, items, trigger, bordered }: MenuProps) {
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const [last, setLast] = useState(false);
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    setLast(event.key === "ArrowUp");
    setOpen(true);
  };
  const look = trigger
    ? "button button-plain"
    : `icon-button${bordered ? " icon-button-bordered" : ""}`;
  return (
    <>
      <button
        type="button"
        ref={button}
        className={look}
        aria-haspopup="menu"
        aria-expanded={open}
        title={trigger ? undefined : label}
        onPointerEnter={loadMenu}
        onFocus={loadMenu}
        onClick={() => {
          setLast(false);
          setOpen(!open);
        }}
        onKeyDown={keys}
      >
        {trigger ?? <Ellipsis size={16} aria-hidden="true" />}
        {!trigger && <span className="sr">{label}</span>}
      </button>
      {open && (
        <Suspense fallback={null}>
          <Popover
            label={label}
            items={items}
            button={button}
            last={last}
            onClose={() => setOpen(false)}
          />
        </Suspense>
      )}
    </>
  );
}
