import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { Locator, Page } from "playwright-core";
import { api, type Stage } from "./stage.js";

/** Asks until the answer is good, and returns it. After 30 seconds it fails, and says what it waited for. */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  good: (answer: T) => boolean = Boolean,
): Promise<T> {
  for (const end = Date.now() + 30_000; ; ) {
    const answer = await ask();
    if (good(answer)) return answer;
    assert.ok(Date.now() < end, `waited for ${what}; the last answer is ${JSON.stringify(answer)}`);
    await setTimeout(50);
  }
}

/** Waits until a locator finds so many. */
export async function many(locator: Locator, n: number): Promise<void> {
  await until(
    `${n} of ${locator}`,
    () => locator.count(),
    (count) => count === n,
  );
}

/** Waits until the focus is on an element whose tag, id, role, name or text is this. */
export async function focusOn(page: Page, wanted: string | RegExp): Promise<void> {
  const seen = () =>
    page.evaluate(() => {
      const at = document.activeElement;
      const named = ["role", "name"].map((name) => at?.getAttribute(name) ?? "");
      return [at?.tagName ?? "", at?.id ?? "", ...named, at?.textContent ?? ""];
    });
  await until(`the focus on ${wanted}`, seen, (all) =>
    all.some((text) => (typeof wanted === "string" ? text === wanted : wanted.test(text))),
  );
}

/** Clicks what copies, and returns what is on the clipboard then. */
export async function copied(button: Locator): Promise<string> {
  const page = button.page();
  await page.evaluate(() => navigator.clipboard.writeText(""));
  await button.click();
  return until("a text on the clipboard", () =>
    page.evaluate(() => navigator.clipboard.readText()),
  );
}

/** Waits until a page has loaded what it loads once it rests: from then on its dialogs and menus need no server. */
export async function rested(page: Page): Promise<void> {
  for (const part of ["DialogOverlay", "MenuPopover", "Relogin"]) {
    await until(`${part} to be loaded`, () =>
      page.evaluate(
        (name) => performance.getEntriesByType("resource").some((e) => e.name.includes(name)),
        part,
      ),
    );
  }
}

/** Waits until the usage of a key or an application counts so many requests, which is within a second. */
export async function counted(stage: Stage, path: string, requests: number): Promise<void> {
  await until(
    `${requests} requests in the usage of ${path}`,
    async () => {
      const at = `${path}/usage?resolution=minute`;
      return (await api<{ totals: { requests: number } }>(stage, "GET", at)).totals.requests;
    },
    (n) => n >= requests,
  );
}

/** Waits until so many reads of the demo user's data are listed, which is within a second. */
export async function listed(stage: Stage, reads: number): Promise<void> {
  await until(
    `${reads} reads of the user`,
    async () => {
      const at = `/users/${stage.env.USER_ID}/access-log?limit=1`;
      return (await api<{ items: { number: number }[] }>(stage, "GET", at)).items;
    },
    ([newest]) => (newest?.number ?? 0) >= reads,
  );
}
