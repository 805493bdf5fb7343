import { useEffect, useId, useSyncExternalStore } from "react";

/**
 * Keeps a person from leaving a form by accident. A page calls useUnsaved; the dialog
 * that asks is LeaveDialog.
 */

/** The parts of the Navigation API that are used; browsers without it ask by beforeunload alone. */
interface Navigation extends EventTarget {
  currentEntry: { key: string } | null;
  traverseTo(key: string): void;
}

interface NavigateEvent extends Event {
  navigationType: "push" | "replace" | "reload" | "traverse";
  destination: { url: string; key: string; sameDocument: boolean };
}

const navigation = (window as { navigation?: Navigation }).navigation;
const unsaved = new Set<string>();
const watchers = new Set<() => void>();
let leave: (() => void) | undefined;
let leaving = false;

/** Asks before the page is left while `dirty`. */
export function useUnsaved(dirty: boolean): void {
  const id = useId();
  useEffect(() => {
    if (!dirty) return;
    unsaved.add(id);
    return () => void unsaved.delete(id);
  }, [id, dirty]);
}

/** Whether something on the page would be lost. */
export const isUnsaved = (): boolean => unsaved.size > 0;

/** Forgets what is unsaved, for a page that must be left. */
export function letGo(): void {
  unsaved.clear();
}

/** Returns what a person who waits for an answer may do: leave, or stay. */
export function useLeaving(): { leave: () => void; stay: () => void } | undefined {
  const go = useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    () => leave,
  );
  if (!go) return undefined;
  const answer = (then?: () => void) => {
    ask(undefined);
    then?.();
  };
  return { leave: () => answer(go), stay: () => answer() };
}

function ask(go: (() => void) | undefined): void {
  leave = go;
  for (const watcher of watchers) watcher();
}

/** Begins to watch where the page goes. */
export function openGuard(): void {
  navigation?.addEventListener("navigate", (event) => onNavigate(event as NavigateEvent));
  window.addEventListener("beforeunload", (event) => {
    if (isUnsaved() && !leaving) event.preventDefault();
  });
}

function onNavigate(event: NavigateEvent): void {
  const { destination: to, navigationType: type } = event;
  const url = new URL(to.url);
  const same = url.pathname === location.pathname && url.origin === location.origin;
  if (!isUnsaved() || same || leaving || !event.cancelable || !to.sameDocument) return;
  event.preventDefault();
  ask(() => {
    leaving = true;
    letGo();
    if (type === "traverse") navigation?.traverseTo(to.key);
    else history[type === "replace" ? "replaceState" : "pushState"](null, "", to.url);
    window.setTimeout(() => {
      leaving = false;
    });
  });
}
