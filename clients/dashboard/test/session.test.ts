import assert from "node:assert/strict";
import { account, api, axe, fillLogin, login, scenario, shot } from "./stage.js";

scenario("two tabs log out together, and nothing of the session is left", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/keys");
  const other = await stage.tab();
  await stage.go("/users", other);
  await other.getByRole("heading", { level: 1, name: "Users" }).waitFor();
  await account(page).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await page.waitForURL(`${stage.url}/login`);
  await other.waitForURL(`${stage.url}/login`);
  for (const tab of [page, other]) {
    await tab.getByRole("heading", { level: 1, name: "Log in" }).waitFor();
    assert.ok(!(await tab.content()).includes("dev@example.com"));
  }
  await stage.go("/keys", other);
  await other.waitForURL(`${stage.url}/login?to=%2Fkeys`);
  await fillLogin(stage, other);
  await other.waitForURL(`${stage.url}/keys`);
  await page.reload(); // the first tab is signed in again as well
  await page.waitForURL(`${stage.url}/`);
});

scenario(
  "an access token that expires is renewed, and nobody notices",
  { flags: ["--access-token-ttl=1s"] },
  async (stage) => {
    const { page } = stage;
    await login(stage);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await page.getByRole("link", { name: "Settings" }).first().click();
    await page.getByRole("heading", { level: 1, name: "Settings" }).waitFor();
    await page.reload();
    await account(page).waitFor();
  },
);

scenario("a session that the server ended leads to the login and back", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/team");
  await api(stage, "DELETE", "/auth/sessions");
  // Whatever the page asks next tells it: this, or the number of its alerts.
  await page.reload();
  await page.getByText("Your session ended. Log in to go on where you were.").waitFor();
  await axe(page);
  await shot(page, "login-expired", [390]);
  await fillLogin(stage);
  await page.waitForURL(/\/(audit|team)$/);
});

scenario("a session that ends in the middle of a form loses nothing of it", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/users");
  await page.getByRole("button", { name: "Create user" }).click();
  const form = page.getByRole("dialog", { name: "Create user" });
  await form.getByLabel("First name").fill("Ada");
  await form.getByLabel("External id").fill("ada-1");
  await api(stage, "DELETE", "/auth/sessions"); // from elsewhere
  await form.getByRole("button", { name: "Create user" }).click();
  const ended = page.getByRole("dialog", { name: "Your session ended" });
  await ended.waitFor();
  await axe(page);
  await shot(page, "relogin-form", [390, 1024]);
  await fillLogin(stage, ended);
  await ended.waitFor({ state: "detached" });
  assert.equal(await form.getByLabel("First name").inputValue(), "Ada");
  assert.equal(await form.getByLabel("External id").inputValue(), "ada-1");
  await form.getByRole("button", { name: "Create user" }).click();
  await page.getByRole("link", { name: "Ada", exact: true }).waitFor();
  await form.waitFor({ state: "detached" });
});

scenario("the lost connection shows a bar, and heals", {}, async (stage) => {
  const { page } = stage;
  await login(stage);
  await stage.context.setOffline(true);
  await page.getByText("No connection. Changes wait; nothing is lost.").waitFor();
  await axe(page);
  await shot(page, "offline");
  await stage.context.setOffline(false);
  await page.getByText("No connection.").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Settings" }).first().click();
  await page.getByRole("heading", { level: 1, name: "Settings" }).waitFor();
});

scenario("a restart of the server is a lost connection", {}, async (stage) => {
  const { page } = stage;
  await login(stage);
  await stage.stop();
  await page.evaluate(() => window.dispatchEvent(new Event("focus")));
  await page.reload().catch(() => {});
  await stage.again();
  await stage.go("/keys");
  await page.getByRole("heading", { level: 1, name: "API keys" }).waitFor();
  await account(page).waitFor();
});
