import type { InstallationLimit } from "@openwearables/sdk/connect";
import { count, plural } from "../../parts/number";

const limits: Record<string, string> = {
  key: "Requests of one API key",
  developer: "Requests of one developer",
  user: "Requests of one user",
  address: "Requests without a credential, of one address",
  login: "Logins from one address",
  "login-account": "Refused logins to one account",
  refresh: "Renewals, logouts and reports of leaks from one address",
  "refresh-session": "Renewals of one session",
  exchange: "Exchanges of one application",
  "exchange-user": "Exchanges for one user",
  "exchange-refused": "Refused exchanges from one address",
  verify: "Credentials that one caller verifies",
  "verify-refused": "Unknown credentials from one address in verifications",
  ingest: "Uploads of one phone or API key",
  public: "Requests of providers and of pages without a login, from one address",
  pairing: "Refused pairing codes from one address",
  pairings: "Refused pairing codes from all addresses",
  "quota-users": "Users",
  "quota-keys": "API keys",
  "quota-applications": "Applications",
  "quota-developer-sessions": "Sessions of one developer",
  "quota-user-sessions": "Sessions of one user",
  "quota-workouts": "Workouts of one user",
  "quota-workout-bytes": "Size of the workouts of one user",
};

const settings: Record<string, string> = {
  "access-token-ttl": "An access token lasts",
  "refresh-idle": "A session that is not used ends after",
  "refresh-absolute": "A session ends in any case after",
  "alert-interval": "What needs an alert is looked for every",
  "audit-retention": "The audit trail is kept for",
  "ledger-retention": "The record of who read data is kept for",
  "alert-retention": "Resolved alerts are kept for",
  "usage-minute-retention": "Usage by the minute is kept for",
  "usage-hour-retention": "Usage by the hour is kept for",
  "usage-day-retention": "Usage by the day is kept for",
  "password-min": "A password has at least",
};

/** Says what a limit bounds. */
export const limitName = (name: string): string => limits[name] ?? name;

/** Says what a setting is, so that its value ends the sentence. */
export const settingName = (name: string): string => settings[name] ?? name;

const units = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

/** Writes a time in the largest unit of which it is a whole number: "15 minutes". */
export function spell(seconds: number): string {
  const [unit, length] = units.find(
    ([, length]) => seconds >= length && seconds % length === 0,
  ) ?? ["second", 1];
  return plural(seconds / length, unit);
}

/** Writes how much is admitted, such as "1,000 a minute" or "256 MiB". */
export function bound({ name, limit, windowSeconds }: InstallationLimit): string {
  const mebibytes = Number(limit) / 2 ** 20;
  if (name.endsWith("-bytes") && Number.isInteger(mebibytes)) return `${count(mebibytes)} MiB`;
  if (windowSeconds === undefined) return count(limit);
  if (windowSeconds === 60) return `${count(limit)} a minute`;
  return `${count(limit)} in ${spell(windowSeconds)}`;
}
