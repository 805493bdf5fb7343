import assert from "node:assert/strict";
import type { Server } from "node:http";
import { after, before, test } from "node:test";
import type { Browser, Locator, Page } from "playwright-core";
import { open, serveParts, startBrowser, type Watched } from "./partspage.js";
import { many, until } from "./wait.js";

let browser: Browser;
let server: Server;
let url: string;

before(async () => {
  [browser, { server, url }] = await Promise.all([startBrowser(), serveParts()]);
});

after(async () => {
  await browser.close();
  server.close();
});

/** Runs a test with the keyboard on a fresh page, which must not err or violate the policy. */
function keyboard(name: string, run: (page: Page, watched: Watched) => Promise<void>) {
  test(name, async () => {
    const watched = await open(browser, url);
    await run(watched.page, watched);
    assert.deepEqual(watched.faults, []);
    await watched.close();
  });
}

const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement as HTMLElement | null;
    return (
      (element?.getAttribute("aria-label") ?? element?.innerText ?? "").trim() ||
      element?.getAttribute("name") ||
      element?.tagName
    );
  });

async function eventually(look: () => Promise<unknown>, wanted: unknown): Promise<void> {
  await until(`what is ${JSON.stringify(wanted)}`, look, (seen) => seen === wanted);
}

const button = (page: Page | Locator, name: string) =>
  page.getByRole("button", { name, exact: true });

keyboard("a dialog takes the focus, keeps it, and gives it back", async (page) => {
  await button(page, "Create").press("Enter");
  const dialog = page.getByRole("dialog", { name: "Create key" });
  await dialog.waitFor();
  await eventually(() => focused(page), "keyName");
  for (let n = 0; n < 8; n++) {
    await page.keyboard.press("Tab");
    assert.equal(await dialog.locator(":focus").count(), 1, `after ${n + 1} tabs`);
  }
  await dialog.getByRole("textbox").press("Enter");
  await dialog.getByText("Type a name.").waitFor();
  await eventually(() => focused(page), "keyName");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await eventually(() => focused(page), "Create");
});

keyboard("a secret ends only by its own button, and is then nowhere", async (page) => {
  await button(page, "Secret").press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await page.keyboard.press("Escape");
  await page.mouse.click(5, 5);
  const value = await dialog.getByRole("textbox", { name: "API key" }).inputValue();
  await button(dialog, "Copy API key").press("Enter");
  await dialog
    .getByRole("status")
    .getByText("Copied", { exact: true })
    .waitFor({ state: "attached" });
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), value);
  await button(dialog, "I have stored it").press("Enter");
  await dialog.waitFor({ state: "detached" });
  assert.equal(
    await page.evaluate((secret) => document.documentElement.outerHTML.includes(secret), value),
    false,
  );
  const held = await page
    .locator("input, textarea")
    .evaluateAll((all) => all.map((field) => (field as HTMLInputElement).value));
  assert.equal(held.includes(value), false);
});

