import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { assertGone } from "./secrets.js";
import { run } from "./snippets.js";
import { account, api, axe, fillLogin, type Stage, scenario, shot } from "./stage.js";
import { copied } from "./wait.js";

const email = "ada@example.com";
const password = "a violet otter in a canyon";

async function createDeveloper(page: Page, chosen = password): Promise<void> {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(chosen);
  await page.getByRole("button", { name: "Create developer" }).click();
}

scenario("from a fresh start to a key in use", { fresh: true }, async (stage) => {
  const { page } = stage;
  const token = stage.setupUrl.split("#")[1] ?? "";
  await page.goto(stage.setupUrl);
  await page.getByRole("heading", { name: "Create the first developer" }).waitFor();
  await page.getByText("Several unrelated words make a good password.").waitFor();
  assert.equal(page.url(), `${stage.url}/setup`);
  await assertGone(page, token);
  await axe(page);
  await shot(page, "setup-1");

  await createDeveloper(page, "too short");
  await page.getByText("Use at least 15 characters").waitFor();
  await createDeveloper(page, "passwordpassword");
  await page.getByText("Choose another password").waitFor();
  await axe(page);
  await createDeveloper(page);

  await page.getByRole("heading", { name: "Create your first key" }).waitFor();
  await assertGone(page, token);
  await assertGone(page, password);
  await axe(page);
  await shot(page, "setup-2");
  assert.equal(await page.getByLabel("Name").inputValue(), "My first key");
  await page.getByRole("button", { name: "Create key" }).click();

  const secret = await page.getByLabel("API key").inputValue();
  assert.match(secret, /^ow_live_\w+$/);
  await axe(page);
  await shot(page, "setup-3");
  await page.getByRole("button", { name: "I have stored it" }).click();
  await page.getByText("Waiting for the first request…").waitFor();
  await axe(page);
  await shot(page, "setup-4");
  const code = async (language: string) => {
    await page.getByRole("tab", { name: language, exact: true }).click();
    return copied(page.getByRole("button", { name: `Copy ${language} code` }));
  };
  assert.match((await run.curl?.(await code("curl"))) ?? "", /"items": ?\[\]/);
  await page.getByText(/It works: GET \/users by curl, just now\./).waitFor();
  await axe(page);
  await shot(page, "setup-5");

  await fetch(`${stage.url}/api/v1/users`, {
    method: "POST",
    headers: { Authorization: `Bearer ${secret}`, "Content-Type": "application/json" },
    body: '{"email": "grace@example.com"}',
  });
  for (const language of ["curl", "Go", "TypeScript"]) {
    assert.match(
      (await run[language]?.(await code(language))) ?? "",
      /grace@example\.com/,
      language,
    );
  }

  await page.getByRole("link", { name: "Go to the dashboard" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await assertGone(page, secret);
  await stage.go("/setup");
  await page.waitForURL(`${stage.url}/`);
  assert.ok(
    !stage.log().includes(token) && !stage.log().includes(secret),
    "a secret is in the log",
  );
});

scenario("a setup link that is over says what to do", { fresh: true }, async (stage) => {
  const { page } = stage;
  await stage.go("/setup");
  await page.getByText("Open the setup address that the server printed").waitFor();
  await axe(page);
  await shot(page, "setup-none");
  await page.goto(`${stage.url}/setup#wrong`); // in the page that is open
  await createDeveloper(page);
  await page.getByText("This setup link is no longer valid.").waitFor();
  await axe(page);
  await shot(page, "setup-over", [390]);
  await page.goto(stage.setupUrl); // the right one, in the same page
  await createDeveloper(page);
  await page.getByRole("heading", { name: "Create your first key" }).waitFor();
  await page.reload(); // the session stays, and the setup goes on
  await page.getByRole("heading", { name: "Create your first key" }).waitFor();
});

scenario("the session of the setup is not lost with its secret", { fresh: true }, async (stage) => {
  const { page } = stage;
  await page.goto(stage.setupUrl);
  await createDeveloper(page);
  await page.getByRole("button", { name: "Create key" }).click();
  await page.getByLabel("API key").waitFor();
  page.once("dialog", (dialog) => void dialog.dismiss());
  await page.goBack({ timeout: 2_000 }).catch(() => {}); // the page asks first
  assert.match(await page.getByLabel("API key").inputValue(), /^ow_live_/);
  page.once("dialog", (dialog) => void dialog.accept());
});

for (const separator of ["?token=", "#token=", "#"]) {
  scenario(`an invitation is accepted at /accept-invite${separator}`, {}, async (stage) => {
    const { page } = stage;
    const token = await invite(stage);
    await stage.go(`/accept-invite${separator}${token}`);
    await page.getByRole("heading", { name: "Accept the invitation" }).waitFor();
    assert.equal(page.url(), `${stage.url}/accept-invite`);
    await assertGone(page, token);
    await axe(page);
    await shot(page, "invite", [390]);
    await page.getByLabel("First name").fill("Ada");
    await page.getByLabel("Last name").fill("Lovelace");
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await account(page, email).waitFor();

    await stage.go(`/accept-invite#${token}`);
    await page.getByLabel("First name").fill("Ada");
    await page.getByLabel("Last name").fill("Lovelace");
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByText("This invitation was accepted already.").waitFor();
  });
}

async function invite(stage: Stage): Promise<string> {
  const { token } = await api<{ token: string }>(stage, "POST", "/invitations", { email });
  return token;
}

scenario("a secret is left only on purpose, whatever ends", { fresh: true }, async (stage) => {
  const { page } = stage;
  await page.goto(stage.setupUrl);
  await createDeveloper(page);
  await page.getByRole("button", { name: "Create key" }).click();
  const secret = await page.getByLabel("API key").inputValue();

  const leave = () => page.evaluate(() => history.pushState(null, "", "/keys"));
  await leave();
  await page
    .getByRole("alertdialog")
    .or(page.getByRole("dialog"))
    .getByText("Leave without saving?")
    .waitFor();
  await axe(page);
  await shot(page, "leave", [390, 1024]);
  await page.getByRole("button", { name: "Stay" }).click();
  assert.equal(page.url(), `${stage.url}/setup`);

  stage.env.EMAIL = email;
  stage.env.PASSWORD = password;
  await api(stage, "DELETE", "/auth/sessions");
  await page.getByRole("heading", { name: "Your session ended" }).waitFor(); // it asks whether the key was used
  await axe(page);
  await shot(page, "relogin", [390, 1024]);
  await fillLogin(stage, page, { password: "wrong wrong wrong" });
  await page.getByText("Email or password is wrong.").waitFor();
  await fillLogin(stage);
  await page.getByRole("heading", { name: "Your session ended" }).waitFor({ state: "detached" });
  assert.equal(await page.getByLabel("API key").inputValue(), secret);

  await leave();
  await page.getByRole("button", { name: "Leave" }).click();
  await page.getByRole("heading", { level: 1, name: "API keys" }).waitFor();
  await assertGone(page, secret);
});
