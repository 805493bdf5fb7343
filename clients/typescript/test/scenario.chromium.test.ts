import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Browser, bundle, startBrowser } from "./chromium.js";
import { type Rig, startRig } from "./harness.js";
import type { Scenario } from "./scenario/scenario.js";
import { playAll } from "./scenarios.js";

declare const play: (
  s: Scenario,
  w: { server: string; developerToken: string; proxy: string },
) => Promise<string[]>;

let rig: Rig;
let browser: Browser;
before(async () => {
  [rig, browser] = await Promise.all([
    startRig({ args: ["--dev", "--allow-keys-in-browsers"] }),
    startBrowser(),
  ]);
});
after(async () => {
  await browser?.close();
  await rig?.close();
});

test("the shared scenarios come to the shared outcomes in Chromium", async (t) => {
  const script = await bundle("scenario/page.js");
  const stages = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const proxy = (await rig.proxy()).replace("127.0.0.1", "localhost");
      return { proxy, page: await browser.open(proxy, script) };
    }),
  );
  await playAll(t, "Chromium", stages, (scenario, { proxy, page }) => {
    const world = { server: rig.server, developerToken: rig.developerToken, proxy };
    return page.evaluate(([s, w]) => play(s, w), [scenario, world] as const);
  });
  assert.deepEqual(browser.leaks, []);
});
