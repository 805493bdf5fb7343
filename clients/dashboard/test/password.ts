import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { until } from "./wait.js";

/**
 * Fails unless a field hides a password until it is asked to show it, takes one that is pasted, and
 * tells a password manager what to fill in: the current password or a new one.
 */
export async function takesPassword(
  page: Page,
  label: string,
  wants: "current-password" | "new-password",
): Promise<void> {
  const field = page.getByLabel(label, { exact: true });
  const pasted = `pasted: ${label} 🦊`;
  assert.equal(await field.getAttribute("autocomplete"), wants, label);
  assert.equal(await field.evaluate((e) => e.closest("form") !== null), true, label);
  assert.equal(await field.getAttribute("maxlength"), null, `${label} is cut off`);
  await page.evaluate((text) => navigator.clipboard.writeText(text), pasted);
  await field.focus();
  await page.keyboard.press("Control+V");
  await until(`what is pasted into ${label}`, async () => (await field.inputValue()) === pasted);
  const show = field.locator("xpath=..").getByRole("button", { name: "Show password" });
  for (const shown of [false, true, false]) {
    assert.equal(await field.getAttribute("type"), shown ? "text" : "password", label);
    assert.equal(await show.getAttribute("aria-pressed"), String(shown), label);
    assert.equal(await field.inputValue(), pasted);
    await show.click();
  }
  await field.fill("");
}
