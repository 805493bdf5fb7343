import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { createClient, developerLogin } from "../src/index.js";
import { type Browser, startBrowser } from "./chromium.js";
import { clone, createEnvironment, root, run } from "./environment.js";
import { printedUrl, type Rig, startRig, stop } from "./harness.js";
import { pause } from "./scenario/proxy.js";

const { copy } = createEnvironment("environments-web");
const examples = join(root, "examples");
/** Seconds that an access token lives: the pages must renew it. */
const ttl = 5;

let rig: Rig;
let browser: Browser;
let env: Record<string, string>;
before(async () => {
  rig = await startRig({ args: ["--dev", `--access-token-ttl=${ttl}s`] });
  browser = await startBrowser();
  const { email, password } = rig;
  const server = rig.server.replace("127.0.0.1", "localhost");
  const dev = createClient({ baseUrl: server, auth: developerLogin({ email, password }) });
  const key = await dev.keys.create({});
  const { application, secret } = await dev.applications.create("example");
  const demo = await dev.users.create({ externalUserId: "demo", firstName: "Demo" });
  const startTime = new Date(Date.now() - 7_200_000);
  const endTime = new Date(Date.now() - 3_600_000);
  const source = { provider: "garmin" };
  await dev.workouts.upsert(demo.id, [
    { externalId: "a", type: "running", name: "Intervals", startTime, endTime, source },
  ]);
  env = {
    OPENWEARABLES_BASE_URL: server,
    OPENWEARABLES_API_KEY: key.secret.reveal(),
    OPENWEARABLES_APP_ID: application.appId,
    OPENWEARABLES_APP_SECRET: secret.reveal(),
    VITE_OPENWEARABLES_BASE_URL: server,
    NEXT_TELEMETRY_DISABLED: "1",
    PORT: "0",
  };
});
after(async () => {
  await browser.close();
  await rig.close();
});

/** Starts a script of an example and resolves with the URL that it prints. */
async function start(at: string, args: string[], more: Record<string, string> = {}) {
  const p: ChildProcess = spawn("npm", ["run", "--silent", ...args], {
    cwd: at,
    env: { ...process.env, NO_COLOR: "1", ...env, ...more },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true, // npm is asked to end with what it started
  });
  const end = () => stop(p, () => process.kill(-(p.pid as number)));
  try {
    return { url: await printedUrl(p), end };
  } catch (e) {
    await end();
    throw e;
  }
}

/** Opens a page and collects which parts it ever showed, also between two looks at it. */
async function open(
  url: string,
  parts: string[],
): Promise<{ page: Page; seen(): Promise<string[]> }> {
  const page = await browser.context.newPage();
  await page.addInitScript((selectors) => {
    const seen = new Set<string>();
    Object.assign(globalThis, { seen });
    const look = () => {
      for (const s of selectors) {
        if (document.querySelector<HTMLElement>(s)?.checkVisibility()) {
          seen.add(s);
        }
      }
      requestAnimationFrame(look);
    };
    look();
  }, parts);
  await page.goto(url.replace("127.0.0.1", "localhost"));
  return { page, seen: () => page.evaluate("[...seen].sort()") };
}

/** Waits until the access tokens of now have expired. */
const expiry = () => pause(ttl * 1000 + 500);

const names = readdirSync(examples, { withFileTypes: true })
  .filter((f) => f.isDirectory())
  .map((f) => f.name);

test("each example is in the index, uses the tested versions, and says how it is run", () => {
  const index = readFileSync(join(examples, "README.md"), "utf8");
  const tested = JSON.parse(
    readFileSync(join(root, "test", "environments-web", "package.json"), "utf8"),
  ).dependencies;
  assert.ok(names.length >= 5);
  for (const name of names) {
    assert.ok(index.includes(`[${name}](${name})`), name);
    const readme = readFileSync(join(examples, name, "README.md"), "utf8");
    assert.ok(readme.split("\n").length <= 22, `${name} has a short README`);
    assert.match(readme, /npm install @openwearables\/sdk/);
    assert.match(readFileSync(join(examples, name, ".npmrc"), "utf8"), /^install-links=true$/m);
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(join(examples, name, "package.json"), "utf8"),
    );
    for (const [dependency, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      const wanted = dependency === "@openwearables/sdk" ? "file:../.." : tested[dependency];
      assert.equal(version, wanted, `${name}: ${dependency}`);
    }
  }
});

test("node-backend stores the first workouts, once", () => {
  const at = copy(join(examples, "node-backend"));
  const first = run(at, "npm", ["start"], env);
  assert.match(first, /7 created, 0 updated/);
  assert.match(first, /workout 7 was left out: \S*end_?[tT]ime/);
  assert.equal(first.match(/ km {2}\d+ min/g)?.length, 7);
  assert.match(first, /nobody has this id/);
  assert.match(run(at, "npm", ["start"], env), /0 created, 7 updated/);
});

