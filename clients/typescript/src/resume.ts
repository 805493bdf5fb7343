import { isBrowser } from "./base.js";
import { sleep } from "./clock.js";

/** Reports whether the code runs in a hidden page. */
export function isHidden(): boolean {
  return typeof document === "object" && document.hidden;
}

/**
 * Calls resumed whenever the page becomes visible or hidden or the network returns,
 * until the signal aborts. If the page is visible then, it calls check after a random
 * delay of up to two seconds, which spreads the tabs of a user.
 */
export function onResume(resumed: () => void, check: () => void, until: AbortSignal): void {
  if (!isBrowser() || typeof addEventListener !== "function") {
    return;
  }
  let waiting = false;
  const changed = async () => {
    resumed();
    if (waiting || isHidden()) {
      return;
    }
    waiting = true;
    await sleep(Math.random() * 2_000);
    waiting = false;
    if (!until.aborted && !isHidden()) {
      check();
    }
  };
  addEventListener("online", changed, { signal: until });
  if (typeof document === "object") {
    document.addEventListener("visibilitychange", changed, { signal: until });
  }
}