keyboard("without the clipboard of a safe page a text is copied all the same", async (page) => {
  await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
  await page.evaluate(() =>
    document.addEventListener("copy", () => {
      document.body.dataset.copied = String(document.getSelection());
    }),
  );
  await button(page.locator("#Notes"), "Copy link").press("Enter");
  await page
    .locator("#Notes")
    .getByRole("status")
    .getByText("Copied", { exact: true })
    .waitFor({ state: "attached" });
  assert.match((await page.locator("body").getAttribute("data-copied")) ?? "", /accept#token/);
  assert.match((await focused(page)) ?? "", /Copied|Copy/);
});

keyboard("a thing is deleted only after its name was typed", async (page) => {
  await button(page, "Delete").press("Enter");
  const dialog = page.getByRole("dialog");
  const name = dialog.getByRole("textbox");
  await eventually(() => focused(page), "name");
  await name.press("Enter");
  await dialog.getByText("This is not the name.").waitFor();
  assert.equal(await page.locator("#done").innerText(), "");
  await name.fill("Billing service");
  await name.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await eventually(() => page.locator("#done").innerText(), "deleted");
});

keyboard(
  "a menu opens by arrow, skips what cannot be chosen, and leads to a dialog and back",
  async (page) => {
    const menu = button(page, "Actions of Billing service");
    await menu.press("ArrowDown");
    await eventually(() => focused(page), "Rename…");
    await page.keyboard.press("ArrowDown");
    await eventually(() => focused(page), "Disable");
    await page.keyboard.press("Enter");
    await eventually(() => page.locator("#done").innerText(), "disabled");
    await eventually(() => focused(page), "Actions of Billing service");
    await menu.press("ArrowUp");
    await eventually(() => focused(page), "Delete…");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await eventually(() => focused(page), "name");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await eventually(() => focused(page), "Actions of Billing service");
    await eventually(() => menu.getAttribute("aria-expanded"), "false");
  },
);

keyboard("a select and a combo box choose by keys", async (page) => {
  const select = page.getByRole("combobox", { name: "Environment" });
  await select.press("ArrowDown");
  await page.keyboard.press("Enter");
  await eventually(() => select.inputValue(), "test");
  const person = page.getByRole("combobox", { name: "Person" });
  await person.pressSequentially("gra");
  await page.getByRole("listbox").getByRole("option", { name: "Grace Hopper" }).waitFor();
  await many(page.getByRole("listbox").getByRole("option"), 1);
  await page.keyboard.press("Enter");
  await eventually(() => person.inputValue(), "Grace Hopper");
  await person.fill("nobody");
  await page.getByRole("option", { name: "Nothing matches." }).waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await page.getByRole("listbox").waitFor({ state: "detached" });
  await page.keyboard.press("Tab");
  await eventually(() => person.inputValue(), "Grace Hopper");
  await person.fill("");
  await page.keyboard.press("Tab");
  await eventually(() => person.inputValue(), "");
});

keyboard("tabs move by arrows and keep their place in the address", async (page) => {
  const tab = (name: RegExp) => page.locator("#Tabs").getByRole("tab", { name });
  await tab(/Profile/).press("ArrowRight");
  await eventually(() => tab(/Sessions/).getAttribute("aria-selected"), "true");
  assert.match(page.url(), /\?tab=sessions$/);
  await page.getByText("Three devices.").waitFor();
  await page.keyboard.press("End");
  await page.getByText("Who read her data.").waitFor();
  await page.reload();
  await page.getByText("Who read her data.").waitFor();
  await tab(/Access/).press("Home");
  await page.getByText("What is known of Ada.").waitFor();
  assert.equal(new URL(page.url()).search, "");
});

keyboard("a chart reads its columns aloud and shows them as a table", async (page) => {
  const chart = page.getByRole("slider", { name: "Requests a day, 30 days" });
  const text = () => chart.getAttribute("aria-valuetext");
  await chart.focus();
  assert.match(
    (await text()) ?? "",
    /^Thu, Nov 26: [\d,]+ OK, \d+ refused, \d+ limited, \d+ failed$/,
  );
  await page.keyboard.press("ArrowLeft");
  assert.match((await text()) ?? "", /^Wed, Nov 25:/);
  await page.locator(".chart-tip").waitFor();
  await page.keyboard.press("Home");
  assert.match((await text()) ?? "", /^Wed, Oct 28:/);
  await page.keyboard.press("Escape");
  await page.locator(".chart-tip").waitFor({ state: "detached" });
  await button(page.locator("#Chart"), "Show as table").first().press("Enter");
  const table = page.getByRole("table", { name: "Requests a day, 30 days" });
  await many(table.getByRole("row"), 31);
});

keyboard("filters and a search write where others can find them", async (page) => {
  const part = page.locator("#Filters");
  await button(part, "Active").press("Enter");
  await button(part, "Unused").press(" ");
  await eventually(() => page.locator("#filtered").innerText(), "active unused");
  assert.equal(new URL(page.url()).searchParams.get("state"), "active,unused");
  await button(part, "Clear State").press("Enter");
  assert.equal(new URL(page.url()).search, "");
  const search = part.getByRole("textbox", { name: "Search keys" });
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 10_000);
  await search.pressSequentially("bill");
  await page.clock.runFor(240);
  assert.equal(await page.locator("#searched").innerText(), "");
  await page.clock.runFor(10);
  await eventually(() => page.locator("#searched").innerText(), "bill");
  await search.press("Escape");
  await eventually(() => page.locator("#searched").innerText(), "");
  assert.equal(await search.inputValue(), "");
});

keyboard("a refused form puts the focus into its first error", async (page) => {
  const form = page.locator("#Form");
  const name = form.getByRole("textbox", { name: "Display name" });
  await button(form, "Create key").press("Enter");
  await form.getByText("Type a name.").waitFor();
  await eventually(() => focused(page), "displayName");
  await name.fill("taken");
  await name.press("Enter");
  await form.getByText("Is taken by another key.").waitFor();
  await eventually(() => focused(page), "displayName");
  await name.fill("offline");
  await name.press("Enter");
  const note = form.getByRole("alert");
  await note.getByText("The server cannot be reached.").waitFor();
  await eventually(() => note.evaluate((element) => element === document.activeElement), true);
  await name.fill("good");
  await form.getByText("unsaved").waitFor();
  await name.press("Enter");
  await eventually(() => page.locator("#sent").innerText(), "good");
  await form.getByText(/ saved/).waitFor();
});

keyboard("what was done can be taken back from its toast", async (page) => {
  const part = page.locator("#Toast");
  await button(part, "Disable").press("Enter");
  await part.getByText("Disabled").waitFor();
  const toasts = page.getByRole("region", { name: "Notifications" });
  await button(toasts, "Undo").press("Enter");
  await part.getByText("Active").waitFor();
  for (let n = 0; n < 5; n++) await button(part, "Show a toast").press("Enter");
  await many(toasts.getByText("Key renamed"), 3);
});

keyboard("a busy or unavailable button keeps the focus and says why", async (page) => {
  const part = page.locator("#Button");
  const busy = button(part, "Creating…");
  await busy.focus();
  assert.equal(await busy.getAttribute("aria-disabled"), "true");
  assert.equal(await focused(page), "Creating…");
  await button(part, "Save (Choose a name first)").focus();
  await page.locator("#DataTable").getByRole("button", { name: "Name" }).first().press("Enter");
  await page.locator('#DataTable th[aria-sort="ascending"]', { hasText: "Name" }).waitFor();
});
