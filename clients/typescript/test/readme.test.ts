import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import type { Client } from "../src/index.js";
import { startBrowser } from "./chromium.js";
import { printedUrl, type Rig, startRig, stop } from "./harness.js";
import { direct } from "./scenario/world.js";

const root = join(import.meta.dirname, "..", "..");
const run = (cwd: string, file: string, args: string[], env: Record<string, string> = {}) =>
  execFileSync(file, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 300_000,
  });

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

const strict = {
  target: "ES2022",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  outDir: "out",
  rootDir: "src",
};

function snippets(): Map<string, string> {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  return new Map(
    [...readme.matchAll(/```ts (\w+)\n(.*?)```/gs)].map((m) => [m[1] ?? "", m[2] ?? ""]),
  );
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
    },
  };
}

test("the README's snippets compile and run in an empty Node app", async () => {
  const app = newApp("node-app", ["@types/node@20"]);
  const all = snippets();
  assert.ok(all.size >= 8);
  for (const [name, code] of all) {
    writeFileSync(join(app, "src", `${name}.ts`), code);
  }
  writeFileSync(
    join(app, "src", "main.ts"),
    `import assert from "node:assert/strict";
     import { apiKey, createClient, memory, userSession } from "@openwearables/sdk/node";
     import { handleTokenRequest } from "./exchange.js";
     import { nameOf } from "./errors.js";
     import { greet } from "./ssr.js";
     import { workouts } from "./raw.js";
     import { report } from "./report.js";
     import { run } from "./workouts.js";
     import * as testing from "./testing.js";
     import * as tool from "./tool.js";
     import "./backend.js";
     const [user = "", email = "", password = ""] = process.argv.slice(2);
     const baseUrl = process.env.OPENWEARABLES_BASE_URL!;
     const ow = createClient({ baseUrl, auth: apiKey(process.env.OPENWEARABLES_API_KEY!) });
     assert.equal(await nameOf(ow, user), "Ada");
     assert.equal(await nameOf(ow, crypto.randomUUID()), undefined);
     const range = { userId: user, startDate: "2026-01-01", endDate: "2026-12-31" };
     assert.equal((await workouts(ow).listWorkouts(range)).data.length, 0);
     assert.equal((await run(ow, user, new Date("2026-03-02T10:00:00.123Z"))).length, 1);
     assert.match((await (await handleTokenRequest(user)).json()).refresh_token, /^rt_/);
     assert.equal((await tool.open(baseUrl, email, async () => password).sessions.me()).email, email);
     assert.equal(await testing.test(), true);
     const dev = tool.open(baseUrl, email, async () => password);
     const { key } = await dev.keys.create({});
     const since = new Date(Date.now() - 86_400_000);
     const { refused, requests } = await report(dev, key.id, since);
     assert.deepEqual([refused, requests], [[], 0n]);
     const store = memory();
     assert.equal(await greet(baseUrl, store, user), "Hello");
     const tokenProvider = async () => (await handleTokenRequest(user)).json();
     await createClient({ baseUrl, auth: userSession({ store, tokenProvider }) }).users.get(user);
     assert.equal(await greet(baseUrl, store, user), "Hello Ada");
     process.exit(0);`,
  );
  writeFileSync(
    join(app, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: { ...strict, module: "NodeNext", types: ["node"], lib: ["ES2022", "DOM"] },
    }),
  );
  run(app, "npx", ["tsc"]);
  const { user, env } = await seed();
  const out = run(app, "node", ["out/main.js", user.id, rig.email, rig.password], env);
  assert.ok(out.includes(user.id));
  assert.doesNotMatch(out, /rt_[0-9a-z]{12}|eyJ/);
});

test("the SDK type-checks, builds and runs in an empty Vite app", async () => {
  const app = newApp("vite-app", ["vite@7"]);
  const all = snippets();
  writeFileSync(join(app, "src", "dashboard.ts"), all.get("dashboard") ?? "");
  writeFileSync(join(app, "src", "webapp.ts"), all.get("webapp") ?? "");
  writeFileSync(
    join(app, "src", "main.ts"),
    `import { open as openApp } from "./webapp.js";
     import { open as openDashboard } from "./dashboard.js";
     Object.assign(globalThis, { openApp, openDashboard });`,
  );
  writeFileSync(
    join(app, "index.html"),
    `<!doctype html><script type="module" src="/src/main.ts"></script>`,
  );
  writeFileSync(
    join(app, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        ...strict,
        module: "ESNext",
        moduleResolution: "bundler",
        noEmit: true,
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
    await page.route("**/my-backend/ow-token", (r) => r.fulfill({ json: pair }));
    await page.goto(await printedUrl(preview));
    await page.waitForFunction("globalThis.openDashboard");
    const server = rig.server;
    const args = [server, rig.email, rig.password, user.id] as const;
    const seen = await page.evaluate(async ([base, email, password, id]) => {
      const { openApp, openDashboard } = globalThis as unknown as {
        openApp(base: string, showLogin: () => void): Client;
        openDashboard(base: string, email: string, password: string): Promise<string>;
      };
      const user = await openApp(base, () => {}).users.get(id);
      return [user.firstName, await openDashboard(base, email, password)];
    }, args);
    assert.deepEqual(seen, ["Ada", rig.email]);
  } finally {
    await browser.close();
    await stop(preview, () => preview.kill());
  }
});

/** Copies the files of the repository below this folder, as a clone has them. */
function cleanCopy(to: string): void {
  const files = run(root, "git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  for (const name of files.split("\0").filter((f) => f && existsSync(join(root, f)))) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    copyFileSync(join(root, name), join(to, name));
  }
}

test("the example builds in a clean clone, as its header says, and hands tokens to a page", async () => {
  const clone = join(rig.folder, "clone");
  cleanCopy(clone);
  const example = join(clone, "examples", "token-backend");
  run(example, "npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"]);
  run(example, "npm", ["run", "build"], { npm_config_prefer_offline: "true" });
  const { env } = await seed();
  const backend = spawn("npm", ["start"], {
    cwd: example,
    env: { ...process.env, ...env, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true, // npm is asked to end with what it started
  });
  const browser = await startBrowser();
  try {
    const page = await browser.context.newPage();
    await page.goto(await printedUrl(backend));
    await page.waitForFunction("document.querySelector('output').textContent.includes('workouts')");
    assert.equal(await page.textContent("output"), "ada has 0 workouts");
  } finally {
    await browser.close();
    await stop(backend, () => process.kill(-(backend.pid as number)));
  }
});
