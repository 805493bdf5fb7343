import assert from "node:assert/strict";
import { createKey, long, use } from "./credential.js";
import { writeHistory } from "./history.js";
import { assertGone } from "./secrets.js";
import { api, axe, login, type Stage, scenario, shot } from "./stage.js";
import { counted, many } from "./wait.js";

scenario("a key is rotated, and the old secret ended once nothing uses it", {}, async (stage) => {
  const { page } = stage;
  const made = await createKey(stage, { name: "Coach dashboard backend" });
  await use(stage, made.key, { times: 2 });
  await login(stage, `/keys/${made.id}`);
  await page.getByRole("button", { name: "Rotate", exact: true }).click();
  const dialog = page.getByRole("dialog");
  const overlap = dialog.getByLabel("The old secret goes on working for");
  assert.equal(await overlap.inputValue(), "86400");
  await axe(page);
  await shot(page, "key-rotate", [390, 1024]);
  await dialog.getByRole("button", { name: "Rotate" }).click();
  const secret = await dialog.getByLabel("API key").inputValue();
  assert.notEqual(secret, made.key);
  await axe(page);
  await dialog.getByRole("button", { name: "I have stored it" }).click();
  await dialog.waitFor({ state: "detached" });
  await assertGone(page, secret);

  await page.getByText("Rotation under way").waitFor();
  await page.getByText("Old secret not used yet").waitFor();
  await axe(page);
  await use(stage, made.key, { times: 3, path: "/users?limit=1" });
  await page.getByText("Old secret still in use").waitFor();
  await page.getByText("3 requests").waitFor();
  await page.getByText("The last request was by the old secret.").waitFor();
  await use(stage, secret, { client: "openwearables-ts/0.2.0 node/20" });
  await page.getByText("In use", { exact: true }).waitFor();
  await page
    .getByText(/TypeScript SDK 0.2.0/)
    .first()
    .waitFor();
  await axe(page);
  await shot(page, "key-rotating");

  // An hour later: the clock of the page alone goes on.
  const later = await stage.tab();
  await later.clock.install({ time: Date.now() + 2 * 3_600_000 });
  await stage.go(`/keys/${made.id}`, later);
  await later.getByText("Old secret not used for 2 hours").waitFor();
  await later
    .getByRole("button", { name: "End old secret" })
    .and(later.locator(".button-primary"))
    .waitFor();
  await axe(later);
  await shot(later, "key-rotated", [390, 1600]);
  await later.close();

  await page.getByRole("button", { name: "End old secret" }).click();
  await dialog
    .getByText(
      /It was used 3 times since the rotation, last .*, from (127.0.0.1|203.0.113.7) · Go SDK 0.1.0. Such requests will be refused./,
    )
    .waitFor();
  await axe(page);
  await shot(page, "key-end", [390, 1024]);
  assert.equal(await use(stage, made.key), 200);
  await dialog.getByRole("button", { name: "End old secret" }).click();
  await page.getByText("Old secret ended").waitFor();
  await page.getByText("Rotation under way").waitFor({ state: "detached" });
  assert.equal(await use(stage, made.key), 401);
  assert.equal(await use(stage, secret), 200);
  assert.ok(!stage.log().includes(secret), "the secret is in the log");

  // Again, from the list, and with no overlap.
  await stage.go("/keys");
  await page.getByRole("button", { name: "Actions of Coach" }).click();
  await page.getByRole("menuitem", { name: "Rotate…" }).click();
  await overlap.selectOption("0");
  await dialog.getByText("Whatever still uses the old secret is refused at once.").waitFor();
  await dialog.getByRole("button", { name: "Rotate" }).click();
  await dialog.getByLabel("API key").waitFor();
  assert.equal(await use(stage, secret), 401);
  await page.evaluate(() => history.pushState(null, "", "/team"));
  await page.getByText("Leave without saving?").waitFor(); // the secret is on the screen
  await page.getByRole("button", { name: "Stay" }).click();
  await dialog.getByRole("button", { name: "I have stored it" }).click();
  await page.waitForURL(`${stage.url}/keys/${made.id}`);
});

scenario("the page of a key shows its use, its details and its alerts", {}, async (stage) => {
  const { page } = stage;
  const made = await createKey(stage, {
    name: long,
    allowed_networks: ["127.0.0.0/8", "2001:db8::/48"],
  });
  await login(stage, `/keys/${made.id}`);
  await page.getByText("Not used yet").waitFor();
  await axe(page);
  await shot(page, "key-unused");
  await use(stage, made.key, { times: 3 });
  await page.getByRole("heading", { name: "Usage" }).waitFor(); // by itself
  const [demo] = await api<{ id: string }[]>(stage, "GET", "/api-keys?limit=1");
  assert.equal(demo?.id, made.id);
  await writeHistory(stage, [
    {
      subject: `key:${made.id}`,
      days: 90,
      operations: [
        "ListWorkouts",
        "ListUsers",
        "GetUser",
        "CreateUserToken",
        "UpdateUser",
        "CreateUser",
        "DeleteUser",
        "none",
      ],
      clients: [
        "openwearables-go/0.1.0",
        "openwearables-typescript/0.1.0",
        "python-requests/2",
        "curl/8",
      ],
      networks: ["203.0.113.0/24", "198.51.100.0/24", "2001:db8::/48", "unknown"],
    },
  ]);
  await use(stage, made.key, { path: "/users/none", times: 2 });
  await use(stage, made.key, {
    path: "/api-keys",
    client: "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
  });
  await page.reload();
  await page
    .getByText("97.1 %")
    .or(page.getByText(/9\d(\.\d)? %/))
    .first()
    .waitFor();
  await page.getByText("Firefox 141").first().waitFor();
  await axe(page);
  await shot(page, "key");
  for (const period of ["24 hours", "7 days", "90 days"]) {
    await page.getByText(period, { exact: true }).click();
    await page.getByText(`requests, ${period}`).first().waitFor();
  }
  assert.equal(page.url(), `${stage.url}/keys/${made.id}?period=90d`);
  await page.reload();
  await page.getByText("requests, 90 days").first().waitFor();
  const slider = page.getByRole("slider");
  await slider.focus();
  await page.keyboard.press("Home");
  assert.equal(await slider.getAttribute("aria-valuemax"), "89");
  await edit(stage, made.id);
});

