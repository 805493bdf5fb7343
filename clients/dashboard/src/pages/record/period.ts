import { useMemo } from "react";
import { useParam } from "../../parts/FilterChips";

/** The periods of a record, by what the address calls them. */
export const periods = [
  { value: "1", label: "24 hours" },
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "all", label: "All" },
] as const;
export type Period = (typeof periods)[number]["value"];

const day = 86_400_000;

/** Returns the period of the address, what changes it, and when it begins. */
export function usePeriod(fallback: Period): {
  period: Period;
  setPeriod: (period: Period) => void;
  since: Date | undefined;
} {
  const [text, setText] = useParam("period", fallback);
  const period = periods.find(({ value }) => value === text)?.value ?? fallback;
  // To the minute before, so that what was read can be found again.
  const now = Math.floor(Date.now() / 60_000) * 60_000;
  // biome-ignore lint/correctness/useExhaustiveDependencies: it begins when the period is chosen, and stays
  const since = useMemo(
    () => (period === "all" ? undefined : new Date(now - Number(period) * day)),
    [period],
  );
  return { period, setPeriod: setText, since };
}
