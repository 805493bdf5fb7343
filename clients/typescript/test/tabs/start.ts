import { after } from "node:test";
import type { Page } from "playwright-core";
import { bundle, startBrowser } from "../chromium.js";
import { startRig } from "../harness.js";
import { FaultProxy } from "../scenario/proxy.js";

/** Starts a server and a browser whose pages run tabs/page.ts. */
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
    /** Opens count tabs of an origin. */
    open: (origin: string, count: number) =>
      Promise.all(Array.from({ length: count }, () => browser.open(origin, script))) as Promise<
        [Page, ...Page[]]
      >,
    /** Starts a proxy with its own origin. */
    local: async () => (await rig.proxy()).replace("127.0.0.1", "localhost"),
    /** Resolves with the number of refreshes since the last reset, without preflights (204). */
    async refreshes(proxy: string): Promise<number> {
      const { log } = await new FaultProxy(proxy).report();
      return log.filter((s) => s.method === "RefreshToken" && s.status !== 204).length;
    },
  };
}
