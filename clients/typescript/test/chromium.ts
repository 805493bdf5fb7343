import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import {
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { secrets } from "./secrets.js";

/** A real Chromium and the secrets on its consoles. */
export interface Browser {
  context: BrowserContext;
  /** The console lines that contain a secret. */
  leaks: string[];
  /** Opens a page of an API's origin and runs the script there. */
  open(origin: string, script: string): Promise<Page>;
  close(): Promise<void>;
}

export async function startBrowser(options: BrowserContextOptions = {}): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "openwearables-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    bypassCSP: true, // the policy of the API's pages forbids scripts
    ...options,
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-background-timer-throttling",
      "--disable-renderer-backgrounding",
    ],
  });
  const leaks: string[] = [];
  context.on("console", (m) => {
    if (secrets.test(m.text())) {
      leaks.push(m.text());
    }
  });
  return {
    context,
    leaks,
    async open(origin, script) {
      const page = await context.newPage();
      await page.goto(`${origin}/livez`);
      await page.evaluate(script);
      return page;
    },
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Bundles a test module, for a page by default. */
export async function bundle(entry: string, format: "iife" | "esm" = "iife"): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, entry)],
    bundle: true,
    write: false,
    format,
    platform: "browser",
    target: "es2022",
  });
  return outputFiles[0]?.text ?? "";
}
