import assert from "node:assert/strict";
import { alerts, flags, leak } from "./alerts.js";
import { api, axe, login, scenario, shot } from "./stage.js";
import { focusOn } from "./wait.js";

const long = `${"A very long name of a service ".repeat(3)}אבגד`.slice(0, 100);

scenario("an alert comes in, says what to do, and is acknowledged", { flags }, async (stage) => {
  const { page } = stage;
  await login(stage, "/alerts");
  await page.getByText("Nothing needs your attention.").waitFor();
  await page.getByText("Rules are watching 1 key.").waitFor();
  await axe(page);
  await shot(page, "alerts-none");

  const [billing, other] = await leak(stage, ["Billing service", long]);
  await alerts(stage, 2);
  const row = page.getByRole("row").filter({ hasText: "Billing service" });
  await row.getByText("Urgent").waitFor({ timeout: 30_000 }); // by itself
  await page.getByRole("tab", { name: "Open 2" }).waitFor();
  await page.waitForFunction(() => document.title.startsWith("(2)"));
  await axe(page);
  await shot(page, "alerts");

  await row.getByRole("button", { name: "What to do" }).click();
  const panel = page.getByRole("dialog");
  await panel.getByRole("heading", { name: "Secret leaked" }).waitFor();
  await panel.getByText(/was reported as leaked/).waitFor();
  await panel.getByRole("link", { name: "Open it" }).waitFor();
  assert.equal(
    await panel.getByRole("link", { name: "Open it" }).getAttribute("href"),
    `/keys/${billing}`,
  );
  await panel.getByText("Requests an hour, 24 hours").waitFor();
  await axe(page);
  await shot(page, "alert-panel");
  assert.match(page.url(), /\?alert=[0-9a-f-]{36}$/);
  await page.reload(); // the address leads a colleague there
  await panel.getByText(/was reported as leaked/).waitFor();
  await panel.getByRole("button", { name: "Disable key" }).click();
  await panel.getByText("The key is disabled").waitFor();
  await panel.getByRole("button", { name: "Enable key" }).click();
  await panel.getByRole("button", { name: "Disable key" }).waitFor();
  await panel.getByRole("button", { name: "Acknowledge" }).click();
  await panel.waitFor({ state: "detached" });
  await row.waitFor({ state: "detached" });
  await page.getByText("Alert acknowledged. It is in the history now.").waitFor();
  const [resolved] = await alerts(stage, 1, "resolved");
  assert.equal(resolved?.subject, `key:${billing}`);
  await page.getByRole("tab", { name: "Open 1" }).waitFor();

  // The other one is acknowledged in its row, by the keyboard.
  const button = page.getByRole("row").filter({ hasText: other ?? "" });
  await button.getByRole("button", { name: "Acknowledge" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("Nothing needs your attention.").waitFor();
  await focusOn(page, "tab");
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  await page.waitForURL(`${stage.url}/alerts?tab=history`);
  await page
    .getByText(/acknowledged by dev@example\.com/)
    .first()
    .waitFor();
  await axe(page);
  await shot(page, "alerts-history");
  await page.getByRole("button", { name: "Details" }).first().click();
  await panel.getByText("Acknowledged by").waitFor();
  assert.equal(await panel.getByText("What to do").count(), 0);
  await axe(page);
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "detached" });
  await focusOn(page, "Details");
});

