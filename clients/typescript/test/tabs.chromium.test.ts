import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { FaultProxy } from "./scenario/proxy.js";
import { direct, newPerson } from "./scenario/world.js";
import type { Tab } from "./tabs/page.js";
import { startTabs } from "./tabs/start.js";

declare const tab: Tab;

const trials = Number(process.env.TRIALS ?? 40);
const { rig, browser, open, local, refreshes } = await startTabs();

async function runTrials(pages: Page[], proxy: string, userId: string): Promise<void> {
  for (let n = 1; n <= trials; n++) {
    await new FaultProxy(proxy).reset();
    // All tokens expire before the calls.
    await Promise.all(pages.map((p) => p.evaluate(() => tab.advance(3_700_000))));
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
    const pages = await open(proxy, count);
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
    const pages = await open(elsewhere, count);
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

test("a dashboard on another origin outlives reloads, and signs out even while offline", async () => {
  const [proxy, elsewhere] = await Promise.all([local(), local()]);
  let [page] = await open(elsewhere, 1);
  await page.evaluate((u) => tab.openDashboard(u), proxy);
  assert.equal(await page.evaluate(() => tab.failed()), "signed_out");
  await page.evaluate(([e, p]) => tab.login(e, p), [rig.email, rig.password] as const);
  const seen = await page.evaluate(() => tab.rateLimit());
  assert.equal(seen.email, rig.email);
  assert.ok((seen.remaining ?? 0) > 1000 && seen.requestId?.startsWith("req_"));
  assert.equal(await page.evaluate(() => tab.cookies()), "");
  assert.doesNotMatch(await page.evaluate(() => tab.stored()), /eyJ|rt_/);

  await page.close();
  [page] = await open(elsewhere, 1);
  await page.evaluate((u) => tab.openDashboard(u), proxy);
  assert.equal((await page.evaluate(() => tab.rateLimit())).email, rig.email);

  // A browser may evict the storage of a page and keep its cookies.
  const reopened = async () => {
    await page.evaluate(async () => {
      for (const { name } of await indexedDB.databases()) {
        indexedDB.deleteDatabase(name ?? "");
      }
    });
    await page.close();
    [page] = await open(elsewhere, 1);
    await page.evaluate((u) => tab.openDashboard(u), proxy);
  };
  await reopened();
  assert.equal((await page.evaluate(() => tab.rateLimit())).email, rig.email);

  await browser.context.setOffline(true);
  await assert.rejects(
    page.evaluate(() => tab.signOut()),
    /offline/,
  );
  assert.equal(await page.evaluate(() => tab.failed()), "signed_out");
  await browser.context.setOffline(false);
  await page.evaluate(() => tab.signOut()); // revokes the session at the server
  assert.equal(await page.evaluate(() => tab.failed()), "signed_out");
  await reopened();
  assert.equal(await page.evaluate(() => tab.failed()), "signed_out");
  await page.close();
  assert.deepEqual(browser.leaks, []);
});

test("a sign-out of a dashboard without a network reaches the server when that is back", async () => {
  const [proxy, elsewhere] = await Promise.all([local(), local()]);
  const [page] = await open(elsewhere, 1);
  await page.evaluate((u) => tab.openDashboard(u), proxy);
  const login = () =>
    page.evaluate(([e, p]) => tab.login(e, p), [rig.email, rig.password] as const);
  const revokes = async () =>
    (await new FaultProxy(proxy).report()).log.filter(
      (s) => s.method === "RevokeToken" && s.status === 200,
    ).length;
  for (const comesBack of [
    () => page.waitForTimeout(3_000), // it does so by itself
    login, // which must not be revoked
  ]) {
    await login();
    await new FaultProxy(proxy).reset();
    await browser.context.setOffline(true);
    await assert.rejects(
      page.evaluate(() => tab.signOut()),
      /offline/,
    );
    await browser.context.setOffline(false);
    await comesBack();
    assert.equal(await revokes(), 1);
  }
  await page.waitForTimeout(3_000);
  assert.equal((await page.evaluate(() => tab.rateLimit())).email, rig.email);
  assert.equal(await revokes(), 1);
  await page.evaluate(() => tab.signOut());
  await page.close();
});

/** Returns what a page's console shows from now on, except that the browser found no icon. */
function shownOn(page: Page): string[] {
  const shown: string[] = [];
  page.on("console", (m) => {
    if (!m.location().url.endsWith("/favicon.ico")) {
      shown.push(`${m.text()} ${m.location().url}`);
    }
  });
  return shown;
}

test("a stranger's first visit emits nothing and leaves the console empty", async () => {
  const [proxy, elsewhere] = await Promise.all([local(), local()]);
  const [page] = await open(elsewhere, 1);
  const shown = shownOn(page);
  await page.evaluate((u) => tab.openDashboard(u), proxy);
  assert.equal(await page.evaluate(() => tab.failed()), "signed_out");
  assert.equal(await page.evaluate(() => tab.failed()), "signed_out");
  assert.equal(await refreshes(proxy), 1);
  assert.deepEqual(await page.evaluate(() => tab.told()), []);
  assert.deepEqual(shown, []);

  await page.evaluate(([e, p]) => tab.login(e, p), [rig.email, rig.password] as const);
  await page.evaluate(() => tab.rateLimit());
  const [other] = await open(elsewhere, 1);
  await other.evaluate((u) => tab.openDashboard(u), proxy);
  await other.evaluate(() => tab.rateLimit());
  assert.deepEqual(await other.evaluate(() => tab.told()), ['signedIn {"other":true}']);
  await page.evaluate(() => tab.signOut());
  await other.waitForFunction(() => tab.told().length > 1);
  const all = ['signedIn {"other":true}', 'signedOut {"other":true}'];
  assert.deepEqual(await other.evaluate(() => tab.told()), all);
  assert.deepEqual(await page.evaluate(() => tab.told()), [
    'signedIn {"other":false}',
    'signedOut {"other":false}',
  ]);
  await Promise.all([page.close(), other.close()]);
});

test("a dashboard knows whether somebody is signed in, in every tab and after a reload", async () => {
  const [proxy, elsewhere] = await Promise.all([local(), local()]);
  const opened = async () => {
    const [page] = await open(elsewhere, 1);
    await page.evaluate((u) => tab.openDashboard(u), proxy);
    await page.evaluate(() => tab.watch());
    return page;
  };
  const reaches = async (page: Page, ...states: string[]) => {
    await page.waitForFunction((n) => tab.states().length >= n, states.length);
    assert.deepEqual(await page.evaluate(() => tab.states()), states);
  };
  const first = await opened();
  await reaches(first, "unknown", "signedOut");
  assert.equal(await first.evaluate(() => tab.who()), undefined);
  await first.evaluate(([e, p]) => tab.login(e, p), [rig.email, rig.password] as const);
  await reaches(first, "unknown", "signedOut", "signedIn");
  const me = await direct(rig.server, rig.developerToken).sessions.me();
  assert.equal(await first.evaluate(() => tab.who()), me.id);

  const second = await opened();
  await reaches(second, "unknown", "signedIn");
  await first.close();
  const third = await opened(); // as after a reload
  await reaches(third, "unknown", "signedIn");
  await third.evaluate(() => tab.signOut());
  await reaches(third, "unknown", "signedIn", "signedOut");
  await reaches(second, "unknown", "signedIn", "signedOut");
  assert.equal(await second.evaluate(() => tab.who()), undefined);
  await Promise.all([second.close(), third.close()]);
});

test("a page on another site than the API is told that a login will not last", async () => {
  const [proxy, elsewhere] = await Promise.all([rig.proxy(), local()]);
  const [page] = await open(elsewhere, 1);
  const shown = shownOn(page);
  await page.evaluate((u) => tab.openDashboard(u), proxy);
  assert.equal(shown.length, 1);
  assert.match(
    shown[0] ?? "",
    /the page is at localhost and the API at 127\.0\.0\.1, which are two/,
  );
  await page.close();
});
