import type { RefObject } from "react";
import { MenuItem as Item, Menu, Popover, Separator } from "react-aria-components";
import type { MenuItem } from "../Menu";

interface MenuPopoverProps {
  label: string;
  items: readonly MenuItem[];
  button: RefObject<HTMLButtonElement | null>;
  last: boolean;
  onClose: () => void;
}

/** The open menu, apart so that a page without one does not load its library. */
export default function MenuPopover({ label, items, button, last, onClose }: MenuPopoverProps) {
  const safe = items.filter((item) => !item.danger);
  const danger = items.filter((item) => item.danger);
  return (
    <Popover
      className="popover"
      triggerRef={button}
      isOpen
      onOpenChange={onClose}
      placement="bottom end"
      offset={6}
      aria-label={label}
    >
      <Menu
        className="menu"
        aria-label={label}
        autoFocus={last ? "last" : "first"}
        onClose={onClose}
      >
        {safe.map((item) => entry(item))}
        {safe.length > 0 && danger.length > 0 && <Separator className="menu-line" />}
        {danger.map((item) => entry(item))}
      </Menu>
    </Popover>
  );
}

function entry(item: MenuItem) {
  return (
    <Item
      key={item.label}
      id={item.label}
      className={item.danger ? "menu-item menu-item-danger" : "menu-item"}
      textValue={item.label}
      isDisabled={Boolean(item.unavailable)}
      onAction={item.onAction}
    >
      {item.icon}
      <span>
        {item.label}
        {item.unavailable && <span className="menu-why">{item.unavailable}</span>}
      </span>
    </Item>
  );
}