test("the commands of a README work in a clean clone", () => {
  const copied = join(rig.folder, "clone");
  clone(root, copied);
  const at = join(copied, "examples", "node-backend");
  const commands = /```sh\n(.*?)```/s.exec(readFileSync(join(at, "README.md"), "utf8"))?.[1] ?? "";
  assert.equal(commands.trim().split("\n").length, 3);
  const said = run(at, "sh", ["-ec", commands], { ...env, npm_config_prefer_offline: "true" });
  // As a link it would find the SDK's own React, beside that of the app.
  const sdk = join(at, "node_modules", "@openwearables", "sdk");
  assert.equal(lstatSync(sdk).isSymbolicLink(), false);
  assert.match(said, /Ada is [0-9a-f-]{36}/);
});

test("web-app signs in at token-backend, and its session outlives tokens and reloads", async () => {
  const backend = await start(copy(join(examples, "token-backend")), ["start"]);
  const at = copy(join(examples, "web-app"));
  run(at, "npm", ["run", "build"], env);
  const preview = ["preview", "--", "--port=0", "--host=localhost"];
  const web = await start(at, preview, { BACKEND_URL: backend.url });
  try {
    const { page, seen } = await open(web.url, ["#sign-in", "#workouts"]);
    await page.click("#sign-in button");
    await page.waitForSelector("#workouts li >> text=Intervals");
    await expiry();
    await page.reload();
    await page.waitForSelector("#workouts li >> text=Intervals");
    assert.deepEqual(await seen(), ["#workouts"], "no form flashed");
    await page.click("#sign-out");
    await page.waitForSelector("#sign-in");
    await page.reload();
    await page.waitForSelector("#sign-in");
    assert.deepEqual(await seen(), ["#sign-in"], "no list flashed");
  } finally {
    await web.end();
    await backend.end();
  }
});

test("vite-react keeps a developer signed in, and flashes no login at a reload", async () => {
  const at = copy(join(examples, "vite-react"));
  run(at, "npm", ["run", "build"], env);
  const web = await start(at, ["preview", "--", "--port=0", "--host=localhost"]);
  try {
    const { page, seen } = await open(web.url, ["form", "ul"]);
    await page.fill("[name=email]", rig.email);
    await page.fill("[name=password]", "a wrong password");
    await page.click("form button");
    await page.waitForSelector("text=The email or the password is wrong.");
    assert.equal(await page.inputValue("[name=email]"), rig.email);
    await page.fill("[name=password]", rig.password);
    await page.click("form button");
    await page.waitForSelector("li >> text=Demo");
    await expiry();
    await page.reload();
    await page.waitForSelector("li >> text=Demo");
    assert.deepEqual(await seen(), ["ul"], "no form flashed");
    await page.click("text=Sign out");
    await page.waitForSelector("form");
    await page.reload();
    await page.waitForSelector("form");
    assert.deepEqual(await seen(), ["form"]);
  } finally {
    await web.end();
  }
});

test("next renders on the server with the session of the cookie, and renews it", async () => {
  const at = copy(join(examples, "next"));
  // The hooks of /react are for client components, as their module says to the bundler.
  mkdirSync(join(at, "app", "state"));
  writeFileSync(
    join(at, "app", "state", "page.tsx"),
    'import { State } from "./State";\nexport default () => <State />;',
  );
  writeFileSync(
    join(at, "app", "state", "State.tsx"),
    `"use client";
     import { createClient, userSession } from "@openwearables/sdk/browser";
     import { OpenWearablesProvider, useSession } from "@openwearables/sdk/react";
     const client = createClient({ baseUrl: "https://api.example.com", auth: userSession() });
     const Word = () => <p>{useSession().state}</p>;
     export const State = () => (
       <OpenWearablesProvider client={client}><Word /></OpenWearablesProvider>
     );`,
  );
  run(at, "npm", ["run", "build"], env);
  const web = await start(at, ["start", "--", "-p", "0", "-H", "localhost"]);
  try {
    const { page } = await open(web.url, []);
    const cookie = async () =>
      (await browser.context.cookies(page.url())).find((c) => c.name === "ow_session");
    await page.click("text=Sign in");
    await page.waitForSelector("li >> text=Intervals");
    const first = await cookie();
    assert.equal(first?.httpOnly, true);
    await expiry();
    await page.reload();
    await page.waitForSelector("li >> text=Intervals");
    assert.notEqual((await cookie())?.value, first?.value);
    await expiry();
    await page.click("text=Add a run");
    await page.waitForSelector("li:nth-child(2)");
    assert.match(await (await fetch(`${web.url}/state`)).text(), /<p>unknown<\/p>/);
    assert.equal((await fetch(`${web.url}/api/workouts`, { method: "POST" })).status, 401);
    await page.click("text=Sign out");
    await page.waitForSelector("text=Your name");
    assert.equal(await cookie(), undefined);
  } finally {
    await web.end();
  }
});
