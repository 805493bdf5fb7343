import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { type Browser, bundle, startBrowser } from "./chromium.js";
import { type Rig, startRig } from "./harness.js";
import { direct, newPerson } from "./scenario/world.js";
import type { Tab } from "./tabs/page.js";

declare const tab: Tab;

const trials = Number(process.env.TRIALS ?? 40);
let rig: Rig;
let browser: Browser;
let script: string;
before(async () => {
  [rig, browser, script] = await Promise.all([
    startRig({ args: ["--dev"] }),
    startBrowser(),
    bundle("tabs/page.js"),
  ]);
});
after(async () => {
  await browser?.close();
  await rig?.close();
});

const local = async () => (await rig.proxy()).replace("127.0.0.1", "localhost");

/** Refreshes since the last reset; preflights carry no key. */
async function refreshes(proxy: string): Promise<number> {
  const { log } = (await (await fetch(`${proxy}/__faults`)).json()) as {
    log: { method: string; key: string; status: number }[] | null;
  };
  return (log ?? []).filter((s) => s.method === "RefreshToken" && s.status !== 204).length;
}

async function runTrials(pages: Page[], proxy: string, userId: string): Promise<void> {
  for (let n = 1; n <= trials; n++) {
    await fetch(`${proxy}/__faults/reset`, { method: "POST" });
    const moment = Date.now() + 60;
    const errors = await Promise.all(
      pages.map((p) => p.evaluate(([id, at]) => tab.trial(id, at), [userId, moment] as const)),
    );
    assert.deepEqual(errors.flat(), [], `trial ${n}`);
    assert.equal(await refreshes(proxy), 1, `refreshes of trial ${n}`);
  }
  for (const p of pages) {
    assert.deepEqual(await p.evaluate(() => tab.lost()), []);
  }
}

for (const count of [2, 5, 8]) {
  test(`${count} tabs that share IndexedDB refresh once, ${trials} times`, async () => {
    const proxy = await local();
    const dev = direct(rig.server, rig.developerToken);
    const person = await newPerson(dev);
    const pages = await Promise.all(
      Array.from({ length: count }, () => browser.open(proxy, script)),
    );
    const name = `tabs-${count}`;
    for (const p of pages) {
      await p.evaluate(([u, n]) => tab.openUser(u, n), [proxy, name] as const);
    }
    await pages[0]?.evaluate((pair) => tab.signIn(pair), person.pair);
    await runTrials(pages, proxy, person.id);
    await Promise.all(pages.map((p) => p.close()));
  });

  test(`${count} tabs of a dashboard on another origin refresh once, ${trials} times`, async () => {
    const [proxy, elsewhere] = await Promise.all([local(), local()]);
    const pages = await Promise.all(
      Array.from({ length: count }, () => browser.open(elsewhere, script)),
    );
    for (const p of pages) {
      await p.evaluate((u) => tab.openDashboard(u), proxy);
    }
    const [first] = pages as [Page];
    await first.evaluate(([e, p]) => tab.login(e, p), [rig.email, rig.password] as const);
    await runTrials(pages, proxy, "");
    await first.evaluate(() => tab.signOut());
    await Promise.all(pages.map((p) => p.close()));
  });
}

test("a dashboard on another origin: cookie, rate limit, reload, sign-out", async () => {
  const [proxy, elsewhere] = await Promise.all([local(), local()]);
  let page = await browser.open(elsewhere, script);
  await page.evaluate((u) => tab.openDashboard(u), proxy);
  assert.equal(await page.evaluate(() => tab.failed()), "signed_out");
  await page.evaluate(([e, p]) => tab.login(e, p), [rig.email, rig.password] as const);
  const seen = await page.evaluate(() => tab.rateLimit());
  assert.equal(seen.email, rig.email);
  assert.ok((seen.remaining ?? 0) > 1000 && seen.requestId?.startsWith("req_"));
  assert.equal(await page.evaluate(() => tab.cookies()), "");
  assert.doesNotMatch(await page.evaluate(() => tab.stored()), /eyJ|rt_/);

  await page.close();
  page = await browser.open(elsewhere, script);
  await page.evaluate((u) => tab.openDashboard(u), proxy);
  assert.equal((await page.evaluate(() => tab.rateLimit())).email, rig.email);

  // The browser may evict what a page stored and keep its cookies.
  await page.evaluate(async () => {
    for (const { name } of await indexedDB.databases()) {
      indexedDB.deleteDatabase(name ?? "");
    }
  });
  await page.close();
  page = await browser.open(elsewhere, script);
  await page.evaluate((u) => tab.openDashboard(u), proxy);
  assert.equal((await page.evaluate(() => tab.rateLimit())).email, rig.email);

  await page.evaluate(() => tab.signOut());
  assert.equal(await page.evaluate(() => tab.failed()), "signed_out");
  await page.close();
  page = await browser.open(elsewhere, script);
  await page.evaluate((u) => tab.openDashboard(u), proxy);
  assert.equal(await page.evaluate(() => tab.failed()), "signed_out");
  await page.close();
  assert.deepEqual(browser.leaks, []);
});
