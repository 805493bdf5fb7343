import { useEffect, useState } from "react";

let idle = false;

/** Reports whether the page has rested once: what nobody waits for is read then. */
export function useIdle(): boolean {
  const [rested, setRested] = useState(idle);
  useEffect(() => {
    if (rested) return;
    const rest = () => {
      idle = true;
      setRested(true);
    };
    const timer = window.setTimeout(rest, 1_000);
    return () => window.clearTimeout(timer);
  }, [rested]);
  return rested;
}
