import { sleep } from "./clock.js";

/** Whether the code runs in a page that nobody sees. */
export function isHidden(): boolean {
  return typeof document === "object" && document.hidden;
}

/**
 * Calls check once whenever a page is seen again or the network is back, spread
 * over two seconds so that not all of a user's tabs come at once, until the signal
 * ends.
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
