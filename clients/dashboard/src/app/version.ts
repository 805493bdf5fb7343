import { useSyncExternalStore } from "react";

const watchers = new Set<() => void>();
const mostOften = 60_000;
let newer = false;
let looked = 0;

/** The files that this page loaded; their names change with every build. */
const loaded = [...document.querySelectorAll("script[src], link[rel=stylesheet]")]
  .map((e) => e.getAttribute("src") ?? e.getAttribute("href") ?? "")
  .filter((name) => name.startsWith("/assets/"));

/** Looks whether the server serves another version of the dashboard than this page is of. */
export async function lookForVersion(): Promise<void> {
  if (newer || loaded.length === 0) return;
  looked = Date.now();
  const html = await fetch("/", { cache: "no-cache", headers: { Accept: "text/html" } })
    .then((res) => (res.ok ? res.text() : ""))
    .catch(() => "");
  if (!html.includes("/assets/") || loaded.every((name) => html.includes(name))) return;
  newer = true;
  for (const watcher of watchers) watcher();
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && Date.now() - looked > mostOften)
    void lookForVersion();
});
window.addEventListener("vite:preloadError", () => void lookForVersion());

/** Whether another version was seen. */
export function useNewVersion(): boolean {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    () => newer,
  );
}
