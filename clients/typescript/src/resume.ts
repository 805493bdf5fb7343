import { sleep } from "./clock.js";

/** Reports whether the code runs in a hidden page. */
export function isHidden(): boolean {
  return typeof document === "object" && document.hidden;
}

/**
 * Calls check whenever the page becomes visible or the network returns, until the
 * signal aborts. A random delay of up to two seconds spreads the tabs of a user.
 */
export function onResume(check: () => void, until: AbortSignal): void {
  if (typeof document !== "object") {
    return;
  }
  let waiting = false;
  const resumed = async () => {
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
  document.addEventListener("visibilitychange", resumed, { signal: until });
  addEventListener("online", resumed, { signal: until });
}
