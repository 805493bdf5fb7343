import assert from "node:assert/strict";
import { assertGone } from "./secrets.js";
import { account, axe, fillLogin, login, type Stage, scenario, shot } from "./stage.js";
import { many, until } from "./wait.js";

const fresh = "a new password that is long";

/** Signs another browser in, and returns its page. */
async function elsewhere(stage: Stage) {
  const context = await stage.context.browser()?.newContext();
  assert.ok(context);
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  await login(stage, "/keys", page);
  return { page, close: () => context.close() };
}

scenario("the account is changed, and the password with it", {}, async (stage) => {
  const { page } = stage;
  const other = await elsewhere(stage);
  await login(stage, "/settings");
  await page.getByLabel("Email", { exact: true }).waitFor();
  await page.getByRole("list", { name: "Sessions" }).getByText("This one").waitFor();
  await axe(page);
  await shot(page, "settings");

  await page.getByLabel("First name").fill("Ada");
  await page.getByLabel("Email", { exact: true }).fill("ada@example.com");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Type your password to change the email.").waitFor();
  await page.getByLabel("Your password").fill("not the password at all");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Incorrect current password.").waitFor();
  assert.equal(await page.getByLabel("Your password").getAttribute("aria-invalid"), "true");
  await axe(page);
  await shot(page, "settings-refused", [390, 1024]);
  await page.getByRole("link", { name: "Team" }).first().click();
  await page.getByText("Leave without saving?").waitFor();
  await page.getByRole("button", { name: "Stay" }).click();
  await page.getByLabel("Your password").fill(stage.env.PASSWORD ?? "");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Account saved").waitFor();
  await account(page, "ada@example.com").waitFor();

  const change = page.getByRole("button", { name: "Change password" });
  await change.click();
  await page.getByText("Type your current password.").waitFor();
  await page.getByLabel("Current password").fill("not the password at all");
  await page.getByLabel("New password", { exact: true }).fill(fresh);
  await page.getByLabel("New password again").fill(`${fresh}?`);
  await change.click();
  await page.getByText("This is not the same password.").waitFor();
  await page.getByLabel("New password again").fill(fresh);
  await change.click();
  await page.getByText("Incorrect current password.").waitFor();
  await page.getByLabel("Current password").fill(stage.env.PASSWORD ?? "");
  await page.getByLabel("New password", { exact: true }).fill("short");
  await page.getByLabel("New password again").fill("short");
  await change.click();
  await page.getByText("Use at least 15 characters").waitFor();
  await page.getByLabel("New password", { exact: true }).fill(fresh);
  await page.getByLabel("New password again").fill(fresh);
  await change.click();
  await page.getByText("Password changed. Other sessions were logged out.").waitFor();
  await assertGone(page, fresh);
  assert.ok(!stage.log().includes(fresh), "the password is in the log");
  await many(page.getByRole("button", { name: "Log out everywhere else" }), 0);

  await other.page.getByRole("link", { name: "Alerts" }).first().click();
  await other.page.getByText("Your session ended.").waitFor();
  await fillLogin(stage, other.page, { email: "ada@example.com", password: fresh });
  await other.page.waitForURL(/\/(alerts|keys)$/);
  await other.close();
});

scenario("one logs out everywhere else, and one session alone", {}, async (stage) => {
  const { page } = stage;
  const [one, two] = [await elsewhere(stage), await elsewhere(stage)];
  await login(stage, "/settings");
  const sessions = page.getByRole("list", { name: "Sessions" });
  await sessions.getByText("This one").waitFor();
  await many(sessions.getByRole("listitem"), 3);
  await sessions
    .getByText(/^Chrome \d+/)
    .first()
    .waitFor();
  await sessions
    .getByRole("button", { name: /^Log out/ })
    .first()
    .click();
  await page.getByText(/logged out$/).waitFor();
  await many(sessions.getByRole("listitem"), 2);
  await page.getByRole("button", { name: "Log out everywhere else" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText(/1 other session of yours ends at once/).waitFor();
  await axe(page);
  await shot(page, "settings-log-out", [390, 1024]);
  await dialog.getByRole("button", { name: "Log out everywhere else" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByText("Logged out everywhere else").waitFor();
  await many(sessions.getByRole("listitem"), 1);
  for (const other of [one, two]) {
    await other.page.getByRole("link", { name: "Alerts" }).first().click();
    await other.page.getByText("Your session ended.").waitFor();
    await other.close();
  }
  await page.reload();
  await sessions.getByText("This one").waitFor(); // this one goes on

  await page.getByLabel("Dark").check();
  await until("the dark theme", () =>
    page.evaluate(() => document.documentElement.dataset.theme === "dark"),
  );
  await page.reload();
  assert.equal(await page.getByLabel("Dark").isChecked(), true);
  await page.getByRole("button", { name: "Theme" }).click();
  await page.getByRole("menuitem", { name: "As the system" }).click();
  await until("the theme of the system", () => page.getByLabel("As the system").isChecked());
});

scenario(
  "a new password says how long this server wants it",
  { flags: ["--password-min=20"] },
  async (stage) => {
    const { page } = stage;
    await login(stage, "/settings");
    await page.getByText("20 characters or more").waitFor();
    await page.getByLabel("New password", { exact: true }).fill("x".repeat(17));
    await page.getByText(", 3 to go").waitFor();
    await axe(page);
  },
);

scenario("the installation says what it is set to, and what is wrong", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/settings?tab=installation");
  await page.getByText("Requests of one API key").waitFor();
  await page.getByText("--limit-key", { exact: true }).waitFor();
  await page.getByText("--password-min").waitFor();
  await page.getByText("15 characters").waitFor();
  await page.getByText("Signs now").waitFor();
  await axe(page);
  await shot(page, "settings-installation");
  await stage.stop();
  await page.getByRole("button", { name: "Check again" }).click();
  await page.getByText("No connection.").first().waitFor();
  await stage.again();
  await page.getByText("No connection.").waitFor({ state: "detached", timeout: 30_000 });
  await page.getByText("Requests of one API key").waitFor();
});
