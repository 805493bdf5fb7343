import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { FaultProxy, pause } from "./scenario/proxy.js";
import { direct, newPerson } from "./scenario/world.js";
import type { Tab } from "./tabs/page.js";
import { startTabs } from "./tabs/start.js";

declare const tab: Tab;

const { rig, browser, open, local, refreshes } = await startTabs();
/** Milliseconds until a token of an hour should be renewed, and until it has expired. */
const [nearly, over] = [3_570_000, 3_700_000];

/** Opens tabs with one signed-in user. */
async function signedIn(count: number, kind: "indexedDb" | "localStorage" = "indexedDb") {
  const proxy = await local();
  const person = await newPerson(direct(rig.server, rig.developerToken));
  const pages = await open(proxy, count);
  for (const p of pages) {
    await p.evaluate(([u, k]) => tab.openUser(u, "page", k), [proxy, kind] as const);
  }
  await pages[0].evaluate((pair) => tab.signIn(pair), person.pair);
  const get = (p: Page) => p.evaluate((id) => tab.get(id), person.id);
  for (const p of pages) {
    assert.equal(await get(p), person.id);
  }
  const all = <T>(what: (p: Page) => Promise<T>) => Promise.all(pages.map(what));
  return { proxy, pages, get, all, id: person.id, close: () => all((p) => p.close()) };
}

async function refreshedWithin(ms: number, proxy: string): Promise<number> {
  for (const end = Date.now() + ms; Date.now() < end; await pause(50)) {
    if ((await refreshes(proxy)) > 0) {
      break;
    }
  }
  await pause(500);
  return refreshes(proxy);
}

test("stores of a browser keep what every store promises", async () => {
  const [page] = await open(await local(), 1);
  for (const kind of ["indexedDb", "localStorage", "sessionStorage"] as const) {
    await page.evaluate((k) => tab.contract(k), kind);
  }
  await page.close();
});

test("tabs that share localStorage adopt each other's tokens and lose no session", async () => {
  const { proxy, pages, all, get, close } = await signedIn(2, "localStorage");
  for (let n = 0; n < 5; n++) {
    await new FaultProxy(proxy).reset();
    await all((p) => p.evaluate((ms) => tab.advance(ms), over));
    await all(get);
    const count = await refreshes(proxy);
    assert.ok(count === 1 || count === 2, `${count} refreshes`);
  }
  for (const p of pages) {
    assert.deepEqual(await p.evaluate(() => tab.lost()), []);
  }
  await close();
});

test("a full localStorage loses no session, which is stored once there is room", async () => {
  const proxy = await local();
  const person = await newPerson(direct(rig.server, rig.developerToken));
  const [page] = await open(proxy, 1);
  await page.evaluate((u) => tab.openUser(u, "full", "localStorage"), proxy);
  await page.evaluate(() => tab.fill());
  await page.evaluate((pair) => tab.signIn(pair), person.pair);
  assert.deepEqual(await page.evaluate(() => tab.storageErrors()), ["storageError"]);
  const get = () => page.evaluate((id) => tab.get(id), person.id);
  assert.equal(await get(), person.id);
  assert.equal(await page.evaluate(() => localStorage.getItem("openwearables:full")), null);

  await page.evaluate(() => localStorage.removeItem("full"));
  await page.evaluate(() => tab.advance(6_000));
  assert.equal(await get(), person.id);
  await page.waitForFunction(() => localStorage.getItem("openwearables:full"));
  await page.close();
});

test("hidden tabs renew nothing in the background; once visible, they renew once", async () => {
  const { proxy, pages, all, get, close } = await signedIn(3);
  await all((p) => p.evaluate(() => tab.hide(true)));
  await all((p) => p.evaluate((ms) => tab.advance(ms), nearly));
  await all(get); // the token is valid for half a minute more
  await pause(300);
  assert.equal(await refreshes(proxy), 0);

  const began = Date.now();
  await all((p) => p.evaluate(() => tab.hide(false)));
  assert.equal(await refreshedWithin(2_500, proxy), 1);
  assert.ok(Date.now() - began < 3_500);
  await pause(2_000); // until the slowest tab has checked
  assert.equal(await refreshes(proxy), 1);

  await all((p) => p.evaluate(() => tab.hide(true)));
  await all((p) => p.evaluate((ms) => tab.advance(ms), over));
  await get(pages[0]); // a call needs it, even in a hidden tab
  assert.equal(await refreshes(proxy), 2);
  await close();
});

