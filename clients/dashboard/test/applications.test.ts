import assert from "node:assert/strict";
import { long, row } from "./credential.js";
import { assertGone } from "./secrets.js";
import { run } from "./snippets.js";
import { api, axe, login, type Stage, scenario, shot } from "./stage.js";
import { copied, counted, rested } from "./wait.js";

interface Made {
  app_id: string;
  app_secret: string;
}

/** Exchanges a secret for the tokens of the demo's user, as a backend does. */
async function exchange(stage: Stage, appId: string, secret: string): Promise<number> {
  const res = await fetch(`${stage.url}/api/v1/users/${stage.env.USER_ID}/token`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "User-Agent": "openwearables-go/0.1.0" },
    body: JSON.stringify({ app_id: appId, app_secret: secret }),
  });
  await res.arrayBuffer();
  return res.status;
}

scenario("an application is created, and its page says that it is used", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/applications");
  await row(stage, "app_").first().waitFor();
  await axe(page);
  await page.getByRole("button", { name: "Create application" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Create application" }).click();
  await dialog.getByText("Give the application a name.").waitFor();
  await axe(page);
  await shot(page, "application-create", [390, 1024]);
  await dialog.getByLabel("Name").fill("Coach app");
  await page.keyboard.press("Enter");
  const secret = await dialog.getByLabel("Application secret").inputValue();
  assert.match(secret, /^secret_\w+$/);
  await axe(page);
  await dialog.getByRole("button", { name: "I have stored it" }).click();
  await dialog.getByText("Waiting for the first exchange…").waitFor();
  await axe(page);
  await shot(page, "application-snippets");
  const codes: Record<string, string> = {};
  for (const language of ["Go", "TypeScript", "curl"]) {
    await dialog.getByRole("tab", { name: language }).click();
    codes[language] = await copied(dialog.getByRole("button", { name: `Copy ${language} code` }));
  }
  await dialog.getByRole("button", { name: "Done" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.evaluate(() => navigator.clipboard.writeText(""));
  await assertGone(page, secret);

  await page.getByRole("link", { name: "Coach app" }).click();
  await page.getByText("Not used yet").waitFor();
  await axe(page);
  await shot(page, "application-unused");
  const pair = JSON.parse((await run.curl?.(codes.curl ?? "")) ?? "") as { access_token?: string };
  assert.ok(pair.access_token);
  await page.getByRole("heading", { name: "Usage" }).waitFor(); // by itself
  await page.getByText("1 so far").waitFor();
  await page.getByText("CreateUserToken").waitFor();
  await axe(page);
  await shot(page, "application");
  for (const language of ["Go", "TypeScript"]) {
    assert.match((await run[language]?.(codes[language] ?? "")) ?? "", /access_?token/i, language);
  }
  assert.ok(!stage.log().includes(secret), "the secret is in the log");

  const { app_id } = JSON.parse(
    Buffer.from(pair.access_token.split(".")[1] ?? "", "base64url").toString(),
  );
  await counted(stage, `/applications/${app_id}`, 3);
  await page.getByRole("button", { name: "Actions of Coach app" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await dialog.getByText("3 requests came with its secret").waitFor();
  await axe(page);
  await shot(page, "application-delete", [390]);
  await dialog.getByRole("textbox").fill("Coach app");
  await dialog.getByRole("button", { name: "Delete application" }).click();
  await page.waitForURL(`${stage.url}/applications`);
  await page.getByText("Coach app deleted").waitFor();
  await row(stage, "Coach app").waitFor({ state: "detached" });
  const me = await fetch(`${stage.url}/api/v1/users/${stage.env.USER_ID}`, {
    headers: { Authorization: `Bearer ${pair.access_token}` },
  });
  assert.equal(me.status, 401);
});

scenario("an application is rotated, and its old secret ended", {}, async (stage) => {
  const { page } = stage;
  const made = await api<Made>(stage, "POST", "/applications", { name: long });
  assert.equal(await exchange(stage, made.app_id, made.app_secret), 200);
  await login(stage, "/applications");
  await row(stage, "A very long").getByText("1", { exact: true }).first().waitFor();
  await page.getByRole("button", { name: "Actions of A very long" }).click();
  await page.getByRole("menuitem", { name: "Rename…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Mobile");
  await page.keyboard.press("Enter");
  await row(stage, "Mobile").waitFor();
  await page.getByRole("button", { name: "Actions of Mobile" }).click();
  await page.getByRole("menuitem", { name: "Rotate…" }).click();
  await dialog.getByRole("button", { name: "Rotate" }).click();
  const secret = await dialog.getByLabel("Application secret").inputValue();
  await dialog.getByRole("button", { name: "I have stored it" }).click();
  await page.waitForURL(`${stage.url}/applications/${made.app_id}`);
  await page.getByText("Old secret not used yet").waitFor();
  await assertGone(page, secret);
  assert.equal(await exchange(stage, made.app_id, made.app_secret), 200);
  assert.equal(await exchange(stage, made.app_id, secret), 200);
  await page.getByText("Old secret still in use").waitFor();
  await page.getByText("1 request", { exact: true }).waitFor();
  await axe(page);
  await shot(page, "application-rotating");
  await page.getByRole("button", { name: "End old secret" }).click();
  await dialog.getByText(/It was used once since the rotation/).waitFor();
  await dialog.getByRole("button", { name: "End old secret" }).click();
  await page.getByText("Old secret ended").waitFor();
  assert.equal(await exchange(stage, made.app_id, made.app_secret), 401);
  assert.equal(await exchange(stage, made.app_id, secret), 200);

  await stage.go("/applications");
  await row(stage, "Mobile").waitFor();
  await axe(page);
  await shot(page, "applications");
  await page.getByRole("textbox", { name: "Search applications" }).fill("nothing like it");
  await page.getByText("No application matches").waitFor();
  await axe(page);
  await page.getByRole("button", { name: "Clear the search" }).click();
  await page.getByText("2 applications").waitFor();
  for (const path of ["/applications/app_none", "/applications/none"]) {
    await stage.go(path);
    await page.getByText("There is no such application.").waitFor();
  }
});

scenario("without any application the page says how to begin", {}, async (stage) => {
  const { page } = stage;
  const all = await api<{ app_id: string }[]>(stage, "GET", "/applications");
  for (const { app_id } of all) await api(stage, "DELETE", `/applications/${app_id}`);
  await login(stage, "/applications");
  await page.getByText("No applications yet").waitFor();
  await axe(page);
  await shot(page, "applications-empty", [390, 1024]);
  await rested(page);
  await stage.stop();
  await page.getByRole("button", { name: "Create application" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Waits");
  await page.keyboard.press("Enter");
  await page
    .getByText("No connection.")
    .or(page.getByText("The server cannot be reached."))
    .first()
    .waitFor();
  await stage.again();
});
