import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { assertGone } from "./secrets.js";
import { api, axe, login, type Stage, scenario, shot } from "./stage.js";
import { listed, many } from "./wait.js";

const heading = { level: 1 } as const;

/** Mints tokens of the demo user with the demo key, which begins a session. */
async function signIn(stage: Stage, agent: string): Promise<string> {
  const res = await fetch(`${stage.url}/api/v1/users/${stage.env.USER_ID}/token`, {
    method: "POST",
    headers: {
      "X-Open-Wearables-API-Key": stage.env.OPENWEARABLES_API_KEY ?? "",
      "User-Agent": agent,
    },
  });
  assert.equal(res.status, 200);
  return ((await res.json()) as { access_token: string }).access_token;
}

const range = "start_date=2026-01-01&end_date=9999-12-31";

/** Reads the workouts of a user as a backend does. */
async function readAs(
  stage: Stage,
  headers: Record<string, string>,
  query = range,
): Promise<number> {
  const path = `/api/v1/users/${stage.env.USER_ID}/events/workouts`;
  const res = await fetch(`${stage.url}${path}?${query}`, { headers });
  return res.status;
}

const keyOf = (stage: Stage) => ({
  "X-Open-Wearables-API-Key": stage.env.OPENWEARABLES_API_KEY ?? "",
});

async function tab(page: Page, name: string): Promise<void> {
  await page.getByRole("tab", { name }).click();
}

scenario("a user has a profile that can be edited", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/users");
  await page.getByRole("link", { name: "Demo Runner" }).click();
  await page.getByRole("heading", { ...heading, name: "Demo Runner" }).waitFor();
  await axe(page);
  await shot(page, "user-profile");
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Last name").fill("Walker");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { ...heading, name: "Demo Walker" }).waitFor();
});

scenario("sessions of a user are listed and ended", {}, async (stage) => {
  const { page } = stage;
  await login(stage, `/users/${stage.env.USER_ID}?tab=sessions`);
  await page.getByText("Signed in nowhere").waitFor();
  await axe(page);
  await shot(page, "user-sessions-none", [390, 1024]);
  const [one, two, three] = [
    await signIn(stage, "Demo iPhone"),
    await signIn(stage, "Demo Pixel"),
    await signIn(stage, `Demo tablet ${"x".repeat(200)}`),
  ];
  await page.reload();
  await page.getByText("3 sessions").waitFor();
  await axe(page);
  await shot(page, "user-sessions");
  await page.getByRole("button", { name: "End the session of Demo iPhone" }).click();
  await page.getByText("The person must sign in again on this device.").waitFor();
  await axe(page);
  await page.getByRole("button", { name: "End session" }).click();
  await page.getByText("2 sessions").waitFor();
  assert.equal(await readAs(stage, { Authorization: `Bearer ${one}` }), 401);
  assert.equal(await readAs(stage, { Authorization: `Bearer ${two}` }), 200);
  await page.getByRole("button", { name: "End all sessions" }).click();
  await page.getByText("The person must sign in again on every device.").waitFor();
  await axe(page);
  await shot(page, "user-sessions-end", [390, 1024]);
  await page.getByRole("dialog").getByRole("button", { name: "End all sessions" }).click();
  await page.getByText("Signed in nowhere").waitFor();
  for (const token of [two, three]) {
    assert.equal(await readAs(stage, { Authorization: `Bearer ${token}` }), 401);
  }
});

scenario("a session that is over already says so", {}, async (stage) => {
  const { page } = stage;
  await signIn(stage, "Demo iPhone");
  await login(stage, `/users/${stage.env.USER_ID}?tab=sessions`);
  await page.getByRole("button", { name: "End the session of Demo iPhone" }).click();
  await api(stage, "DELETE", `/users/${stage.env.USER_ID}/tokens`);
  await page.getByRole("button", { name: "End session" }).click();
  await page.getByRole("dialog").getByRole("alert").waitFor();
  await axe(page);
});