test("tabs that are back online renew once, even during a cooldown", async () => {
  const { proxy, pages, all, get, close, id } = await signedIn(3);
  await all((p) => p.evaluate((ms) => tab.advance(ms), over));
  await browser.context.setOffline(true);
  await Promise.all(pages.map((p) => assert.rejects(get(p), /offline/)));
  assert.equal(await refreshes(proxy), 0);
  await browser.context.setOffline(false);
  assert.equal(await refreshedWithin(2_500, proxy), 1);
  await pause(2_000);
  assert.equal(await refreshes(proxy), 1);
  assert.deepEqual(await all(get), [id, id, id]); // although the cooldown is not over
  assert.equal(await refreshes(proxy), 1);
  await close();
});

test("a call right after the network or the page returned does not wait", async () => {
  const { proxy, pages, get, close, id } = await signedIn(1);
  const [page] = pages;
  const faults = new FaultProxy(proxy);
  const lost = [{ method: "RefreshToken", fault: "reset" }];
  for (const resume of ["online", "visibilitychange"]) {
    await page.evaluate((ms) => tab.advance(ms), over);
    await faults.reset();
    await faults.rules(lost);
    await assert.rejects(get(page), /offline/);
    await assert.rejects(get(page), /offline/); // the cooldown
    await faults.reset();
    await page.evaluate((name) => {
      (name === "online" ? window : document).dispatchEvent(new Event(name));
    }, resume);
    assert.equal(await get(page), id, resume);
    assert.equal(await refreshes(proxy), 1);
    await pause(2_500); // until the check that follows is over
  }
  await close();
});

test("a disposed session ignores other tabs and renews nothing", async () => {
  const { proxy, pages, close } = await signedIn(2);
  const [first, second] = pages as [Page, Page];
  await first.evaluate(() => tab.dispose());
  await first.evaluate((ms) => tab.advance(ms), nearly);
  await first.evaluate(() => tab.hide(true));
  await first.evaluate(() => tab.hide(false));
  await second.evaluate(() => tab.leave());
  await pause(2_200);
  assert.equal(await refreshes(proxy), 0);
  assert.deepEqual(await first.evaluate(() => tab.lost()), []);
  await close();
});

test("a redirect and a response that is too large are not repeated in a browser", async () => {
  const { proxy, pages, get, close } = await signedIn(1);
  const faults = new FaultProxy(proxy);
  const answers = [
    [/the base URL redirects to/, 302, { Location: "/login" }, ""],
    [/has more than 1048576 bytes/, 503, { "Content-Type": "application/json" }, "x".repeat(2e6)],
  ] as const;
  for (const [message, status, headers, body] of answers) {
    await faults.reset();
    await faults.rules([{ method: "GetUser", fault: "answer", times: 9, status, headers, body }]);
    await assert.rejects(get(pages[0]), message);
    const { log } = await faults.report();
    assert.equal(log.filter((s) => s.method === "GetUser").length, 1);
  }
  await faults.reset();
  await close();
});

test("a page that sends an API key is told why it may not", async () => {
  const { secret } = await direct(rig.server, rig.developerToken).keys.create({});
  const proxy = await local();
  const [page] = await open(proxy, 1);
  for (const base of [proxy, rig.server]) {
    for (const method of ["GET", "POST"]) {
      const answer = await page.evaluate(
        async ([url, method, key]) => {
          const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
          const body = method === "POST" ? "{}" : null;
          const res = await fetch(`${url}/api/v1/users`, { method, headers, body });
          return { status: res.status, ...(await res.json()) };
        },
        [base, method, secret.reveal()] as const,
      );
      assert.equal(answer.status, 403, `${method} ${base}`);
      assert.equal(answer.reason, "key_in_browser");
      assert.match(answer.detail, /whoever opens this page can read it/);
    }
  }
  await page.close();
});
