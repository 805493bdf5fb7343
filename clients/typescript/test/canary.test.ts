import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  apiKey,
  appCredentials,
  createClient,
  file,
  Secret,
  type Store,
  type TokenPair,
  userSession,
} from "../src/node.js";
import { printed } from "./canary.js";
import { type Rig, startRig } from "./harness.js";
import { direct } from "./scenario/world.js";
import { secrets } from "./secrets.js";

let rig: Rig;
/** One of each kind of secret that the server issues. */
let values: string[];
let pair: TokenPair;
before(async () => {
  rig = await startRig();
  const dev = direct(rig.server, rig.developerToken);
  const key = await dev.keys.create({});
  const app = await dev.applications.create("canary");
  pair = await dev.tokens.create((await dev.users.create({})).id);
  const { access_token, refresh_token } = pair.expose();
  values = [key.secret.reveal(), app.secret.reveal(), access_token, refresh_token ?? ""];
});
after(() => rig.close());

test("the canary finds every kind of secret in every printed form", () => {
  for (const value of [...values, rig.developerToken]) {
    const forms = [value, { value }, [value], new Map([["x", value]]), new Error(`got ${value}`)];
    for (const form of forms) {
      assert.match(printed(form), secrets);
    }
  }
});

test("a process fails if it prints a secret, and not if it prints a fingerprint", () => {
  const run = (program: string, value: string) =>
    spawnSync(
      process.execPath,
      ["--import", join(import.meta.dirname, "canary.js"), "--input-type=module", "-e", program],
      { env: { ...process.env, VALUE: value }, encoding: "utf8", timeout: 60_000 },
    );
  const [key = ""] = values;
  for (const call of ["console.log({ v })", "console.error(Error(v))", "process.stdout.write(v)"]) {
    const ended = run(`const v = process.env.VALUE; ${call}`, key);
    assert.equal(ended.status, 1, call);
    assert.doesNotMatch(ended.stdout + ended.stderr, secrets);
  }
  assert.equal(run("console.log(process.env.VALUE)", `${new Secret(key)}`).status, 0);
});

test("no printed client, session, store or error shows a secret", async () => {
  const [key = "", appSecret = "", access = ""] = values;
  const stores: Store[] = [file(join(rig.folder, "canary.json"))];
  const options = { baseUrl: rig.server };
  const session = userSession({ store: stores[0] as Store });
  const clients = [
    createClient({ ...options, auth: apiKey(key) }),
    createClient({ ...options, auth: session }),
    createClient({ ...options, auth: apiKey(`${key}x`) }),
  ];
  await session.signIn(pair);
  const errors = await Promise.all([
    ...clients.map((c) => c.users.get("nobody").catch((e) => e)),
    appCredentials({ ...options, appId: "app_x", appSecret })
      .exchange("x")
      .catch((e) => e),
    session.signIn({ access_token: `Bearer ${access}`, expires_in: 1 }).catch((e) => e),
    stores[0]?.save("{}", "other"),
  ]);
  const shown = [...errors, ...clients, ...stores, session, pair, await session.token()];
  for (const v of shown) {
    assert.doesNotMatch(printed(v), secrets);
  }
  assert.ok(errors.filter((e) => e instanceof Error).length >= 5);
});
