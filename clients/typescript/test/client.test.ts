import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import {
  type Auth,
  apiKey,
  appCredentials,
  type Client,
  createClient,
  developerLogin,
  isForbidden,
  isInvalid,
  isNotFound,
  isUnauthenticated,
  OpenWearablesError,
  type ResponseInfo,
  Secret,
  TokenPair,
  userSession,
} from "../src/node.js";
import * as services from "../src/with.js";
import { printed } from "./canary.js";
import { type Rig, startRig } from "./harness.js";

let rig: Rig;
let dev: Client;
before(async () => {
  rig = await startRig();
  dev = createClient({
    baseUrl: rig.server,
    auth: developerLogin({ email: rig.email, password: async () => rig.password }),
  });
});
after(() => rig.close());

test("a developer keeps keys and applications, and secrets do not print", async () => {
  const made = await dev.keys.create({ name: "one" });
  const value = made.secret.reveal();
  assert.match(value, /^ow_live_/);
  assert.match(String(made.secret), /^ow_live_…[0-9a-f]{4}$/);
  assert.ok(!printed(made).includes(value));
  assert.ok(!printed({ s: made.secret }).includes(value));
  const rotated = await dev.keys.rotate(made.key.id);
  assert.equal(rotated.key.id, made.key.id);
  assert.notEqual(String(rotated.secret), String(made.secret));
  const ids = [];
  for await (const k of dev.keys.list()) {
    ids.push(k.id);
  }
  assert.ok(ids.includes(made.key.id));
  const isListed = async (state: "active" | "disabled") =>
    (await dev.keys.list({ state }).toArray()).some(({ id }) => id === made.key.id);
  assert.deepEqual([await isListed("active"), await isListed("disabled")], [true, false]);
  assert.equal((await dev.keys.update(made.key.id, { enabled: false })).enabled, false);
  assert.deepEqual([await isListed("active"), await isListed("disabled")], [false, true]);
  assert.equal((await dev.keys.delete(made.key.id)).id, made.key.id);
  await assert.rejects(dev.keys.get(made.key.id), isNotFound);

  const app = await dev.applications.create("My App");
  assert.ok(!printed(app).includes(app.secret.reveal()));
  assert.equal((await dev.applications.rename(app.application.appId, "New")).name, "New");
  await dev.applications.delete(app.application.appId);
  assert.equal((await dev.sessions.me()).email, rig.email);
});

test("an empty list of scopes is refused before the call", async () => {
  for (const refused of [dev.keys.create({ scopes: [] }), dev.keys.update("k", { scopes: [] })]) {
    await assert.rejects(
      refused,
      (e: unknown) =>
        e instanceof OpenWearablesError &&
        e.kind === "invalid" &&
        e.reason === "invalid_option" &&
        /name at least one or leave it out/.test(e.message),
    );
  }
  const { key } = await dev.keys.create({ name: "all" });
  assert.ok(key.scopes.length > 1);
});

test("a backend lists users page by page and hands tokens to an app", async () => {
  const { secret } = await dev.keys.create({});
  const ow = createClient({ baseUrl: rig.server, auth: apiKey(secret.reveal()) });
  const marker = crypto.randomUUID();
  for (let i = 0; i < 7; i++) {
    await ow.users.create({ externalUserId: `${marker}-${i}` });
  }
  const seen = [];
  for await (const u of ow.users.list({ search: marker, limit: 3 })) {
    seen.push(u.externalUserId);
  }
  assert.equal(new Set(seen).size, 7);
  let info: ResponseInfo | undefined;
  const [user] = (
    await ow.users.page(
      { search: marker, limit: 1 },
      {
        onResponse: (i) => {
          info = i;
        },
      },
    )
  ).items;
  assert.ok(user);
  assert.match(info?.requestId ?? "", /^req_/);
  assert.ok((info?.rateLimit?.remaining ?? 0) > 0);
  await assert.rejects(ow.keys.create({}), (e) => isForbidden(e));

  const app = await dev.applications.create("Exchange");
  const exchange = appCredentials({
    baseUrl: rig.server,
    appId: app.application.appId,
    appSecret: app.secret.reveal(),
  });
  const pair = await exchange.exchange(user.id);
  assert.ok(pair instanceof TokenPair && !printed(pair).includes(pair.access.reveal()));
  assert.ok(!printed(exchange).includes(app.secret.reveal()));

  const session = userSession({ userId: user.id, tokenProvider: () => pair.expose() });
  const mine = createClient({ baseUrl: rig.server, auth: session });
  assert.equal((await mine.users.get(user.id)).id, user.id);
  const { token, expiresAt } = await session.token();
  assert.ok(expiresAt.getTime() > Date.now() + 3_000_000);
  assert.ok(!printed([mine, session, token]).includes(token.reveal()));
  await session.signOut();
  await assert.rejects(mine.users.get(user.id), (e) => isUnauthenticated(e));
});