/** Changes everything of the key whose page is open, then deletes it. */
async function edit(stage: Stage, id: string): Promise<void> {
  const { page } = stage;
  await page.getByRole("button", { name: "Edit" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Billing");
  await dialog.getByLabel("audit:read").uncheck();
  await dialog.getByLabel("Expires", { exact: true }).selectOption("90");
  await dialog.getByLabel("Allowed networks").fill("");
  await axe(page);
  await shot(page, "key-edit", [390, 1024]);
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { level: 1, name: "Billing" }).waitFor();
  await dialog.waitFor({ state: "detached" });
  await page.getByText("Everywhere", { exact: true }).waitFor();
  assert.equal(await page.getByText("audit:read", { exact: true }).count(), 0);
  const { expires_at } = await api<{ expires_at: string }>(stage, "GET", `/api-keys/${id}`);
  assert.equal(Math.round((Date.parse(expires_at) - Date.now()) / 86_400_000), 90);
  await page.getByRole("button", { name: "Actions of Billing" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await dialog.getByRole("textbox").fill("Billing");
  await dialog.getByRole("button", { name: "Delete key" }).click();
  await page.waitForURL(`${stage.url}/keys`);
  await page.getByText("Billing deleted").waitFor();
}

scenario("a key page without its server says so, and heals", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/keys");
  await page.getByRole("link", { name: "Demo backend" }).hover();
  await page.route(/KeyService\/GetKey/, (route) => route.abort());
  await page.getByRole("link", { name: "Demo backend" }).click();
  await page.getByText("The server cannot be reached.").first().waitFor();
  await axe(page);
  await shot(page, "key-error", [390, 1024]);
  await page.unroute(/KeyService\/GetKey/);
  await page.getByRole("heading", { level: 1, name: "Demo backend" }).waitFor();
});

scenario("a day of UTC has its own name in every zone", {}, async (stage) => {
  const made = await createKey(stage, { name: "Westward" });
  await use(stage, made.key);
  await counted(stage, `/api-keys/${made.id}`, 1);
  const west = await stage.context.browser()?.newContext({ timezoneId: "Pacific/Honolulu" });
  assert.ok(west);
  const page = await west.newPage();
  await login(stage, `/keys/${made.id}`, page);
  const read = await page.getByRole("slider").getAttribute("aria-valuetext");
  const today = new Date();
  const month = today.toLocaleString("en-US", { month: "short", timeZone: "UTC" });
  assert.ok(read?.includes(`, ${month} ${today.getUTCDate()}: 1 OK`), read ?? "");
  await west.close();
});

scenario("the chart and a long list cost little more script than the login", {}, async (stage) => {
  const ids: string[] = [];
  for (let n = 0; n < 101; n++) ids.push((await createKey(stage, { name: `Service ${n}` })).id);
  const made = await createKey(stage, { name: "Busy" });
  await use(stage, made.key);
  await writeHistory(stage, [
    {
      subject: `key:${made.id}`,
      days: 30,
      operations: ["ListWorkouts"],
      clients: ["curl/8"],
      networks: ["203.0.113.0/24"],
    },
  ]);
  const base = await script(stage, "/login", "Log in");
  await login(stage);
  const chart = await script(stage, `/keys/${made.id}`, "Busy");
  const list = await script(stage, "/keys", "API keys");
  console.log(`script of the login ${ms(base)}, the chart ${ms(chart)}, the list ${ms(list)}`);
  // The session, the shell and the parts of the page are in these as well.
  assert.ok(chart < 4 * base, `the chart takes ${ms(chart)}, the login ${ms(base)}`);
  assert.ok(list < 4 * base, `100 keys take ${ms(list)}, the login ${ms(base)}`);

  const { page } = stage;
  await page.getByText("Service 100", { exact: true }).waitFor();
  await many(page.locator("tbody tr"), 100);
  await page.getByRole("button", { name: "Show more" }).click();
  await page.getByRole("link", { name: "Demo backend" }).waitFor();
  await many(page.locator("tbody tr"), 103);
  await stage.go("/keys?q=service 0");
  await page.getByText("1 match", { exact: true }).waitFor(); // it is on the second page
});

const ms = (seconds: number) => `${Math.round(seconds * 1000)} ms`;

/** Returns the seconds of script until a page is quiet, the least of five loads. */
async function script(stage: Stage, path: string, title: string): Promise<number> {
  const devtools = await stage.context.newCDPSession(stage.page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const taken: number[] = [];
  for (let n = 0; n < 5; n++) {
    await stage.page.goto("about:blank");
    const before = await scripted();
    await stage.go(path);
    await stage.page.getByRole("heading", { level: 1, name: title }).waitFor();
    await stage.page.waitForLoadState("networkidle");
    taken.push((await scripted()) - before);
  }
  await devtools.detach();
  return Math.min(...taken);

  async function scripted(): Promise<number> {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "ScriptDuration")?.value ?? 0;
  }
}
