import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { api, axe, login, type Stage, scenario, shot } from "./stage.js";
import { copied, many } from "./wait.js";

const trail = (page: Page) => page.getByRole("list", { name: "Audit trail" });
const rows = (page: Page) => trail(page).locator("> li");

/** A login that is refused, which the trail has. */
async function refuse(stage: Stage): Promise<void> {
  const res = await fetch(`${stage.url}/api/v1/auth/login`, {
    method: "POST",
    body: new URLSearchParams({ username: stage.env.EMAIL ?? "", password: "not the password" }),
  });
  assert.equal(res.status, 401);
}

scenario("the trail is in sentences, each of which opens to its record", {}, async (stage) => {
  const { page } = stage;
  await refuse(stage);
  const { id } = await api<{ id: string }>(stage, "POST", "/users", { first_name: "Ada" });
  await login(stage, "/audit");
  const created = rows(page).filter({ hasText: `created the user ${id.slice(0, 13)}` });
  await created.getByText("dev@example.com").first().waitFor();
  await rows(page).filter({ hasText: "Refused: invalid credentials" }).first().waitFor();
  await axe(page);
  await shot(page, "audit");

  const toggle = created.getByRole("button", {
    name: /Record: dev@example.com created the user/,
  });
  await toggle.focus();
  await page.keyboard.press("Enter");
  await created.getByText(`"subject": "user:${id}"`).waitFor();
  assert.equal(await toggle.getAttribute("aria-expanded"), "true");
  await axe(page);
  await shot(page, "audit-record");
  const link = await copied(created.getByRole("button", { name: "Copy link of this event" }));

  // The address shows the event first, however many have come since.
  for (const first_name of ["Grace", "Joan"]) await api(stage, "POST", "/users", { first_name });
  const other = await stage.tab();
  await other.goto(link);
  await rows(other).first().getByText(`"subject": "user:${id}"`).waitFor();
  await other.getByText("Before", { exact: true }).waitFor();
  await axe(other);
  await other.close();

  const nowhere = await stage.tab();
  await stage.go("/audit?event=00000000-0000-4000-8000-000000000000", nowhere);
  await nowhere.getByText("The event of this address is not among these").waitFor();
  await axe(nowhere);
  await nowhere.close();

  await created.getByRole("button", { name: "Only this subject" }).click();
  await page.waitForURL(/subject=user/);
  await many(rows(page), 1);
  await page.getByText("created the user").waitFor();
});

scenario("filters of the trail are in the address", {}, async (stage) => {
  const { page } = stage;
  await refuse(stage);
  await login(stage, "/audit");
  await page.getByLabel("Outcome").selectOption({ label: "Refused: invalid credentials" });
  await page.waitForURL(/outcome=invalid_credentials/);
  await page.getByText("tried to log in as").waitFor();
  await page.getByLabel("Action").selectOption({ label: "Session: login" });
  await page.getByText("24 hours").click();
  await page.waitForURL(/period=1/);
  const other = await stage.tab();
  await other.goto(page.url());
  await other.getByText("tried to log in as").waitFor();
  assert.equal(await other.getByLabel("Action").inputValue(), "session.login");
  await other.close();
  await axe(page);
  await shot(page, "audit-filters");

  await page.getByRole("combobox", { name: "Actor" }).selectOption({ label: "Demo app" });
  await page.getByText("No event in this period with these filters.").waitFor();
  await axe(page);
  await shot(page, "audit-no-match", [390, 1024]);
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.waitForURL(`${stage.url}/audit`);
  await page.getByText("created the key").first().waitFor();
});

scenario("the trail is exported as the filters leave it", {}, async (stage) => {
  const { page } = stage;
  const bodies = Array.from({ length: 130 }, (_, n) => ({ first_name: `User ${n}` }));
  for (const body of bodies) {
    const res = await fetch(`${stage.url}/api/v1/users`, {
      method: "POST",
      headers: {
        "X-Open-Wearables-API-Key": stage.env.OPENWEARABLES_API_KEY ?? "",
        "Content-Type": "application/json",
        "User-Agent": '@SUM(1,2) "quoted"',
      },
      body: JSON.stringify(body),
    });
    assert.equal(res.status, 201);
  }
  await login(stage, "/audit?action=user.create");
  await rows(page).nth(99).waitFor();
  await page.getByRole("button", { name: "Show more" }).click();
  await rows(page).nth(130).waitFor(); // with the demo user
  const lines = (await exported(page, "As JSON Lines")).trim().split("\n");
  assert.equal(lines.length, 131);
  const whole = lines.map((line) => JSON.parse(line));
  assert.ok(whole.every((event) => event.action === "user.create" && event.at && event.id));
  assert.ok(whole.some((event) => event.request_id && event.ip));
  const csv = (await exported(page, "As CSV, for a spreadsheet")).trim().split("\r\n");
  assert.equal(csv.length, 132);
  assert.equal(csv[0], "id,at,action,outcome,actor,subject,ip,client,request_id,occurrences");
  assert.ok(csv[1]?.includes(`"'@SUM(1,2) ""quoted"""`), csv[1]);
});

scenario("a search that has found nothing yet goes on", {}, async (stage) => {
  const { page } = stage;
  for (let n = 0; n < 101; n++) {
    const res = await fetch(`${stage.url}/api/v1/users`, {
      method: "POST",
      headers: {
        "X-Open-Wearables-API-Key": stage.env.OPENWEARABLES_API_KEY ?? "",
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ external_user_id: `app-${n}` }),
    });
    assert.equal(res.status, 201);
  }
  // As where the newest events are many and none of them is searched for.
  await page.route(
    /ListAuditEvents/,
    async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), items: [] } });
    },
    { times: 1 },
  );
  await login(stage, "/audit?action=user.create");
  await page.getByText("No event yet with these filters.").waitFor();
  await axe(page);
  await shot(page, "audit-further", [390, 1024]);
  await page.getByRole("button", { name: "Look further back" }).click();
  await many(rows(page), 2); // one of them is the demo user
});

async function exported(page: Page, item: string): Promise<string> {
  await page.getByRole("button", { name: "Export" }).click();
  const download = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: item }).click();
  return readFileSync(await (await download).path(), "utf8");
}
