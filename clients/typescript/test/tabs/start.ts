import { after } from "node:test";
import type { Page } from "playwright-core";
import { bundle, startBrowser } from "../chromium.js";
import { startRig } from "../harness.js";
import { FaultProxy } from "../scenario/proxy.js";

/** A server, a browser and pages of it that run tabs/page.ts. */
export async function startTabs() {
  const [rig, browser, script] = await Promise.all([
    startRig({ args: ["--dev"] }),
    startBrowser(),
    bundle("tabs/page.js"),
  ]);
  after(async () => {
    await browser.close();
    await rig.close();
  });
  return {
    rig,
    browser,
    /** Opens so many tabs of an origin. */
    open: (origin: string, count: number) =>
      Promise.all(Array.from({ length: count }, () => browser.open(origin, script))) as Promise<
        [Page, ...Page[]]
      >,
    /** A proxy of an origin of its own. */
    local: async () => (await rig.proxy()).replace("127.0.0.1", "localhost"),
    /** Refreshes since the last reset; preflights carry no key. */
    async refreshes(proxy: string): Promise<number> {
      const { log } = await new FaultProxy(proxy).report();
      return log.filter((s) => s.method === "RefreshToken" && s.status !== 204).length;
    },
  };
}
