import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { createKey, long, row, use } from "./credential.js";
import { assertGone } from "./secrets.js";
import { api, axe, login, scenario, shot } from "./stage.js";
import { copied, counted, focusOn, many } from "./wait.js";

scenario("a key is created, stored, and its row says that it is used", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/keys");
  await row(stage, "Demo backend").first().waitFor();
  await axe(page);

  await page.getByRole("button", { name: "Create key" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").waitFor();
  await axe(page);
  await shot(page, "key-create");
  await dialog.getByRole("button", { name: "Create key" }).click();
  await dialog.getByText("Give the key a name.").waitFor();
  await dialog.getByLabel("Name").fill("Billing service");
  await dialog.getByLabel("Allowed networks").fill("203.0.113.0/33");
  await dialog.getByRole("button", { name: "Create key" }).click();
  await dialog.locator(".note-bad").waitFor(); // the server says what is wrong with the network
  await axe(page);
  await shot(page, "key-create-refused", [390]);
  await dialog.getByLabel("Allowed networks").fill("127.0.0.0/8\n::1\n203.0.113.0/24");
  await dialog.getByLabel("users:write").uncheck();
  await dialog.getByRole("button", { name: "Create key" }).click();

  const secret = await dialog.getByLabel("API key").inputValue();
  assert.match(secret, /^ow_live_\w+$/);
  await page.keyboard.press("Escape");
  assert.equal(await dialog.count(), 1, "Escape loses the secret");
  await axe(page);
  await shot(page, "key-secret");
  assert.equal(await copied(dialog.getByRole("button", { name: "Copy" })), secret);
  await dialog.getByRole("button", { name: "I have stored it" }).click();
  await dialog.getByText("Waiting for the first request…").waitFor();
  await axe(page);
  await shot(page, "key-snippets");
  await dialog.getByRole("tab", { name: "curl" }).click();
  const pasted = await copied(dialog.getByRole("button", { name: "Copy curl code" }));
  await dialog.getByRole("button", { name: "Done" }).click();
  await dialog.waitFor({ state: "detached" });
  await assertGone(page, secret);
  await page.evaluate(() => navigator.clipboard.writeText(""));

  await row(stage, "Billing service").getByText("Never used").waitFor();
  await promisify(execFile)("bash", ["-c", pasted]);
  await row(stage, "Billing service").getByText("just now").first().waitFor();
  await row(stage, "Billing service")
    .getByText(/(127\.0\.0\.1|::1|203\.0\.113\.7) · curl/)
    .waitFor();
  const [key] = await api<{ scopes: string[]; allowed_networks: string[] }[]>(
    stage,
    "GET",
    "/api-keys",
  );
  assert.ok(key);
  const { scopes, allowed_networks } = key;
  assert.ok(!scopes.includes("users:write") && scopes.includes("users:read"));
  assert.deepEqual(allowed_networks, ["127.0.0.0/8", "::1/128", "203.0.113.0/24"]);
  assert.ok(!stage.log().includes(secret), "the secret is in the log");
});

scenario("keys are filtered, searched and told apart", {}, async (stage) => {
  const { page } = stage;
  const hour = 3_600_000;
  const soon = new Date(Date.now() + 9 * 24 * hour + hour).toISOString();
  const coach = await createKey(stage, { name: "Coach dashboard backend" });
  await use(stage, coach.key, { times: 12 });
  await api(stage, "POST", `/api-keys/${coach.id}/rotate`, { overlap_seconds: 86_400 });
  const partner = await createKey(stage, { name: "Partner: Northwind Clinic", expires_at: soon });
  await use(stage, partner.key, { client: "python-requests/2.32" });
  const load = await createKey(stage, { name: "Load test", environment: "test" });
  await api(stage, "PATCH", `/api-keys/${load.id}`, { enabled: false });
  await createKey(stage, { name: long });
  const short = await createKey(stage, {
    name: "Short",
    expires_at: new Date(Date.now() + 10_000).toISOString(),
  });
  assert.equal(await use(stage, short.key), 200);

  await login(stage, "/keys");
  await row(stage, "Coach").getByText("12", { exact: true }).waitFor();
  await row(stage, "Coach").getByText("Rotating").waitFor();
  await row(stage, "Northwind").getByText("Expires in 9 days").waitFor();
  await row(stage, "Northwind").getByText("python-requests 2.32").waitFor();
  await row(stage, "Short").getByText("Expired").waitFor({ timeout: 30_000 });
  await axe(page);
  await shot(page, "keys");

  const rows = page.getByRole("row");
  for (const [chip, name, n] of [
    ["Active", "Coach", 5],
    ["Rotating", "Coach", 2],
    ["Expiring", "Northwind", 2],
    ["Unused", "A very long", 3],
    ["Disabled", "Load test", 2],
    ["Expired", "Short", 2],
  ] as const) {
    await page.getByRole("button", { name: chip, exact: true }).click();
    await page.waitForURL(`${stage.url}/keys?state=${chip.toLowerCase()}`);
    await row(stage, name).waitFor();
    await many(rows, n);
  }
  await page.getByRole("button", { name: "Expired", exact: true }).click();
  await page.waitForURL(`${stage.url}/keys`);
  await page.getByRole("textbox", { name: "Search keys" }).fill("northWIND");
  await page.getByText("1 match", { exact: true }).waitFor();
  await page.getByRole("textbox", { name: "Search keys" }).fill(coach.key);
  await page.getByText(`No key matches “${coach.key.slice(0, 12)}”.`).waitFor();
  await assertGone(page, coach.key); // it was rotated: the prefix is another
  await axe(page);
  await shot(page, "keys-no-match", [390, 1024]);
  await page.getByRole("button", { name: "Clear the search" }).click();
  await page.getByText("6 keys", { exact: true }).waitFor();
  await stage.go("/keys?state=disabled");
  await row(stage, "Load test").waitFor();
});

scenario(
  "a key is renamed, disabled, enabled again and deleted from its row",
  {},
  async (stage) => {
    const { page } = stage;
    const made = await createKey(stage, { name: "Importer" });
    await use(stage, made.key, { times: 3 });
    await counted(stage, `/api-keys/${made.id}`, 3);
    await login(stage, "/keys");
    const menu = (name: string) => page.getByRole("button", { name: `Actions of ${name}` });
    await menu("Importer").click();
    await axe(page);
    await page.getByRole("menuitem", { name: "Rename…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Nightly importer");
    await axe(page);
    await page.keyboard.press("Enter");
    await row(stage, "Nightly importer").waitFor();
    await focusOn(page, "Actions of Nightly importer");

    await menu("Nightly importer").click();
    await page.getByRole("menuitem", { name: "Disable" }).click();
    await row(stage, "Nightly importer").getByText("Disabled").waitFor();
    await page.getByText("Nightly importer disabled").waitFor();
    assert.equal(await use(stage, made.key), 401);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("Nightly importer enabled").waitFor();
    assert.equal(await use(stage, made.key), 200);

    await api(stage, "PATCH", `/api-keys/${made.id}`, { enabled: false });
    await menu("Nightly importer").click();
    await page.getByRole("menuitem", { name: "Delete…" }).click();
    await dialog
      .getByText(/It was used for \d requests in the last hour, last just now from 127.0.0.1/)
      .waitFor();
    await axe(page);
    await shot(page, "key-delete", [390, 1024]);
    await dialog.getByRole("textbox").fill("importer");
    await dialog.getByRole("button", { name: "Delete key" }).click();
    await dialog.getByText("This is not the name.").waitFor();
    await dialog.getByRole("textbox").fill("Nightly importer");
    await dialog.getByRole("button", { name: "Delete key" }).click();
    await page.getByText("Nightly importer deleted").waitFor();
    await row(stage, "Nightly importer").waitFor({ state: "detached" });
    assert.equal(await use(stage, made.key), 401);
  },
);

scenario("what fails leaves a key as it was", {}, async (stage) => {
  const { page } = stage;
  const made = await createKey(stage, { name: "Gone soon" });
  await login(stage, "/keys");
  await row(stage, "Gone soon").waitFor();
  await api(stage, "DELETE", `/api-keys/${made.id}`);
  await page.getByRole("button", { name: "Actions of Gone soon" }).click();
  await page.getByRole("menuitem", { name: "Disable" }).click();
  await page
    .getByText(/not found/i)
    .first()
    .waitFor();
  await row(stage, "Gone soon").getByText("Active").waitFor();
  await stage.go(`/keys/${made.id}`);
  await page.getByText("There is no such key.").waitFor();
  await axe(page);
  await stage.go("/keys/not-a-key");
  await page.getByText("There is no such key.").waitFor();
});

scenario("without any key the page says how to begin", { fresh: true }, async (stage) => {
  const { page } = stage;
  const token = stage.setupUrl.split("#")[1] ?? "";
  await page.goto(`${stage.url}/setup#${token}`);
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByLabel("Password", { exact: true }).fill("a violet otter in a canyon");
  await page.getByRole("button", { name: "Create developer" }).click();
  await page.getByRole("heading", { name: "Create your first key" }).waitFor();
  await stage.go("/keys");
  await page.getByText("No keys yet").waitFor();
  await axe(page);
  await shot(page, "keys-empty", [390, 1024]);
  await page.getByRole("button", { name: "Create key" }).click();
  await page.getByRole("dialog").getByLabel("Name").waitFor();
});
