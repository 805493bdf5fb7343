import { onlineManager } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { loadDialog } from "../parts/Dialog";
import { loadMenu } from "../parts/Menu";
import { queries } from "./queries";

let idle = false;

/** Reports whether the page has rested once, with nothing left to read: what nobody waits for is read then. */
export function useIdle(): boolean {
  const [rested, setRested] = useState(idle);
  useEffect(() => {
    if (rested) return;
    const rest = () => {
      if (queries.isFetching() > 0) {
        timer = window.setTimeout(rest, 1_000);
        return;
      }
      idle = true;
      loadLater();
      setRested(true);
    };
    let timer = window.setTimeout(rest, 1_000);
    return () => window.clearTimeout(timer);
  }, [rested]);
  return rested;
}

/** Loads what most people open next, so that it is there without a connection too. */
function loadLater(): void {
  if (!onlineManager.isOnline()) return;
  loadDialog();
  loadMenu();
  import("./Relogin").catch(() => {});
}