scenario("an alert whose cause lasts stays until it ended", { flags }, async (stage) => {
  const { page } = stage;
  // A day before the end of a key that lasts longer than a day, the last alert of it opens.
  const soon = new Date(Date.now() + 86_400_000 + 3_000).toISOString();
  const { id } = await api<{ id: string }>(stage, "POST", "/api-keys", {
    name: "Partner",
    expires_at: soon,
  });
  await alerts(stage, 1);
  await login(stage, "/alerts");
  await page.getByText(/The key "Partner" expires in/).waitFor();
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.getByText("Alert acknowledged. It resolves once its cause has ended.").waitFor();
  await page.getByRole("tab", { name: "Acknowledged" }).click();
  await page.getByText(/acknowledged by dev@example\.com/).waitFor();
  await axe(page);
  await shot(page, "alerts-acknowledged", [390, 1024]);

  await page.getByRole("button", { name: "Actions of Key expires soon" }).click();
  await page.getByRole("menuitem", { name: "Mute…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("For", { exact: true }).selectOption("168");
  await axe(page);
  await shot(page, "alert-mute", [390, 1024]);
  await dialog.getByRole("button", { name: "Mute", exact: true }).click();
  await page.getByText(/muted, ends in (6|7) days/).waitFor();
  await page.getByRole("tab", { name: "Rules" }).click();
  const muted = page.getByRole("list", { name: "Muted" });
  await muted.getByText(id).waitFor();
  await axe(page);
  await shot(page, "alert-rules-muted", [390, 1024]);
  await muted.getByRole("button", { name: "End mute" }).click();
  await muted.waitFor({ state: "detached" });
  const rules = await api<{ mutes: unknown[] }>(stage, "GET", "/alert-rules");
  assert.equal(rules.mutes.length, 0);

  await page.getByRole("tab", { name: "Acknowledged" }).click();
  await page.getByText(/The key "Partner" expires in/).waitFor();
  await api(stage, "DELETE", `/api-keys/${id}`);
  await page.getByText("No alert waits for its cause to end.").waitFor({ timeout: 40_000 });
  await axe(page);
  await page.getByRole("tab", { name: "History" }).click();
  await page.getByText(/The key "Partner" expires in/).waitFor();
});

scenario("a rule is changed, and what the server refuses is undone", { flags }, async (stage) => {
  const { page } = stage;
  await login(stage, "/alerts?tab=rules");
  await page.getByText("A key was not used for 90 days.").waitFor();
  await axe(page);
  await shot(page, "alert-rules");
  const unused = page.getByRole("switch", { name: "Key not used" });
  assert.equal(await unused.isChecked(), true);
  const stored = page.waitForResponse(/UpdateAlertRule/);
  await unused.uncheck(); // it is turned at once, not only when the server has answered
  await stored;
  await page.reload();
  await unused.waitFor();
  assert.equal(await unused.isChecked(), false);

  await page.getByRole("button", { name: "Change Key not used" }).click();
  const dialog = page.getByRole("dialog");
  const days = dialog.getByLabel("Not used for");
  await days.fill("0");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("Type a whole number from 1 to 3,650.").waitFor();
  assert.equal(await days.getAttribute("aria-invalid"), "true");
  await axe(page);
  await shot(page, "alert-rule", [390, 1024]);
  await days.fill("30");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("A key was not used for 30 days.").waitFor();

  // Without a server the switch goes back, and says why.
  await stage.stop();
  await unused.click();
  await page.getByText("The server cannot be reached.").first().waitFor();
  await page.getByRole("switch", { name: "Key not used", checked: false }).waitFor();
  await stage.again();
  await page.getByText("No connection.").waitFor({ state: "detached", timeout: 30_000 });
  await page.reload();
  await page.getByText("A key was not used for 30 days.").waitFor();
  assert.equal(await unused.isChecked(), false);
});

scenario(
  "a list of 101 alerts is shown by pages, and one that fails says so",
  { flags },
  async (stage) => {
    const { page } = stage;
    const names = Array.from({ length: 102 }, (_, n) => `Service ${n}`);
    await leak(stage, names);
    await alerts(stage, 100);
    await login(stage, "/alerts");
    await page.getByText(/There are 100 unresolved alerts/).waitFor({ timeout: 30_000 });
    await page.getByRole("button", { name: "Show more" }).click();
    await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 101);
    await axe(page);

    await page.route(/AlertService\/ListAlerts/, (route) => route.abort());
    await page.getByRole("tab", { name: "History" }).click();
    await page
      .getByText(/cannot be reached/)
      .first()
      .waitFor();
    await axe(page);
    await shot(page, "alerts-error", [390, 1024]);
    await page.unroute(/AlertService\/ListAlerts/);
    await page.getByText("No alert was resolved yet.").waitFor({ timeout: 30_000 });
  },
);
