import { api, type Stage } from "./stage.js";

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
export async function alerts(stage: Stage, many: number, state = "open"): Promise<Alert[]> {
  for (const end = Date.now() + 30_000; ; ) {
    const { items } = await api<{ items: Alert[] }>(stage, "GET", `/alerts?state=${state}`);
    if (items.length >= many) return items;
    if (Date.now() > end) throw new Error(`there are ${items.length} alerts, not ${many}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
