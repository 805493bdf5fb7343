import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  apiKey,
  appCredentials,
  type Client,
  createClient,
  developerLogin,
  file,
  memory,
  OpenWearablesError,
  Secret,
  type Store,
  type TokenPair,
  type UserSession,
  userSession,
} from "../src/node.js";
import { printed } from "./canary.js";
import { type Rig, startRig } from "./harness.js";
import { startHostile } from "./hostile.js";
import { direct } from "./scenario/world.js";
import { secrets } from "./secrets.js";
import { readable } from "./walk.js";

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

/** Makes calls that fail, with secrets where they should not be. */
function failingCalls(session: UserSession, dev: Client, echo: string): Promise<unknown>[] {
  const [key = "", , access = "", refresh = ""] = values;
  const away = createClient({ baseUrl: echo, auth: apiKey(key), retries: 0 });
  const bearer = { Authorization: `Bearer ${access}` };
  return [
    session.signIn({ access_token: `Bearer ${access}`, expires_in: 1 }),
    session.signIn({ access_token: `${access}\n`, expires_in: 1 }),
    away.users.get({ access } as never),
    away.users.get("x", { headers: { "X-Y": `${access}\n1` } }),
    away.users.get(access, { signal: AbortSignal.abort(new Error("mine")) }),
    dev.sessions.changePassword({ access } as never, refresh),
    ...[302, 400, 401, 403, 404, 429, 500, 503].map((status) =>
      away.users.get("x", { headers: { "X-Status": String(status), ...bearer } }),
    ),
  ];
}

test("no public value that can be reached holds a secret in readable form", async () => {
  const [key = "", appSecret = "", access = "", refresh = ""] = values;
  const echo = await startHostile((req, res) => {
    const sent = String(req.headers.authorization);
    const headers = { "Set-Cookie": `a=${refresh}`, "X-Echo": sent, Location: `/?t=${access}` };
    const body = JSON.stringify({ message: `you sent ${sent} and ${refresh}`, detail: key });
    const type = "application/json";
    res.writeHead(Number(req.headers["x-status"]), { "Content-Type": type, ...headers }).end(body);
  });
  const path = join(rig.folder, "canary.json");
  const stores: Store[] = [file(path), memory()];
  const options = { baseUrl: rig.server };
  const session = userSession({ store: stores[0] as Store });
  const held = userSession({ store: stores[1] as Store, userId: "ada", tokenProvider: () => pair });
  const failing = userSession({
    tokenProvider: () => Promise.reject(new Error(`the backend says ${refresh}`)),
  });
  const login = developerLogin({ email: rig.email, password: rig.password });
  const clients = [
    createClient({ ...options, auth: apiKey(key) }),
    createClient({ ...options, auth: session }),
    createClient({ ...options, auth: held }),
    createClient({ ...options, auth: failing }),
    createClient({ ...options, auth: login }),
    createClient({ ...options, auth: apiKey(`${key}x`) }),
  ];
  const shown: unknown[] = [...clients, ...stores, session, held, failing, login, pair];
  for (const s of [session, held, failing, login]) {
    for (const name of ["signedIn", "tokenRefreshed", "refreshFailed", "storageError"] as const) {
      s.on(name, (e) => void shown.push(e));
    }
  }
  await session.signIn(pair);
  await clients[2]?.users.page().catch((e) => shown.push(e));
  const dev = clients[4] as Client;
  const app = await dev.applications.create("walk");
  const exchange = appCredentials({ ...options, appId: app.application.appId, appSecret });
  const right = { ...options, appId: app.application.appId, appSecret: app.secret.reveal() };
  const user = await dev.users.create({});
  const minting = appCredentials(right);
  shown.push(app, exchange, minting, await minting.exchange(user.id), await dev.keys.create({}));
  shown.push(await session.token(), await login.token(), dev.keys.list(), user);
  shown.push(await dev.keys.list().toArray(), await dev.users.page(), new Secret(key));

  const failures = [
    ...clients.map((c) => c.users.get("nobody")),
    exchange.exchange("x"),
    failing.token(),
    ...failingCalls(session, dev, echo.url),
  ];
  try {
    const errors = (await Promise.allSettled(failures)).map((r) => {
      assert.equal(r.status, "rejected");
      return (r as PromiseRejectedResult).reason;
    });
    const garbled = memory();
    await garbled.save(`{"access_token":"${access}`, undefined);
    const broken = createClient({ ...options, auth: userSession({ store: garbled }) });
    shown.push(...errors, await broken.users.get("x").catch((e) => e));
    for (const e of errors) {
      assert.ok(e instanceof OpenWearablesError, String(e));
    }
    for (const v of shown) {
      // The provider's own error is passed on as it is.
      const cause = v instanceof OpenWearablesError && v.reason === "token_provider_failed";
      const own = cause ? { ...v, message: v.message } : v;
      assert.doesNotMatch(printed(own), secrets);
      assert.doesNotMatch(readable(own), secrets);
    }
  } finally {
    await echo.close();
  }
});
