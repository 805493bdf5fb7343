import type { Workout } from "@openwearables/sdk/connect";
import { toDate } from "../../parts/time";

/** The workouts of a week, which begins on Monday in the person's zone. */
export interface Week {
  start: Date;
  workouts: number;
  seconds: number;
}

/** Returns the Monday of a moment's week, at midnight in the person's zone. */
export function monday(at: Date): Date {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() - ((at.getDay() + 6) % 7));
}

/** Counts workouts by week, from the oldest week to this one. */
export function byWeek(workouts: readonly Workout[], weeks: number, now = new Date()): Week[] {
  const last = monday(now);
  const all = Array.from({ length: weeks }, (_, n) => {
    const back = 7 * (weeks - 1 - n);
    const start = new Date(last.getFullYear(), last.getMonth(), last.getDate() - back);
    return { start, workouts: 0, seconds: 0 };
  });
  for (const workout of workouts) {
    const start = toDate(workout.startTime ?? new Date(0));
    const week = all.find((w) => w.start.getTime() === monday(start).getTime());
    if (!week) continue;
    week.workouts++;
    week.seconds += workout.durationSeconds;
  }
  return all;
}

/** Writes a length of time, such as "1 h 25 min". */
export function long(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return seconds > 0 && minutes === 0 ? "under 1 min" : `${minutes} min`;
  const rest = minutes % 60;
  const hours = Math.floor(minutes / 60);
  return rest ? `${hours} h ${rest} min` : `${hours} h`;
}

/** Writes a distance, such as "7.4 km" or "850 m". */
export function far(meters: number): string {
  return meters < 1000 ? `${Math.round(meters)} m` : `${(meters / 1000).toFixed(1)} km`;
}
