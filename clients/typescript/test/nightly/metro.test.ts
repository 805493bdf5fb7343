import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Client, createClient, developerLogin } from "../../src/index.js";
import { createEnvironment, root, run } from "../environment.js";
import { type Rig, startRig } from "../harness.js";
import { newPerson } from "../scenario/world.js";
import { runOnDevice } from "./device.js";

const { modules, copy } = createEnvironment("environments-native");
const app = copy(join(root, "test", "environments-native", "app"));
const metro = join(modules, "metro", "src", "cli.js");
const hermesc = join(modules, "hermes-compiler", "hermesc", "linux64-bin", "hermesc");
const hermes = join(modules, "hermes-engine-cli", "linux64-bin", "hermes");
const expected = {
  provider: "function",
  isDate: true,
  ids: 1,
  renewed: true,
  asked: 2, // by the session, and by the one of a server that cannot be reached
  canceled: "canceled",
  late: "timeout",
  lateToken: "timeout",
  offline: true,
  after: "unauthenticated",
  kept: 0,
};

let rig: Rig;
let dev: Client;
before(async () => {
  rig = await startRig({ args: ["--dev", "--access-token-ttl=2s"] });
  const { server: baseUrl, email, password } = rig;
  dev = createClient({ baseUrl, auth: developerLogin({ email, password }) });
});
after(() => rig.close());

for (const os of ["android", "ios"]) {
  test(`Metro bundles an app for ${os}, which keeps its session on React Native's globals`, async () => {
    const build = ["build", "index.js", "--out", os, "--platform", os, "--config"];
    // All files of a package have one time, by which Metro's cache would tell them from changed ones.
    run(app, process.execPath, [metro, ...build, "metro.config.js", "--reset-cache"]);
    const bundle = join(app, `${os}.js`);
    const person = await newPerson(dev);
    const got = await runOnDevice(bundle, os, { baseUrl: rig.server, ...person });
    assert.deepEqual(JSON.parse(JSON.stringify(got)), expected);
    run(app, hermesc, ["-w", "-emit-binary", "-out", `${os}.hbc`, bundle]);
  });
}

test("Hermes runs the bundle, with the fake server", () => {
  const start = `startApp({}).then(
    (got) => print(JSON.stringify(got)), (e) => print(String(e && e.stack)));`;
  const parts = [join(app, "hermes.js"), join(app, "android.js")];
  const all = [...parts.map((f) => readFileSync(f, "utf8")), start];
  writeFileSync(join(app, "all.js"), all.join("\n"));
  assert.deepEqual(JSON.parse(run(app, hermes, ["-w", "all.js"])), expected);
});
