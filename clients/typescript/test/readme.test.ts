import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import type { Client } from "../src/index.js";
import { startBrowser } from "./chromium.js";
import { printedUrl, type Rig, startRig, stop } from "./harness.js";
import { direct } from "./scenario/world.js";

const root = join(import.meta.dirname, "..", "..");
function run(cwd: string, file: string, args: string[], env: Record<string, string> = {}): string {
  const ended = spawnSync(file, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 300_000,
  });
  const said = `${file} ${args.join(" ")}: ${ended.stdout}${ended.stderr}`;
  assert.equal(ended.status, 0, said);
  return ended.stdout;
}

let rig: Rig;
let tarball: string;
before(async () => {
  rig = await startRig({ args: ["--dev"] });
  const [name] = run(root, "npm", [
    "pack",
    "--ignore-scripts",
    "--silent",
    "--pack-destination",
    rig.folder,
  ])
    .trim()
    .split("\n");
  tarball = join(rig.folder, name ?? "");
});
after(() => rig.close());

/** Creates an empty app with the packed SDK and the named packages. */
function newApp(name: string, more: string[] = []): string {
  const app = join(rig.folder, name);
  mkdirSync(join(app, "src"), { recursive: true });
  writeFileSync(join(app, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  run(app, "npm", [
    "install",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    tarball,
    "typescript@7.0.2",
    ...more,
  ]);
  return app;
}

const reacts = ["react@19.3.1", "react-dom@19.3.1", "@types/react@19", "@types/react-dom@19"];
const connects = ["@connectrpc/connect@2.1.2", "@connectrpc/connect-web@2.1.2"];
const peers = ["@bufbuild/protobuf@2.12.1", ...connects, ...reacts];

const strict = {
  target: "ES2022",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  outDir: "out",
  rootDir: "src",
};

function snippets(file = join(root, "README.md")): Map<string, string> {
  const page = readFileSync(file, "utf8");
  return new Map(
    [...page.matchAll(/^```tsx? (\w+)\n(.*?)^```$/gms)].map((m) => [m[1] ?? "", m[2] ?? ""]),
  );
}

/** The blocks of the guides of /docs, by the names of the page and of the block. */
function guides(): Map<string, string> {
  const folder = join(root, "..", "..", "server", "docs");
  const all = readdirSync(folder).filter((name) => name.endsWith(".md"));
  return new Map(
    all.flatMap((name) =>
      [...snippets(join(folder, name))].map(([block, code]) => [
        `${name.slice(0, -3)}-${block}`,
        code,
      ]),
    ),
  );
}

/** What each block of the guides prints that ends by itself. */
const guidesPrint: Record<string, RegExp> = {
  "backend-read": /^8200 m\n$/,
  "backend-errors": /^there is no such user\n$/,
  "gateway-verify": /^true valid key:/,
};

/** Runs the backend of the guide for web apps, and returns the pair that it gives. */
async function pairOf(app: string, env: Record<string, string>): Promise<string> {
  const socketPath = join(rig.folder, "backend");
  const backend = spawn(process.execPath, ["out/web-backend.js"], {
    cwd: app,
    env: { ...process.env, ...env, PORT: socketPath },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(backend.stdout, "data", { signal: AbortSignal.timeout(30_000) });
    const asked = request({ socketPath, path: "/ow-token", method: "POST", timeout: 30_000 }).end();
    const [answer] = await once(asked, "response", { signal: AbortSignal.timeout(30_000) });
    return await text(answer);
  } finally {
    await stop(backend, () => backend.kill());
  }
}

/** Creates an API key, an application and a user. */
async function seed() {
  const dev = direct(rig.server, rig.developerToken);
  const [key, app, user] = [
    await dev.keys.create({}),
    await dev.applications.create("example"),
    await dev.users.create({ firstName: "Ada" }),
  ];
  return {
    user,
    env: {
      OPENWEARABLES_BASE_URL: rig.server,
      OPENWEARABLES_API_KEY: key.secret.reveal(),
      OPENWEARABLES_APP_ID: app.application.appId,
      OPENWEARABLES_APP_SECRET: app.secret.reveal(),
      USER_ID: user.id,
    },
  };
}

/** Calls what the snippets export. */
const program = `import assert from "node:assert/strict";
  import { apiKey, createClient, userSession } from "@openwearables/sdk/node";
  import { cookieStore } from "@openwearables/sdk/server";
  import { handleTokenRequest } from "./exchange.js";
  import { nameOf } from "./errors.js";
  import { greet } from "./cookies.js";
  import { open as openNative } from "./native.js";
  import { workouts } from "./connect.js";
  import { report } from "./report.js";
  import { receive } from "./webhooks.js";
  import * as small from "./small.js";
  import * as testing from "./testing.js";
  import * as tool from "./tool.js";
  import "./backend.js";
  import "./workouts.js";
  const [user = "", email = "", password = ""] = process.argv.slice(2);
  const baseUrl = process.env.OPENWEARABLES_BASE_URL!;
  const key1 = apiKey(process.env.OPENWEARABLES_API_KEY!);
  const ow = createClient({ baseUrl, auth: key1 });
  assert.equal(await nameOf(ow, user), "Ada");
  assert.equal(await nameOf(ow, crypto.randomUUID()), undefined);
  const startDate = new Date(Date.now() - 86_400_000).toISOString();
  const range = { userId: user, startDate, endDate: new Date().toISOString() };
  assert.equal((await workouts(baseUrl, key1).listWorkouts(range)).data.length, 1);
  assert.match((await (await handleTokenRequest(user)).json()).refresh_token, /^rt_/);
  assert.equal((await tool.open(baseUrl, email, async () => password).sessions.me()).email, email);
  assert.equal(await testing.test(), true);
  const dev = tool.open(baseUrl, email, async () => password);
  const { key } = await dev.keys.create({});
  const since = new Date(Date.now() - 86_400_000);
  const { refused, requests } = await report(dev, key.id, since);
  assert.deepEqual([refused, requests], [[], 0]);
  const forged = new Request("https://a.example", { method: "POST", body: "{}" });
  assert.equal((await receive(forged, "whsec_AAAA")).status, 400);
  const cookies = new Map<string, string>();
  const set = (name: string, value: string) => void cookies.set(name, value);
  const jar = { get: (name: string) => cookies.get(name), set };
  assert.equal(await greet(baseUrl, jar, user), "Hello");
  const tokenProvider = async () => (await handleTokenRequest(user)).json();
  const auth = userSession({ store: cookieStore(jar), tokenProvider });
  await createClient({ baseUrl, auth }).users.get(user);
  assert.equal((await small.open(baseUrl, auth).users.get(user)).firstName, "Ada");
  assert.equal(await greet(baseUrl, jar, user), "Hello Ada");
  const texts = new Map<string, string>();
  const native = openNative({
    getItem: async (key) => texts.get(key) ?? null,
    setItem: async (key, value) => void texts.set(key, value),
    removeItem: async (key) => void texts.delete(key),
  }, tokenProvider);
  assert.equal((await createClient({ baseUrl, auth: native }).users.get(user)).firstName, "Ada");
  assert.equal(texts.size, 1);
  process.exit(0);`;

test("the README's snippets compile and run in an empty Node app", async () => {
  const app = newApp("node-app", ["@types/node@20", ...peers]);
  const all = snippets();
  assert.ok(all.size >= 8);
  for (const [name, code] of all) {
    writeFileSync(join(app, "src", `${name}.ts${name === "react" ? "x" : ""}`), code);
  }
  const guide = guides();
  for (const [name, code] of guide) writeFileSync(join(app, "src", `${name}.ts`), code);
  assert.deepEqual(
    [...guide.keys()].sort(),
    [...Object.keys(guidesPrint), "web-backend", "web-page"].sort(),
  );
  writeFileSync(join(app, "src", "main.ts"), program);
  writeFileSync(
    join(app, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        ...strict,
        jsx: "react-jsx",
        module: "NodeNext",
        types: ["node"],
        lib: ["ES2022", "DOM"],
      },
    }),
  );
  run(app, "npx", ["tsc"]);
  const { user, env } = await seed();
  const out = run(app, "node", ["out/main.js", user.id, rig.email, rig.password], env);
  assert.ok(out.includes(user.id));
  // The first programs run as they are pasted, without a compiler.
  writeFileSync(join(app, "first.mjs"), all.get("backend") ?? "");
  assert.match(run(app, "node", ["first.mjs"], env), new RegExp(`${user.id} Ada 20\\d\\d`));
  writeFileSync(join(app, "workout.mjs"), all.get("workouts") ?? "");
  assert.match(run(app, "node", ["workout.mjs"], env), /^running 20.*Z 1800\n$/);
  assert.doesNotMatch(out, /rt_[0-9a-z]{12}|eyJ/);
  const startTime = new Date(Date.now() - 600_000);
  const run8 = { externalId: "guide", type: "running", source: { provider: "guide" } };
  await direct(rig.server, rig.developerToken).workouts.upsert(user.id, [
    { ...run8, startTime, endTime: new Date(), distanceMeters: 8200 },
  ]);
  for (const [name, printed] of Object.entries(guidesPrint)) {
    assert.match(run(app, "node", [`out/${name}.js`], env), printed);
  }
  assert.match(await pairOf(app, env), /"refresh_token":"rt_/);
});

test("the SDK type-checks, builds and runs in an empty Vite app", async () => {
  const app = newApp("vite-app", ["vite@7", ...reacts]);
  const all = snippets();
  writeFileSync(join(app, "src", "dashboard.ts"), all.get("dashboard") ?? "");
  writeFileSync(join(app, "src", "webapp.ts"), all.get("webapp") ?? "");
  writeFileSync(join(app, "src", "react.tsx"), all.get("react") ?? "");
  writeFileSync(join(app, "src", "guide.ts"), guides().get("web-page") ?? "");
  writeFileSync(
    join(app, "src", "main.ts"),
    `import { open as openApp } from "./webapp.js";
     import { open as openGuide } from "./guide.js";
     import { open as openDashboard } from "./dashboard.js";
     import { open as openReact } from "./react.js";
     import { createElement, StrictMode } from "react";
     import { createRoot } from "react-dom/client";
     const fetchPair = async () => (await fetch("/my-backend/ow-token", { method: "POST" })).json();
     const showReact = (base: string) =>
       createRoot(document.querySelector("main")!).render(
         createElement(StrictMode, {}, openReact(base, fetchPair)),
       );
     Object.assign(globalThis, { openApp, openDashboard, openGuide, showReact });`,
  );
  writeFileSync(
    join(app, "index.html"),
    `<!doctype html><main></main><script type="module" src="/src/main.ts"></script>`,
  );
  writeFileSync(
    join(app, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        ...strict,
        module: "ESNext",
        moduleResolution: "bundler",
        noEmit: true,
        jsx: "react-jsx",
        types: [],
        lib: ["ES2022", "DOM", "DOM.Iterable"],
      },
    }),
  );
  run(app, "npx", ["tsc"]);
  run(app, "npx", ["vite", "build"]);
  const preview = spawn(
    process.execPath,
    ["node_modules/vite/bin/vite.js", "preview", "--port", "0", "--host", "127.0.0.1"],
    { cwd: app, env: { ...process.env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "inherit"] },
  );
  const browser = await startBrowser();
  try {
    const page = await browser.context.newPage();
    const { user } = await seed();
    const pair = (await direct(rig.server, rig.developerToken).tokens.create(user.id)).expose();
    await page.route("**/ow-token", (r) => r.fulfill({ json: pair }));
    await page.goto(await printedUrl(preview));
    await page.waitForFunction("globalThis.openDashboard");
    const server = rig.server;
    const args = [server, rig.email, rig.password, user.id] as const;
    const seen = await page.evaluate(async ([base, email, password, id]) => {
      const { openApp, openDashboard, openGuide } = globalThis as unknown as {
        openApp(base: string, showLogin: () => void): Client;
        openGuide(base: string, showLogin: () => void): Client;
        openDashboard(base: string, email: string, password: string): Promise<string>;
      };
      const user = await openApp(base, () => {}).users.get(id);
      const again = await openGuide(base, () => {}).users.get(id);
      return [user.firstName, again.firstName, await openDashboard(base, email, password)];
    }, args);
    assert.deepEqual(seen, ["Ada", "Ada", rig.email]);
    await page.evaluate((base) => {
      (globalThis as unknown as { showReact(base: string): void }).showReact(base);
    }, server);
    await page.waitForFunction("document.querySelector('main').textContent === 'Sign out Ada'");
    await page.click("button");
    await page.waitForFunction("document.querySelector('main').textContent === 'signedOut'");
  } finally {
    await browser.close();
    await stop(preview, () => preview.kill());
  }
});