test("bad input is a typed error that says what to change", async () => {
  const key = () => apiKey(`ow_live_${"a".repeat(36)}`);
  const cases: [string, () => unknown, RegExp][] = [
    ["no scheme", () => createClient({ baseUrl: "api.example.com" }), /absolute/],
    ["http", () => createClient({ baseUrl: "http://api.example.com" }), /https/],
    ["http to a private address", () => createClient({ baseUrl: "http://10.0.0.1" }), /loopback/],
    ["credentials", () => createClient({ baseUrl: "https://a:b@example.com" }), /a scheme, a host/],
    ["a query", () => createClient({ baseUrl: "https://example.com/?x=1" }), /a scheme, a host/],
    ["ftp", () => createClient({ baseUrl: "ftp://example.com" }), /https/],
    ["empty key", () => apiKey(""), /environment/],
    ["Bearer key", () => apiKey("Bearer ow_live_x"), /bare/],
    ["secret as key", () => apiKey("secret_abc"), /no API key/],
    ["line break", () => apiKey("ow_live_x\n"), /line break/],
    [
      "empty secret",
      () => appCredentials({ baseUrl: rig.server, appId: "app_x", appSecret: "" }),
      /environment/,
    ],
    [
      "two bases",
      () => {
        const auth = userSession();
        createClient({ baseUrl: "https://a.example", auth });
        createClient({ baseUrl: "https://b.example", auth });
      },
      /another base URL/,
    ],
  ];
  for (const [name, make, message] of cases) {
    assert.throws(make, (e) => isInvalid(e) && message.test((e as Error).message), name);
  }
  const auth = userSession();
  await assert.rejects(auth.token(), isInvalid);
  createClient({ baseUrl: rig.server, auth });
  for (const pair of [
    { access_token: "Bearer x", expires_in: 60 },
    { access_token: "", expires_in: 60 },
    { access_token: "x", expires_in: 0 },
    { access_token: "x y", expires_in: 60 },
    "a string",
    undefined,
  ]) {
    await assert.rejects(auth.signIn(pair as never), isInvalid);
  }
  assert.doesNotThrow(() => createClient({ baseUrl: "https://example.com/ow/", auth: key() }));
});

test("an API key and an application's secret are refused in a browser", () => {
  const scope = globalThis as { document?: unknown };
  scope.document = {};
  try {
    assert.throws(() => apiKey("ow_live_x"), isInvalid);
    const made = () => appCredentials({ baseUrl: rig.server, appId: "a", appSecret: "b" });
    assert.throws(made, isInvalid);
    delete scope.document;
    assert.doesNotThrow(made);
    Object.assign(scope, { WorkerGlobalScope: Object, location: {} }); // a worker of a page
    assert.throws(() => apiKey("ow_live_x"), isInvalid);
    assert.throws(made, isInvalid);
  } finally {
    for (const name of ["document", "WorkerGlobalScope", "location"]) {
      Reflect.deleteProperty(scope, name);
    }
  }
});

test("redirects are not followed, so that credentials reach only the base URL", async () => {
  const seen: string[] = [];
  const listen = (handle: Parameters<typeof createServer>[1]) =>
    new Promise<Server>((resolve) => {
      const s = createServer(handle as never).listen(0, "127.0.0.1", () => resolve(s));
    });
  const url = (s: Server) => `http://127.0.0.1:${(s.address() as { port: number }).port}`;
  const thief = await listen((req, res) => {
    seen.push(String(req.headers.authorization));
    res.end();
  });
  const front = await listen((_, res) => {
    res.writeHead(307, { location: `${url(thief)}/` }).end();
  });
  const ow = createClient({ baseUrl: url(front), auth: apiKey("ow_live_x"), retries: 0 });
  await assert.rejects(ow.users.get("x"), (e) => e instanceof OpenWearablesError);
  assert.deepEqual(seen, []);
  front.close();
  thief.close();
});

test("a secret shows a fingerprint in every printed form", () => {
  for (const prefix of ["ow_live_", "ow_test_", "secret_", "rt_", "whsec_"]) {
    const value = `${prefix}${"z9".repeat(20)}`;
    const s = new Secret(value);
    for (const shown of [printed(s), `${s}`, `${[s]}`, inspect(new Map([[s, s]]))]) {
      assert.ok(!shown.includes("z9z9"), shown);
      assert.match(shown, new RegExp(`${prefix}…[0-9a-f]{4}`));
    }
    assert.equal(s.reveal(), value);
    assert.equal(Object.keys(structuredClone({ ...s })).length, 0);
  }
});

test("a client of few services has these alone, and one of all of them is a client", async () => {
  const { createClientWith, ...all } = services;
  const options = { baseUrl: rig.server, auth: dev.auth as Auth };
  const few = createClientWith(options, { users: services.users });
  assert.deepEqual(Object.keys(few), ["baseUrl", "auth", "users"]);
  assert.equal(few.auth, options.auth);
  const { id } = await few.users.create();
  assert.equal((await few.users.get(id)).id, id);
  const whole: Client = createClientWith(options, all);
  assert.deepEqual(Object.keys(whole).sort(), Object.keys(createClient(options)).sort());
});
