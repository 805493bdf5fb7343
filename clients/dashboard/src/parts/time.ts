/** A moment as the page or the wire has it. */
export type Moment = Date | { seconds: bigint; nanos: number } | string;

const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const days = "Sun Mon Tue Wed Thu Fri Sat".split(" ");
const pad = (n: number) => String(n).padStart(2, "0");

/** Returns the moment as a Date. */
export function toDate(at: Moment): Date {
  if (at instanceof Date) return at;
  if (typeof at === "string") return new Date(at);
  return new Date(Number(at.seconds) * 1000 + Math.trunc(at.nanos / 1e6));
}

/** Names the person's zone at a moment, such as "UTC+01:00". */
export function zone(at: Date): string {
  const minutes = -at.getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "-" : "+"}${pad(Math.trunc(size / 60))}:${pad(size % 60)}`;
}

/** Writes a day, such as "Nov 18", with its year where that is not this one. */
export function day(at: Date, now = new Date()): string {
  const text = `${months[at.getMonth()]} ${at.getDate()}`;
  return at.getFullYear() === now.getFullYear() ? text : `${text}, ${at.getFullYear()}`;
}

/** Writes a day with its weekday, such as "Wed, Nov 18". */
export function weekday(at: Date, now = new Date()): string {
  return `${days[at.getDay()]}, ${day(at, now)}`;
}

/** Writes the time of day, such as "14:20". */
export function clock(at: Date): string {
  return `${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

/** Writes a moment in full with the zone, such as "Nov 18, 2026, 14:20:05 UTC+01:00". */
export function full(at: Date): string {
  const date = `${months[at.getMonth()]} ${at.getDate()}, ${at.getFullYear()}`;
  return `${date}, ${clock(at)}:${pad(at.getSeconds())} ${zone(at)}`;
}

/** Writes a moment in UTC, such as "2026-11-18 13:20:05 UTC". */
export function utc(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Returns a moment as an input of the page takes it, in the person's zone. */
export function localInput(at: Date): string {
  const date = `${String(at.getFullYear()).padStart(4, "0")}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${date}T${clock(at)}`;
}

const minute = 60_000;
const hour = 60 * minute;
const ofDay = 24 * hour;

/** Says how far away a moment is, such as "4 minutes ago" or "in 9 days"; beyond 30 days it names the day. */
export function relative(at: Date, now = new Date()): string {
  const distance = at.getTime() - now.getTime();
  const size = Math.abs(distance);
  const say = (text: string) => (distance > 0 ? `in ${text}` : `${text} ago`);
  if (size < minute) return distance > 0 ? "in less than a minute" : "just now";
  if (size < hour) return say(some(size / minute, "minute"));
  if (size < ofDay) return say(some(size / hour, "hour"));
  if (size < 2 * ofDay) return distance > 0 ? "tomorrow" : "yesterday";
  if (size < 31 * ofDay) return say(some(size / ofDay, "day"));
  return day(at, now);
}

function some(n: number, unit: string): string {
  const whole = Math.floor(n);
  return `${whole} ${unit}${whole === 1 ? "" : "s"}`;
}
