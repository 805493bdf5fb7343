import assert from "node:assert/strict";
import { api, axe, login, scenario, shot } from "./stage.js";
import { copied, many } from "./wait.js";

const password = "a violet otter in a canyon";

scenario("a developer is invited by link, joins, and is removed", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/team");
  await page.getByText("No invitations wait").waitFor();
  await axe(page);
  await shot(page, "team");
  await page.getByRole("button", { name: "Invite" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Invite" }).click();
  await dialog.getByText("Enter the email of the person.").waitFor();
  await dialog.getByLabel("Email").fill("dev@example.com"); // is one already
  await dialog.getByRole("button", { name: "Invite" }).click();
  await dialog.getByRole("alert").waitFor();
  await axe(page);
  await dialog.getByLabel("Email").fill("grace@example.com");
  await dialog.getByRole("button", { name: "Invite" }).click();
  const link = await dialog.getByLabel("Link", { exact: true }).inputValue();
  assert.match(link, /\/accept-invite#token=[\w-]{43}$/);
  await axe(page);
  await shot(page, "team-link");
  await dialog.getByRole("button", { name: "Done" }).click();
  await dialog.waitFor({ state: "hidden" });
  await page.getByText("grace@example.com").first().waitFor();
  const token = link.split("=")[1] ?? "";
  assert.ok(!(await page.content()).includes(token), "the token is in the page");
  assert.ok(!stage.log().includes(token), "the token is in the log");
  assert.equal(
    await copied(page.getByRole("button", { name: "Copy link for grace@example.com" })),
    link,
  );

  // The same person twice.
  await page.getByRole("button", { name: "Invite", exact: true }).first().click();
  await dialog.getByLabel("Email").fill("grace@example.com");
  await dialog.getByRole("button", { name: "Invite" }).click();
  await dialog.getByText("Copy the link of that invitation in the list").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();

  const browser = stage.context.browser();
  const theirs = await browser?.newContext();
  const guest = await theirs?.newPage();
  assert.ok(guest);
  await guest.goto(link);
  await guest.getByLabel("First name").fill("Grace");
  await guest.getByLabel("Last name").fill("Hopper");
  await guest.getByLabel("Password", { exact: true }).fill(password);
  await guest.getByRole("button", { name: "Create account" }).click();
  await guest.waitForURL(`${stage.url}/`);
  await theirs?.close();

  await page.reload();
  await page.getByText("Grace Hopper").first().waitFor();
  await page.getByText("No invitations wait").waitFor();
  await page.getByRole("button", { name: "Actions of Grace Hopper" }).click();
  await page.getByRole("menuitem", { name: "Edit name…" }).click();
  await dialog.getByLabel("Last name").fill("");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Actions of Grace", exact: true }).click();
  await page.getByRole("menuitem", { name: "Remove…" }).click();
  await axe(page);
  await shot(page, "team-remove", [390, 1024]);
  await dialog.getByLabel("to go on").fill("grace@example.com");
  await dialog.getByRole("button", { name: "Remove developer" }).click();
  await page.getByText("Grace removed").waitFor();
  await dialog.waitFor({ state: "hidden" });
  await many(page.getByText("grace@example.com"), 0);
});

scenario("one's own row has no Remove", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/team");
  await page.getByText("You", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Actions of dev@example.com" }).click();
  await page.getByRole("menuitem", { name: "Edit name…" }).waitFor();
  assert.equal(await page.getByRole("menuitem", { name: "Remove…" }).count(), 0);
  await axe(page);
});

scenario("an invitation is sent again and revoked", {}, async (stage) => {
  const { page } = stage;
  const email = `${"long".repeat(15)}@${"example.".repeat(20)}com`;
  const first = await api<{ token: string }>(stage, "POST", "/invitations", { email });
  await login(stage, "/team");
  await page.getByText("Waiting").waitFor();
  await axe(page);
  await shot(page, "team-invited");
  await page.getByRole("button", { name: `Actions of ${email}` }).click();
  await page.getByRole("menuitem", { name: "Resend…" }).click();
  const dialog = page.getByRole("dialog");
  await axe(page);
  await dialog.getByRole("button", { name: "Make a new link" }).click();
  const link = await dialog.getByLabel("Link", { exact: true }).inputValue();
  assert.ok(!link.includes(first.token));
  await dialog.getByRole("button", { name: "Done" }).click();

  const guest = await stage.context.browser()?.newContext();
  const theirs = await guest?.newPage();
  await theirs?.goto(`${stage.url}/accept-invite#token=${first.token}`);
  await theirs?.getByLabel("First name").fill("Grace");
  await theirs?.getByLabel("Last name").fill("Hopper");
  await theirs?.getByLabel("Password", { exact: true }).fill(password);
  await theirs?.getByRole("button", { name: "Create account" }).click();
  await theirs?.getByText("This invitation link is not valid.").waitFor();
  await guest?.close();

  await page.getByRole("button", { name: `Actions of ${email}` }).click();
  await page.getByRole("menuitem", { name: "Revoke…" }).click();
  // Another developer was faster.
  const { id } = (await api<{ id: string; email: string }[]>(stage, "GET", "/invitations"))[0] ?? {
    id: "",
  };
  await api(stage, "DELETE", `/invitations/${id}`);
  await dialog.getByRole("button", { name: "Revoke invitation" }).click();
  await dialog.getByRole("alert").waitFor();
  await axe(page);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.reload();
  await page.getByText("No invitations wait").waitFor();

  await page.getByRole("button", { name: "Invite" }).first().click();
  await dialog.getByLabel("Email").fill(email);
  await dialog.getByRole("button", { name: "Invite" }).click();
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: `Actions of ${email}` }).click();
  await page.getByRole("menuitem", { name: "Revoke…" }).click();
  await dialog.getByRole("button", { name: "Revoke invitation" }).click();
  await page.getByText("No invitations wait").waitFor();
});
