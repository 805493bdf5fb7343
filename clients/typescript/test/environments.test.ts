import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createEnvironment, run } from "./environment.js";

const root = join(import.meta.dirname, "..", "..");
const { folder, modules, project } = createEnvironment("environments");

/** What a project does in every environment: it fails unless the SDK works. */
const check = `
async function check(sdk, testing) {
  const { createClient, isOffline, memory, OpenWearablesError, userSession } = sdk;
  const server = testing.fakeServer();
  const auth = userSession({ store: memory(), tokenProvider: () => server.mint("ada") });
  const ow = createClient({ baseUrl: server.baseUrl, fetch: server.fetch, auth });
  const user = await ow.users.get("ada");
  if (!(user.createdAt instanceof Date)) throw new Error("no Date");
  server.expire();
  await ow.users.get("ada");
  server.fail({ kind: "offline", times: Infinity });
  const e = await ow.users.get("ada").catch((x) => x);
  if (!isOffline(e) || !(e instanceof OpenWearablesError)) throw e;
  const fetch = async () =>
    Response.json({ user: { id: "bob", createdAt: "2026-01-01T00:00:00Z" } });
  const mocked = createClient({ baseUrl: server.baseUrl, fetch, auth: ow.auth });
  if ((await mocked.users.get("bob")).id !== "bob") throw new Error("not bob");
  return "works";
}
`;
const esm = `
import * as sdk from "@openwearables/sdk";
import * as testing from "@openwearables/sdk/testing";
${check}
console.log(await check(sdk, testing));
`;
const cjs = `
const sdk = require("@openwearables/sdk");
const testing = require("@openwearables/sdk/testing");
${check}
check(sdk, testing).then(console.log);
`;

test("Node loads it as ES modules and as CommonJS", () => {
  const at = project("node", { "a.mjs": esm, "a.cjs": cjs });
  for (const file of ["a.mjs", "a.cjs"]) {
    assert.match(run(at, process.execPath, [file]), /works/, file);
  }
});

test("both formats in one process work together", () => {
  const mixed = `
    import { createRequire } from "node:module";
    import * as esm from "@openwearables/sdk/node";
    import { fakeServer } from "@openwearables/sdk/testing";
    const cjs = createRequire(import.meta.url)("@openwearables/sdk/node");
    if (cjs.createClient === esm.createClient) throw new Error("it is one copy");
    const server = fakeServer();
    const { baseUrl, fetch } = server;
    const store = esm.memory();
    const tokenProvider = () => server.mint("ada");
    const auth = cjs.userSession({ store, tokenProvider });
    const ow = esm.createClient({ baseUrl, fetch, auth });
    const other = cjs.createClient({ baseUrl, fetch, auth: esm.userSession({ store }) });
    await ow.users.get("ada");
    server.expire();
    await Promise.all([ow.users.get("ada"), other.users.get("ada")]);
    if (server.count("RefreshToken") !== 1) throw new Error("they do not share the session");
    server.fail({ kind: "offline", times: Infinity });
    const e = await other.users.get("ada").catch((x) => x);
    if (!esm.isOffline(e) || !(e instanceof esm.OpenWearablesError)) throw e;
    class Own extends esm.OpenWearablesError {}
    if (e instanceof Own) throw new Error("it is no Own");
    const asked = cjs.userSession({
      tokenProvider: () => { throw new esm.SignInRequiredError(); },
    });
    const nobody = esm.createClient({ baseUrl, fetch, auth: asked });
    server.fail();
    const out = await nobody.users.get("ada").catch((x) => x);
    if (out.reason !== "signed_out") throw out;
    const pair = new cjs.TokenPair(new cjs.Secret("a"), new esm.Secret("rt_b"), 60);
    await ow.auth.signIn(pair);
    const secret = new cjs.Secret("rt_x");
    if (esm.Secret.prototype.reveal.call(secret) !== "rt_x") throw new Error("no value");
    console.log("works");`;
  assert.match(run(project("mixed", { "a.mjs": mixed }), process.execPath, ["a.mjs"]), /works/);
});

test("without the peer packages only /connect and /react do not load, and say why", () => {
  const program = `
    import "@openwearables/sdk/browser";
    import "@openwearables/sdk/server";
    import "@openwearables/sdk/webhook";
    import "@openwearables/sdk/with";
    const failed = [];
    for (const [name, peer] of [["connect", "@bufbuild/protobuf"], ["react", "react"]]) {
      const e = await import("@openwearables/sdk/" + name).catch((x) => x);
      if (e.code !== "ERR_MODULE_NOT_FOUND" || !e.message.includes("'" + peer)) throw e;
    }
    console.log("works");`;
  assert.match(run(project("peers", { "a.mjs": program }), process.execPath, ["a.mjs"]), /works/);
});

const platforms: [name: string, binary: RegExp, args: string[]][] = [
  ["deno", /^linux-/, ["run", "--allow-all", "--no-lock"]],
  ["bun", /^bun-linux-/, ["run"]],
];
for (const [name, platform, args] of platforms) {
  test(`${name} runs it`, () => {
    const scope = join(modules, name === "deno" ? "@deno" : "@oven");
    const [found] = readdirSync(scope).filter((n) => platform.test(n));
    const binaries = [join(scope, found ?? "", name), join(scope, found ?? "", "bin", name)];
    const binary = binaries.find(existsSync) ?? "";
    const at = project(name, { "a.mjs": esm, "a.cjs": cjs });
    for (const file of ["a.mjs", "a.cjs"]) {
      assert.match(run(at, binary, [...args, file]), /works/, file);
    }
  });
}

