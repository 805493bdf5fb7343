import { useSyncExternalStore } from "react";
import { full, type Moment, relative, toDate, utc } from "./time";

let now = Date.now();
let timer = 0;
const watchers = new Set<() => void>();

function watch(change: () => void): () => void {
  watchers.add(change);
  if (watchers.size === 1) {
    now = Date.now();
    timer = window.setInterval(() => {
      now = Date.now();
      for (const watcher of watchers) watcher();
    }, 20_000);
  }
  return () => {
    watchers.delete(change);
    if (watchers.size === 0) window.clearInterval(timer);
  };
}

/** Returns the time, and renders again as it goes on. One timer serves the whole page. */
export function useNow(): Date {
  return new Date(useSyncExternalStore(watch, () => now));
}

export interface TimeProps {
  /** The moment; absent if it never came. */
  at: Moment | null | undefined;
  /** What stands there without a moment, such as "Never used". */
  never?: string | undefined;
  /** Writes it in full with the zone and in UTC, for a detail page. */
  exact?: boolean | undefined;
}

/** A moment: "4 minutes ago", with the zone and UTC on hover. */
export function Time({ at, never = "Never", exact }: TimeProps) {
  useNow();
  if (!at) return <span className="quiet">{never}</span>;
  const date = toDate(at);
  // What happened after the last tick, or by the clock of a server ahead of this one, is not in the future.
  const shown = Math.abs(date.getTime() - Date.now()) < 5_000 ? "just now" : relative(date);
  if (exact) {
    return (
      <time className="num" dateTime={date.toISOString()}>
        <span className="whole">{full(date)}</span>{" "}
        <span className="quiet whole">
          {shown} · {utc(date)}
        </span>
      </time>
    );
  }
  return (
    <time className="num" dateTime={date.toISOString()} title={`${full(date)}\n${utc(date)}`}>
      {shown}
    </time>
  );
}
