import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const watchers = new Set<() => void>();

function chosen(): Theme {
  const { theme } = document.documentElement.dataset;
  return theme === "light" || theme === "dark" ? theme : "system";
}

function choose(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme); // theme.js reads it at the next load
  } catch {}
  for (const watcher of watchers) watcher();
}

function watch(change: () => void): () => void {
  watchers.add(change);
  return () => void watchers.delete(change);
}

/** Returns the theme that the person chose, wherever that was, and how to choose another. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  return [useSyncExternalStore(watch, chosen), choose];
}