test("Jest runs it as CommonJS, without a transform", () => {
  const at = project("jest", {
    "a.test.js": `${cjs.replace("check(sdk, testing).then(console.log);", "")}
      test("it", async () => expect(await check(sdk, testing)).toBe("works"));`,
    "package.json": JSON.stringify({ jest: { transform: {} } }),
  });
  run(at, process.execPath, [join(modules, "jest", "bin", "jest.js"), "--ci"]);
});

test("Vitest runs it in jsdom", () => {
  const at = project("vitest", {
    "a.test.mjs": `import { test, expect } from "vitest";
      ${esm.replace("console.log(await check(sdk, testing));", "")}
      import { cookieSession } from "@openwearables/sdk/browser";
      test("it", async () => {
        expect(document.nodeType).toBe(9);
        expect(await check(sdk, testing)).toBe("works");
        cookieSession({ baseUrl: "http://localhost:8000" });
      });`,
    "vitest.config.mjs": `export default { test: { environment: "jsdom", watch: false } };`,
    "package.json": JSON.stringify({ type: "module" }),
  });
  run(at, process.execPath, [join(modules, "vitest", "vitest.mjs"), "run"]);
});

test("webpack bundles it, and runs what it made", () => {
  const build = `
    const webpack = require("webpack");
    webpack({
      mode: "production", target: "node", entry: "./a.mjs", context: __dirname,
      output: { path: __dirname + "/dist", filename: "a.js" },
    }, (error, stats) => {
      if (error || stats.hasErrors()) { console.error(error ?? stats.toString()); process.exit(1); }
    });`;
  const at = project("webpack", { "a.mjs": esm, "build.cjs": build });
  run(at, process.execPath, ["build.cjs"]);
  assert.match(run(at, process.execPath, [join("dist", "a.js")]), /works/);
});

/** A program that uses the types of every entry without peers. */
const typed = `
import { apiKey, createClient, isNotFound, type NewWorkout, type User, userSession } from "@openwearables/sdk";
import { cookieSession, indexedDb, webStorage } from "@openwearables/sdk/browser";
import { appCredentials, file } from "@openwearables/sdk/node";
import { cookieStore } from "@openwearables/sdk/server";
import { fakeServer } from "@openwearables/sdk/testing";
const ow = createClient({ baseUrl: "https://api.example.com", auth: userSession() });
export async function use(u: User): Promise<string> {
  const w: NewWorkout = {
    externalId: "a", type: "running", startTime: new Date(), endTime: "2026-01-01T00:00:00Z",
    source: { provider: "p" },
  };
  const { rejected } = await ow.workouts.upsert(u.id, [w], { timeoutMs: 1 });
  const state: "unknown" | "signedOut" | "signedIn" = ow.auth.state;
  const page = await ow.users.page({ sortBy: "email", search: null });
  const cleared = await ow.users.update(u.id, { firstName: null, email: "a@b.example" });
  // @ts-expect-error no such order
  await ow.users.page({ sortBy: "age" });
  // @ts-expect-error a user has no number as id
  await ow.users.get(5);
  return [rejected.length, state, page.items[0]?.createdAt.getTime(), cleared.lastName].join();
}
export const list = () => ow.users.list();
export const pages = () => ow.workouts.page({ userId: "a", startDate: "2026-01-01", endDate: new Date() });
export const all = [apiKey, isNotFound, cookieSession, indexedDb, webStorage, appCredentials, file, cookieStore, fakeServer];
`;

const checks: [name: string, compiler: string, options: object, type?: string][] = [
  ["node10", "typescript5", { module: "CommonJS", moduleResolution: "node10" }],
  ["node16 from CommonJS", "typescript5", { module: "Node16" }],
  ["node16 from an ES module", "typescript5", { module: "Node16" }, "module"],
  ["nodenext", "typescript", { module: "NodeNext" }, "module"],
  ["a bundler", "typescript", { module: "ESNext", moduleResolution: "bundler" }],
  ["the DOM library", "typescript", { module: "NodeNext", lib: ["ES2022", "DOM"], types: [] }],
  ["neither DOM nor Node", "typescript", { module: "NodeNext", types: [] }, "module"],
];
for (const [name, compiler, options, type] of checks) {
  test(`its types are right for ${name}`, () => {
    const compilerOptions = {
      target: "ES2022",
      lib: ["ES2022"],
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      declaration: true,
      outDir: "out",
      ...options,
    };
    const at = project("types", {
      "a.ts": typed,
      "package.json": JSON.stringify({ type: type ?? "commonjs" }),
      "tsconfig.json": JSON.stringify({ compilerOptions, files: ["a.ts"] }),
    });
    run(at, process.execPath, [join(modules, compiler, "bin", "tsc"), "-p", "."]);
  });
}

test("attw and publint find nothing wrong with the package", () => {
  const tarball = readdirSync(folder).find((n) => n.endsWith(".tgz")) ?? "";
  const tools = join(root, "node_modules", ".bin");
  run(folder, join(tools, "attw"), [tarball]);
  run(folder, join(tools, "publint"), [tarball, "--strict"]);
});
