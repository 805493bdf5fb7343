import { type KeyboardEvent, type ReactNode, useId } from "react";
import { useSearchParams } from "wouter";

export interface Tab {
  /** What the address knows it by. */
  id: string;
  label: string;
  /** A number beside the label. */
  count?: number | undefined;
  /** What the tab shows; it is called only while the tab is chosen. */
  render: () => ReactNode;
}

export interface TabsProps {
  /** What the tabs are of, such as "Ada Lovelace". */
  label: string;
  tabs: readonly Tab[];
  /** The name in the address, "tab" by default. */
  name?: string | undefined;
}

/** Parts of one page, of which the address says which is shown. */
export function Tabs({ label, tabs, name = "tab" }: TabsProps) {
  const [params, setParams] = useSearchParams();
  const chosen = tabs.find((tab) => tab.id === params.get(name)) ?? tabs[0];
  const choose = (id: string) =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        if (id === tabs[0]?.id) next.delete(name);
        else next.set(name, id);
        return next;
      },
      { replace: true },
    );
  if (!chosen) return null;
  return (
    <TabStrip label={label} tabs={tabs} chosen={chosen.id} onChoose={choose}>
      {chosen.render()}
    </TabStrip>
  );
}

export interface TabStripProps {
  label: string;
  tabs: readonly Pick<Tab, "id" | "label" | "count">[];
  chosen: string;
  onChoose: (id: string) => void;
  /** Smaller, for the head of a card. */
  small?: boolean | undefined;
  children: ReactNode;
}

/** Tabs whose choice the page keeps; the arrow keys move it. */
export function TabStrip({ label, tabs, chosen, onChoose, small, children }: TabStripProps) {
  const id = useId();
  const move = (event: KeyboardEvent<HTMLDivElement>) => {
    const at = tabs.findIndex((tab) => tab.id === chosen);
    const next = step(event.key, at, tabs.length);
    const tab = next === undefined ? undefined : tabs[next];
    if (!tab || next === undefined) return;
    event.preventDefault();
    onChoose(tab.id);
    event.currentTarget.querySelectorAll<HTMLElement>('[role="tab"]')[next]?.focus();
  };
  return (
    <div className="tabs-box">
      <div
        className={small ? "tabs tabs-small" : "tabs"}
        role="tablist"
        aria-label={label}
        onKeyDown={move}
      >
        {tabs.map((tab) => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            id={`${id}-${tab.id}`}
            className="tab"
            aria-selected={tab.id === chosen}
            aria-controls={tab.id === chosen ? `${id}-panel` : undefined}
            tabIndex={tab.id === chosen ? 0 : -1}
            onClick={() => onChoose(tab.id)}
          >
            {tab.label}
            {tab.count !== undefined && (
              <>
                {" "}
                <span className="tab-count num">{tab.count}</span>
              </>
            )}
          </button>
        ))}
      </div>
      <div
        className="tab-panel"
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={`${id}-${chosen}`}
      >
        {children}
      </div>
    </div>
  );
}

function step(key: string, at: number, length: number): number | undefined {
  if (key === "ArrowRight") return (at + 1) % length;
  if (key === "ArrowLeft") return (at + length - 1) % length;
  if (key === "Home") return 0;
  if (key === "End") return length - 1;
  return undefined;
}
