import { api, type Stage } from "./stage.js";
import { until } from "./wait.js";

/** Looks for what needs an alert all the time, not once a minute. */
export const flags = ["--alert-interval=200ms"];

interface Alert {
  id: string;
  subject: string;
}

/** Makes keys, uses each once, reports their secrets as leaked, and returns the ids of the keys. */
export async function leak(stage: Stage, names: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const name of names) {
    const made = await api<{ id: string; key: string }>(stage, "POST", "/api-keys", { name });
    await fetch(`${stage.url}/api/v1/users`, { headers: { Authorization: `Bearer ${made.key}` } });
    await api(stage, "POST", "/credentials/report", { credential: made.key });
    ids.push(made.id);
  }
  return ids;
}

/** Returns the alerts in a state once there are so many. */
export function alerts(stage: Stage, many: number, state = "open"): Promise<Alert[]> {
  return until(
    `${many} alerts that are ${state}`,
    async () => (await api<{ items: Alert[] }>(stage, "GET", `/alerts?state=${state}`)).items,
    (items) => items.length >= many,
  );
}
