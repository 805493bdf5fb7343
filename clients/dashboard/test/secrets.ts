import assert from "node:assert/strict";
import type { Page } from "playwright-core";

/** Fails if a text is anywhere that a later person or script could find it. */
export async function assertGone(page: Page, secret: string): Promise<void> {
  assert.ok(secret.length > 8, "there is no secret to look for");
  const seen = await page.evaluate(async () => {
    const databases = await indexedDB.databases();
    const inputs = [...document.querySelectorAll("input, textarea")].map(
      (e) => (e as HTMLInputElement).value,
    );
    return JSON.stringify([
      location.href,
      history.state,
      document.documentElement.outerHTML,
      inputs,
      { ...localStorage },
      { ...sessionStorage },
      databases,
      performance.getEntriesByType("resource").map((e) => e.name),
    ]);
  });
  assert.ok(!seen.includes(secret), "a secret is left in the page");
  const devtools = await page.context().newCDPSession(page);
  const { currentIndex, entries } = await devtools.send("Page.getNavigationHistory");
  assert.ok(
    currentIndex >= 0 && !entries.some((e) => e.url.includes(secret)),
    "a secret is left in the history",
  );
}
