import { plural } from "../../parts/number";
import { day } from "../../parts/time";
import { long, type Week } from "./weeks";

/** A column a week; each says its figures, aloud and on hover. */
export function WeekBars({ label, weeks }: { label: string; weeks: readonly Week[] }) {
  const top = Math.max(...weeks.map((week) => week.seconds), 1);
  return (
    <ul className="weeks" aria-label={label}>
      {weeks.map((week) => {
        const said = `Week of ${day(week.start)}: ${plural(week.workouts, "workout")}${week.workouts ? `, ${long(week.seconds)}` : ""}`;
        return (
          <li key={week.start.getTime()} className="week" title={said}>
            <span className="sr">{said}</span>
            <span className="week-value num" aria-hidden="true">
              {week.workouts > 0 && week.workouts}
            </span>
            <span className="week-bar" aria-hidden="true">
              <span style={{ blockSize: `${(week.seconds / top) * 100}%` }} />
            </span>
            <span className="week-name num" aria-hidden="true">
              {day(week.start)}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
