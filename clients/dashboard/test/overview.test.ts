import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { alerts } from "./alerts.js";
import { createKey, long, use } from "./credential.js";
import { writeHistory } from "./history.js";
import { api, axe, login, scenario, shot } from "./stage.js";
import { copied, until } from "./wait.js";

scenario("the overview leads through the first steps", {}, async (stage) => {
  const { page } = stage;
  await login(stage);
  const steps = page.getByRole("region", { name: "First steps" });
  await steps.getByText("2 of 4 are done.").waitFor(); // the demo has a key and an application
  await page.getByText("No requests yet").waitFor();
  await steps.getByRole("link", { name: "Choose a key" }).waitFor();
  await axe(page);
  await shot(page, "overview-first");

  const pasted = (await copied(page.getByRole("button", { name: "Copy curl code" }))).replace(
    "THE_SECRET_OF_A_KEY",
    stage.env.OPENWEARABLES_API_KEY ?? "",
  );
  execFileSync("bash", ["-c", pasted], { stdio: "ignore" });
  await steps.getByText("3 of 4 are done.").waitFor(); // by itself
  await page.getByText("No requests yet").waitFor({ state: "detached" });
  await page.getByRole("heading", { name: "Requests" }).waitFor();
  await api(stage, "POST", "/invitations", { email: "grace@example.com" });
  await page.reload();
  await page.getByRole("heading", { name: "Needs attention" }).waitFor();
  await page.getByText("Nothing. Rules are watching").waitFor();
  await page.getByRole("link", { name: "Demo backend" }).waitFor();
  assert.equal(await steps.count(), 0, "the steps are done");
});

scenario("the first steps are hidden for good", {}, async (stage) => {
  const { page } = stage;
  await login(stage);
  const steps = page.getByRole("region", { name: "First steps" });
  await steps.getByRole("button", { name: "Hide" }).click();
  await steps.waitFor({ state: "detached" });
  await page.reload();
  await page.getByText("No requests yet").waitFor();
  await page.getByText("in total").waitFor();
  assert.equal(await steps.count(), 0);
});

const flags = ["--alert-interval=1s"];

scenario("the overview shows today, yesterday and what needs a look", { flags }, async (stage) => {
  const { page } = stage;
  const days = (n: number) => new Date(Date.now() + n * 86_400_000 + 3_600_000).toISOString();
  const busy = await createKey(stage, { name: long });
  const soon = await createKey(stage, { name: "Partner: Northwind Clinic", expires_at: days(9) });
  const twin = await createKey(stage, { name: "Partner: Northwind Clinic" });
  const names = ["ListWorkouts", "GetUser"];
  const history = { days: 7, operations: names, clients: ["curl/8"], networks: ["203.0.113.0/24"] };
  await writeHistory(stage, [
    {
      subject: "account",
      ...history,
      keys: [busy.id, soon.id, twin.id, "key_000000000000000000000000"],
    },
    { subject: `key:${busy.id}`, ...history },
  ]);
  await use(stage, busy.key, { times: 7 });
  await use(stage, soon.key, { times: 3 });
  await use(stage, twin.key, { times: 2, path: "/users/none" });

  const fenced = await createKey(stage, { name: "Fenced", allowed_networks: ["203.0.113.0/24"] });
  assert.equal(await use(stage, fenced.key), 403);
  await alerts(stage, 1);
  await login(stage);
  const figures = page.locator(".stats");
  await figures.getByText(/yesterday [12],\d{3}/).waitFor();
  await figures.getByText(/^1[23]$/).waitFor();
  await figures.getByText(/^[23]$/).waitFor();
  const needs = page.getByRole("region", { name: "Needs attention" });
  await needs.getByText("Partner: Northwind Clinic expires in 9 days.", { exact: true }).waitFor();
  const used = page.getByRole("region", { name: "Most used keys" });
  await used.getByText("Deleted: key_000000000000000000000000").waitFor();
  await used.getByText("Partner: Northwind Clinic (2)").waitFor();
  await axe(page);
  await shot(page, "overview");
  await needs.getByRole("link", { name: /Look.*Fenced/ }).click();
  await page.waitForURL(`${stage.url}/keys/${fenced.id}`);
  await page.getByRole("region", { name: "Recent alerts" }).getByText("Open").waitFor();
  await page.getByRole("heading", { name: "Usage" }).waitFor(); // what was refused is a use
  await axe(page);
  await shot(page, "key-alert", [390, 1024]);
});

scenario("the overview says what it cannot read, and tries again", {}, async (stage) => {
  const { page } = stage;
  await page.route(/UsageService\/GetUsage/, (route) =>
    route.fulfill({ status: 503, contentType: "application/json", body: '{"code":"unavailable"}' }),
  );
  await login(stage);
  await page
    .getByText("The server is not available for the moment.")
    .first()
    .waitFor({ timeout: 40_000 });
  await axe(page);
  await shot(page, "overview-error", [390, 1024]);
  await page.unroute(/UsageService\/GetUsage/);
  const again = page.getByRole("button", { name: "Try again" });
  const read = page.getByText(/yesterday \d/).first();
  await until("the figures to be read", async () => {
    await again
      .first()
      .click({ timeout: 1_000 })
      .catch(() => {}); // it may have gone meanwhile
    return read.isVisible();
  });
});
