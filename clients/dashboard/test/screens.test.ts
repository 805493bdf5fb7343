import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { alerts, flags } from "./alerts.js";
import { createKey, use } from "./credential.js";
import { writeHistory } from "./history.js";
import { api, login, type Stage, scenario } from "./stage.js";

const folder = process.env.SCREENS ?? join(import.meta.dirname, "..", "screens");

/** The pictures of the README: what a person sees after the demo of `serve --dev` was used a little. */
scenario("six pages, as the README shows them", { flags }, async (stage) => {
  const { page } = stage;
  const { keys } = await prepare(stage);
  await page.setViewportSize({ width: 1280, height: 800 });
  await login(stage);
  const screens = [
    ["overview", "/", "light"],
    ["keys", "/keys", "light"],
    ["key", `/keys/${keys[0]?.id}`, "dark"],
    ["access-log", `/users/${stage.env.USER_ID}?tab=access`, "light"],
    ["alerts", "/alerts", "dark"],
    ["audit", "/audit", "light"],
  ] as const;
  mkdirSync(folder, { recursive: true });
  for (const [name, path, colorScheme] of screens) {
    await page.emulateMedia({ colorScheme });
    await stage.go(path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForLoadState("networkidle");
    await page.mouse.move(120, 620);
    await page.screenshot({ path: join(folder, `${name}.png`) });
  }
});

interface Key {
  id: string;
  key: string;
}

/** Makes some keys, and requests with them by several clients. */
async function prepare(stage: Stage): Promise<{ keys: Key[] }> {
  const names = [
    "Billing service",
    "Coach dashboard backend",
    "Nightly export",
    "Partner: Northwind Clinic",
  ];
  const keys: Key[] = [];
  for (const name of names) keys.push(await api<Key>(stage, "POST", "/api-keys", { name }));
  const clients = ["curl/8.14.1", "openwearables-node/0.1.0", "python-requests/2.32.3"];
  const read = async (key: string, path: string, client: string) => {
    await fetch(`${stage.url}/api/v1${path}`, {
      headers: { Authorization: `Bearer ${key}`, "User-Agent": client },
    });
  };
  const { USER_ID: user, OPENWEARABLES_API_KEY: demo = "" } = stage.env;
  const workouts = `/users/${user}/events/workouts?start_date=2026-01-01&end_date=2027-01-01`;
  for (const [i, { key }] of keys.slice(0, 3).entries()) {
    for (let n = 0; n < 12 - 4 * i; n++) {
      await read(key, n % 3 ? workouts : "/users", clients[(i + n) % 3] ?? "");
    }
  }
  for (const path of ["/users", `/users/${user}`, "/api-keys", "/nothing"]) {
    await read(demo, path, "curl/8.14.1");
  }
  const history = {
    days: 30,
    operations: ["ListWorkouts", "GetUser", "ListUsers"],
    clients: ["node SDK 0", "curl/8", "python-requests/2"],
    networks: ["203.0.113.0/24", "198.51.100.0/24"],
  };
  await writeHistory(stage, [
    { subject: "account", ...history, keys: keys.map(({ id }) => id) },
    ...keys.slice(0, 3).map(({ id }) => ({ subject: `key:${id}`, ...history })),
  ]);
  const fenced = await createKey(stage, {
    name: "Warehouse",
    allowed_networks: ["203.0.113.0/24"],
  });
  await use(stage, fenced.key);
  await alerts(stage, 1);
  return { keys };
}