scenario("a test token is shown once and is nowhere afterwards", {}, async (stage) => {
  const { page } = stage;
  await login(stage, `/users/${stage.env.USER_ID}?tab=sessions`);
  await page.getByRole("button", { name: "Create test token" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Create test token" }).click();
  const token = await page.getByLabel("Access token", { exact: true }).inputValue();
  assert.equal(await readAs(stage, { Authorization: `Bearer ${token}` }), 200);
  await page.keyboard.press("Escape");
  await axe(page);
  await shot(page, "user-token", [390, 1024]);
  await page.getByRole("button", { name: "I have stored it" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await page.getByText("1 session").waitFor();
  await assertGone(page, token);
  assert.ok(!stage.log().includes(token), "the token is in the log");
});

scenario("a phone is paired with a code that is shown once", {}, async (stage) => {
  const { page } = stage;
  await login(stage, `/users/${stage.env.USER_ID}?tab=sessions`);
  await page.getByRole("button", { name: "Pair a phone" }).click();
  await axe(page);
  await page.getByRole("dialog").getByRole("button", { name: "Create code" }).click();
  const code = await page.getByLabel("Pairing code", { exact: true }).inputValue();
  assert.match(code, /^[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}$/);
  await page
    .getByRole("dialog")
    .getByText(/works once, until \w/)
    .waitFor();
  await page.keyboard.press("Escape");
  await axe(page);
  await shot(page, "user-pairing", [390, 1440]);
  await page.getByRole("button", { name: "I have stored it" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await assertGone(page, code);
  assert.ok(!stage.log().includes(code.replace("-", "")), "the code is in the log");
  const redeem = () =>
    fetch(`${stage.url}/api/v1/invitation-code/redeem`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code: code.toLowerCase() }),
    });
  const paired = (await (await redeem()).json()) as { user_id: string; access_token: string };
  assert.equal(paired.user_id, stage.env.USER_ID);
  assert.equal(await readAs(stage, { Authorization: `Bearer ${paired.access_token}` }), 200);
  assert.equal((await redeem()).status, 404);
  await page.reload();
  await page.getByText("1 session").waitFor();
});

scenario("workouts have bars by week and a list", {}, async (stage) => {
  const { page } = stage;
  await login(stage, `/users/${stage.env.USER_ID}`);
  await tab(page, "Workouts");
  await page.getByText("32 workouts in 12 weeks").waitFor();
  const weeks = page.getByRole("list", { name: "Time a week, 12 weeks" });
  await many(weeks.getByRole("listitem"), 12);
  await weeks
    .getByText(/Week of \w+ \d+: \d+ workouts, \d+ h/)
    .first()
    .waitFor({ state: "attached" });
  await page.getByText("Long run").first().waitFor();
  await axe(page);
  await shot(page, "user-workouts");
  const { id } = await api<{ id: string }>(stage, "POST", "/users", { first_name: "Nobody" });
  await stage.go(`/users/${id}?tab=workouts`);
  await page.getByText("No workouts yet").waitFor();
  await axe(page);
  await shot(page, "user-workouts-none", [390, 1024]);
});

scenario("who read this user's data", {}, async (stage) => {
  const { page } = stage;
  await login(stage, `/users/${stage.env.USER_ID}?tab=access`);
  await page.getByText("Nobody has read this person’s data.").waitFor();
  await axe(page);
  await shot(page, "user-access-none", [390, 1024]);
  const token = await signIn(stage, "Demo iPhone");
  assert.equal(await readAs(stage, { ...keyOf(stage), "User-Agent": "=cmd|' /C calc'!A0" }), 200);
  assert.equal(await readAs(stage, keyOf(stage), "start_date=2026-03-01&end_date=2026-03-07"), 200);
  assert.equal(await readAs(stage, { Authorization: `Bearer ${token}` }), 200);
  await listed(stage, 3);
  await page.reload();
  await page.getByText("3 reads").waitFor();
  await page.getByText("Reads 1 to 3 are here without a gap.").waitFor();
  await page.getByText(/Demo backend read 0 workouts, Mar 1 to Mar 7/).waitFor();
  await page.getByText(/The person read 32 workouts/).waitFor();
  await axe(page);
  await shot(page, "user-access");

  await page.getByLabel("Reader").selectOption({ label: "Demo backend" });
  await page.getByText("2 reads").waitFor();
  await page.getByText("7 days").click();
  await page.waitForURL(/period=7/);
  const other = await stage.tab(); // the same address shows a colleague the same
  await other.goto(page.url());
  await other.getByText("2 reads").waitFor();
  await other.close();

  const csv = await exported(page, "As CSV, for a spreadsheet");
  assert.equal(csv.trim().split("\r\n").length, 3);
  assert.match(csv, /^number,at,actor,operation,/);
  assert.ok(csv.includes("'=cmd|"), csv);
  const lines = (await exported(page, "As JSON Lines")).trim().split("\n");
  const first = JSON.parse(lines[0] ?? "{}");
  assert.match(first.actor, /^key:/);
  assert.equal(first.operation, "ListWorkouts");

  await page.getByLabel("Reader").selectOption({ label: "dev@example.com" });
  await page.getByText("No read with these filters.").waitFor();
  await axe(page);
  await shot(page, "user-access-no-match", [390, 1024]);
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.getByText("3 reads").waitFor();
  await page.getByRole("link", { name: "Demo backend" }).first().click();
  await page.waitForURL(/\/keys\/key_/);
});

async function exported(page: Page, item: string): Promise<string> {
  await page.getByRole("button", { name: "Export" }).click();
  const download = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: item }).click();
  return readFileSync(await (await download).path(), "utf8");
}

scenario("a long access log is searched page by page", {}, async (stage) => {
  const { page } = stage;
  await api(stage, "GET", `/users/${stage.env.USER_ID}/events/workouts?${range}`);
  let left = 2_100;
  const reader = async () => {
    while (left-- > 0)
      assert.equal(
        await readAs(stage, keyOf(stage), "start_date=2026-03-01&end_date=2026-03-01"),
        200,
      );
  };
  await Promise.all(Array.from({ length: 16 }, reader));
  await listed(stage, 2_101);
  await login(stage, `/users/${stage.env.USER_ID}?tab=access`);
  await page.getByText("100 reads or more").waitFor();
  await page.getByText("Reads 2,002 to 2,101 are here without a gap.").waitFor();
  await page.getByRole("button", { name: "Show more" }).click();
  await page.getByRole("row").nth(200).waitFor();
  await page.getByLabel("Reader").selectOption({ label: "dev@example.com" });
  await page.getByText("None of the newest 2,000 reads matches.").waitFor({ timeout: 60_000 });
  await axe(page);
  await shot(page, "user-access-further", [390, 1024]);
  await page.getByRole("button", { name: "Look further back" }).click();
  await page.getByText("1 read", { exact: true }).waitFor();
  await page.getByText("Reads 1 to 2,101 are here without a gap.").waitFor();
});

scenario("what is missing in the access log is told", {}, async (stage) => {
  const { page } = stage;
  for (let n = 0; n < 5; n++) await readAs(stage, keyOf(stage));
  await listed(stage, 5);
  // Somebody took two reads out of the middle.
  await page.route(/ListUserAccesses/, async (route) => {
    const response = await route.fetch();
    const { items, ...rest } = await response.json();
    const left = items.filter(({ number }: { number: number }) => number < 3 || number > 4);
    await route.fulfill({ response, json: { ...rest, items: left } });
  });
  await login(stage, `/users/${stage.env.USER_ID}?tab=access`);
  await page.getByText("reads 3 to 4 are missing").waitFor();
  await axe(page);
  await shot(page, "user-access-gap", [390, 1024]);
  await page.unroute(/ListUserAccesses/);

  await api(stage, "PATCH", "/alert-rules/ledger_broken", { enabled: false });
  await page.reload();
  await page.getByText("The server’s own check is switched off.").waitFor();

  await page.route(/ListAlerts/, async (route) => {
    const response = await route.fetch();
    const alert = {
      id: "00000000-0000-4000-8000-000000000000",
      rule: "ledger_broken",
      subject: `user:${stage.env.USER_ID}`,
      state: "open",
      message: "The ledger of who read a user's data is broken: entry 3 was changed.",
      openedAt: new Date().toISOString(),
      lastSeenAt: new Date().toISOString(),
    };
    await route.fulfill({ response, json: { items: [alert] } });
  });
  await page.reload();
  await page.getByText("The record was changed by somebody.").waitFor();
  await axe(page);
});

scenario("the reads of a user who was deleted are kept", {}, async (stage) => {
  const { page } = stage;
  await readAs(stage, keyOf(stage));
  await listed(stage, 1);
  await login(stage, `/users/${stage.env.USER_ID}`);
  await page.getByRole("button", { name: "Actions of Demo Runner" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByLabel("to go on").fill("Demo Runner");
  await page.getByRole("button", { name: "Delete user" }).click();
  await page.waitForURL(`${stage.url}/users`);
  await page.getByText("No users yet").waitFor();
  await axe(page);
  await shot(page, "users-none", [390, 1024]);
  await stage.go(`/users/${stage.env.USER_ID}`);
  await page.getByRole("heading", { ...heading, name: "A user who was deleted" }).waitFor();
  await page.getByText(/Demo backend read 32 workouts/).waitFor();
  await axe(page);
  await shot(page, "user-deleted", [390, 1024]);
});

scenario("a user that never was, and an address that is none", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/users/00000000-0000-4000-8000-000000000000");
  await page.getByText("There is no such user.").waitFor();
  await axe(page);
  await stage.go("/users/hello");
  await page.getByText("There is no such user.").waitFor();
});
