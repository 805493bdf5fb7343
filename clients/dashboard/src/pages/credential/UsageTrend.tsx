import { type ReactNode, useEffect, useRef, useState } from "react";
import { Trend } from "../../parts/Bars";
import { height } from "../../parts/chartmath";
import { Skeleton } from "../../parts/Skeleton";

/** Returns whether an element came into sight, so that a long list reads only what a person sees. */
export function useSight() {
  const ref = useRef<HTMLSpanElement>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const watcher = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && setSeen(true),
      { rootMargin: "100px" },
    );
    if (ref.current) watcher.observe(ref.current);
    return () => watcher.disconnect();
  }, []);
  return { ref, seen };
}

interface UsageTrendProps {
  sight: ReturnType<typeof useSight>["ref"];
  points: Parameters<typeof height>[0][] | undefined;
  failed: boolean;
}

/** The requests of a credential in a row of a list. */
export function UsageTrend({ sight, points, failed }: UsageTrendProps): ReactNode {
  return (
    <span ref={sight} className="usage-trend">
      {points ? (
        <Trend values={points.map(height)} />
      ) : failed ? (
        <span className="quiet">unknown</span>
      ) : (
        <Skeleton width="60%" />
      )}
    </span>
  );
}
