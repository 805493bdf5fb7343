import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import { startNodes } from "./nodes.js";
import { type Server, type ServerOptions, startServer } from "./server.js";

const shots = join(import.meta.dirname, "..", "shots");
const axeSource = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);
const themes = ["light", "dark"] as const;

let browser: Promise<Browser> | undefined;
after(async () => (await browser)?.close());

function startBrowser(): Promise<Browser> {
  browser ??= chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--host-resolver-rules=MAP *.test 127.0.0.1", // hosts that no browser trusts without TLS
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  return browser;
}

/** A server, a browser with one profile, and its first page. */
export interface Stage extends Server {
  context: BrowserContext;
  page: Page;
  /** What no page may cause: violations of the policy, errors of scripts and on consoles. */
  faults: string[];
  /** Opens another tab of the same browser. */
  tab: () => Promise<Page>;
  /** Opens a page of the dashboard. */
  go: (path: string, page?: Page) => Promise<void>;
}

export interface StageOptions extends ServerOptions {
  /** Another server than the usual one. */
  server?: Promise<Server>;
}

/** Starts the usual server: one with SQLite, or so many nodes as the variable NODES says. */
function startUsual(options: StageOptions): Promise<Server> {
  const { NODES } = process.env;
  return NODES ? startNodes(Number(NODES), options) : startServer(options);
}

/** Starts a server and a browser. End both with finish, which fails on any fault. */
export async function start(options: StageOptions = {}): Promise<Stage> {
  const [server, launched] = await Promise.all([
    options.server ?? startUsual(options),
    startBrowser(),
  ]);
  const context = await launched.newContext({
    viewport: { width: 1440, height: 900 },
    reducedMotion: "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
    locale: "en-US",
  });
  context.setDefaultTimeout(15_000);
  const faults: string[] = [];
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) =>
      console.error(`policy: ${e.violatedDirective} refuses ${e.blockedURI} ${e.sample}`),
    );
  });
  context.on("weberror", (e) => faults.push(`${e.page()?.url()}: ${e.error().stack}`));
  context.on("console", (message) => {
    // What a request was answered is for each test to tell.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      faults.push(`${message.page()?.url()}: ${message.text()}`);
    }
  });
  const page = await context.newPage();
  const stage: Stage = {
    ...server,
    context,
    page,
    faults,
    tab: () => context.newPage(),
    go: async (path, on = page) => {
      await on.goto(server.url + path);
    },
  };
  return stage;
}

/** Ends a stage, and fails if a page caused what none may. */
export async function finish(stage: Stage): Promise<void> {
  await stage.context.close();
  await stage.close();
  assert.deepEqual(stage.faults, []);
}

/** A test on a stage of its own. Where it fails, a picture of the page is in build/shots. */
export function scenario(
  name: string,
  options: StageOptions,
  run: (stage: Stage) => Promise<void>,
): void {
  test(name, async () => {
    const stage = await start(options);
    let failed = true;
    try {
      await run(stage);
      failed = false;
    } finally {
      if (failed) {
        const path = join(shots, `failed ${name.slice(0, 60)}.png`);
        await stage.page.screenshot({ path }).catch(() => {});
        console.error(stage.page.url(), stage.faults);
        stage.faults.length = 0; // the first error tells more
      }
      await finish(stage);
    }
  });
}

/** Logs in as the developer of `serve --dev`, and goes to a path. */
export async function login(stage: Stage, to = "/", page = stage.page): Promise<void> {
  await stage.go(`/login?to=${encodeURIComponent(to)}`, page);
  await fillLogin(stage, page);
  await page.waitForURL(stage.url + to);
  await page.getByRole("heading", { level: 1 }).waitFor();
}

/** The button in the side bar that says who is logged in. */
export function account(page: Page, email = "dev@example.com") {
  return page.getByRole("complementary").getByRole("button", { name: email });
}

/** Fills the login that a page or a part of it shows, and sends it. */
export async function fillLogin(
  stage: Stage,
  page: Page | Locator = stage.page,
  { email = stage.env.EMAIL ?? "", password = stage.env.PASSWORD ?? "" } = {},
): Promise<void> {
  await page.getByLabel("Email", { exact: true }).fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** Fails on any finding of axe on the page as it is, in both themes unless some are named. */
export async function axe(page: Page, within: readonly (typeof themes)[number][] = themes) {
  for (const colorScheme of within) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(axeSource);
    const found = await page.evaluate(async () => {
      const { violations } = await (window as unknown as { axe: Axe }).axe.run(document);
      return violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => n.html).join("\n")}`);
    });
    assert.deepEqual(found, [], `${page.url()} in ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: null });
}

interface Axe {
  run: (of: Document) => Promise<{
    violations: { id: string; impact: string; nodes: { html: string }[] }[];
  }>;
}

/**
 * Takes pictures of the page as it is, for people to look at: build/shots/NAME-WIDTH-THEME.png,
 * of the whole page or of the window alone. Fails if the page is wider than the window.
 */
export async function shot(
  page: Page,
  name: string,
  widths = [390, 1024, 1600],
  { whole = true } = {},
): Promise<void> {
  const before = page.viewportSize();
  mkdirSync(shots, { recursive: true });
  for (const width of widths) {
    await page.setViewportSize({ width, height: width < 500 ? 844 : 900 });
    for (const colorScheme of themes) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(() => document.fonts.ready.then(() => {}));
      await page.screenshot({
        path: join(shots, `${name}-${width}-${colorScheme}.png`),
        fullPage: whole,
      });
    }
    const wide = await page.evaluate(
      () => document.documentElement.scrollWidth - window.innerWidth,
    );
    assert.ok(wide <= 0, `${page.url()} is ${wide} px wider than ${width} px`);
  }
  await page.emulateMedia({ colorScheme: null });
  if (before) await page.setViewportSize(before);
}

/** The access tokens of api, by server and developer: a login is costly on purpose. */
const tokens = new Map<string, string>();

/** Calls the REST API as a developer would in another browser, for what a test has to prepare. */
export async function api<T>(
  stage: Stage,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const who = `${stage.url} ${stage.env.EMAIL}`;
  const signal = AbortSignal.timeout(30_000);
  const call = async () => {
    const token = tokens.get(who) ?? (await signIn(stage, signal));
    tokens.set(who, token);
    return fetch(`${stage.url}/api/v1${path}`, {
      signal,
      method,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };
  let res = await call();
  if (res.status === 401 && tokens.delete(who)) res = await call();
  assert.ok(res.ok, `${method} ${path} answered ${res.status}: ${await res.clone().text()}`);
  return (res.status === 204 ? undefined : await res.json()) as T;
}

async function signIn(stage: Stage, signal: AbortSignal): Promise<string> {
  const { EMAIL = "", PASSWORD = "" } = stage.env;
  const res = await fetch(`${stage.url}/api/v1/auth/login`, {
    signal,
    method: "POST",
    body: new URLSearchParams({ username: EMAIL, password: PASSWORD }),
  });
  const { access_token } = (await res.json()) as { access_token?: string };
  assert.ok(access_token, `the login of ${EMAIL} answered ${res.status}`);
  return access_token;
}
