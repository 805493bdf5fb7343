import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cookieSession } from "../src/browser.js";
import {
  apiKey,
  appCredentials,
  type Client,
  type ClientOptions,
  createClient,
  developerLogin,
  isInvalid,
  isUnavailable,
  type List,
  OpenWearablesError,
  userSession,
} from "../src/node.js";
import { fakeServer } from "../src/testing.js";
import { type Rig, startRig } from "./harness.js";
import { startHostile, whole } from "./hostile.js";
import { direct, newPerson } from "./scenario/world.js";

let rig: Rig;
let dev: Client;
before(async () => {
  rig = await startRig();
  dev = direct(rig.server, rig.developerToken);
});
after(() => rig.close());

/** Reports whether an error names the field and quotes no value. */
const names = (field: string) => (e: unknown) =>
  e instanceof OpenWearablesError &&
  isInvalid(e) &&
  e.fields.length === 1 &&
  e.fields[0]?.field === field &&
  e.message.includes(field) &&
  !e.message.includes("12345");

const time = new Date(1_000);
const source = { provider: "test" };
const workout = { externalId: "w", type: "running", startTime: time, endTime: time, source };

test("a wrong argument is invalid, with its field, before anything is sent", async () => {
  const asked: string[] = [];
  const server = fakeServer();
  const auth = userSession({
    tokenProvider: () => {
      asked.push("provider");
      return server.mint("ada");
    },
  });
  const fetch: typeof globalThis.fetch = async (...request) => {
    asked.push(String(request[0]));
    return server.fetch(...request);
  };
  const ow = createClient({ baseUrl: server.baseUrl, fetch, auth });
  const any = (v: unknown) => v as never;
  const cases: [string, string, () => Promise<unknown>][] = [
    ["a number as id", "id", () => ow.users.get(any(12345))],
    ["an object as id", "id", () => ow.users.get(any({ id: "x" }))],
    ["half a character", "id", () => ow.users.get("\ud800")],
    ["a request that is no object", "request", () => ow.users.page(any(12345))],
    ["the same of a list", "request", () => ow.users.list(any("12345")).toArray()],
    ["a limit that is no number", "limit", () => ow.users.page({ limit: any("12345") })],
    ["a limit beyond 32 bits", "limit", () => ow.users.list({ limit: 2 ** 40 }).toArray()],
    ["a password", "current_password", () => ow.sessions.changePassword(any(12345), "x")],
    ["workouts that are no list", "workouts", () => ow.workouts.upsert("u", any(12345))],
    [
      "a field deep inside",
      "workouts[1].source.provider",
      () => ow.workouts.upsert("u", [workout, { ...workout, source: { provider: any(12345) } }]),
    ],
    [
      "a Date that is none",
      "workouts[1].end_time",
      () => ow.workouts.upsert("u", [workout, { ...workout, endTime: new Date(Number.NaN) }]),
    ],
    [
      "text that is no time",
      "workouts[0].start_time",
      () => ow.workouts.upsert("u", [{ ...workout, startTime: "2026-03-02" }]),
    ],
    [
      "a number for a time",
      "workouts[0].start_time",
      () => ow.workouts.upsert("u", [{ ...workout, startTime: any(12345) }]),
    ],
    [
      "a number that is none",
      "workouts[0].distance_meters",
      () => ow.workouts.upsert("u", [{ ...workout, distanceMeters: Number.NaN }]),
    ],
    [
      "no end of a number",
      "workouts[0].distance_meters",
      () => ow.workouts.upsert("u", [{ ...workout, distanceMeters: Infinity }]),
    ],
    ["an empty list of scopes", "scopes", () => ow.keys.create({ scopes: [] })],
    ["an empty list of kinds", "kinds", () => ow.webhooks.update("we_x", { kinds: [] })],
    ["a time to mute until", "until", () => ow.alerts.mute("a", any("soon"))],
    [
      "a threshold",
      "thresholds[0].value",
      () => ow.alerts.updateRule("r", { thresholds: [{ name: "n", value: any("12345") }] }),
    ],
    [
      "a token of the setup",
      "token",
      () => ow.setup.createFirstDeveloper({ token: any(12345), email: "x", password: "x" }),
    ],
    ["no answer to an invitation", "request", () => ow.invitations.accept(any("12345"))],
    ["a timeout", "timeoutMs", () => ow.users.get("u", { timeoutMs: Number.NaN })],
    ["a negative timeout", "timeoutMs", () => ow.users.get("u", { timeoutMs: -1 })],
    ["a signal", "signal", () => ow.users.get("u", { signal: any({}) })],
    ["a key", "headers", () => ow.users.create({}, { idempotencyKey: "1\n12345" })],
    ["a header", "headers", () => ow.users.get("u", { headers: { "X-Y": "1\n12345" } })],
  ];
  for (const [name, field, call] of cases) {
    await assert.rejects(call(), names(field), name);
  }
  assert.deepEqual(asked, []);
});

test("an argument that is left out is never an internal error", async () => {
  let calls = 0;
  const services = Object.values(dev).filter((s) => s && typeof s === "object" && s !== dev.auth);
  assert.equal(services.length, 15);
  for (const service of services) {
    for (const [name, method] of Object.entries(service)) {
      for (const args of [[], [null], [{}], [[]]]) {
        const made = (method as (...args: unknown[]) => object)(...args);
        const done = "toArray" in made ? (made as List<unknown>).toArray({ limit: 1 }) : made;
        const e = await Promise.resolve(done).then(
          () => undefined,
          (x) => x,
        );
        const wrong = e && !(e instanceof OpenWearablesError && e.kind !== "internal");
        assert.ok(!wrong, `${name}(${JSON.stringify(args)}): ${e?.stack}`);
        calls++;
      }
    }
  }
  assert.ok(calls > 230, `${calls} calls`);
});

test("a wrong option is invalid, with its field", async () => {
  const baseUrl = "https://api.example.com";
  const cases: [string, unknown][] = [
    ["options", undefined],
    ["baseUrl", {}],
    ["baseUrl", { baseUrl: 5 }],
    ["auth", { baseUrl, auth: "ow_live_x" }],
    ["auth", { baseUrl, auth: null }],
    ["fetch", { baseUrl, fetch: "x" }],
    ["retries", { baseUrl, retries: 3 }],
    ["timeoutMs", { baseUrl, timeoutMs: "1" }],
    ["maxResponseBytes", { baseUrl, maxResponseBytes: 0 }],
  ];
  for (const [field, options] of cases) {
    assert.throws(() => createClient(options as ClientOptions), names(field), field);
  }
  for (const userId of ["", "x".repeat(256), 5 as never]) {
    assert.throws(() => userSession({ userId }), names("userId"));
  }
  const store = { load: async () => undefined } as never;
  assert.throws(() => userSession({ store }), names("store"));
  assert.throws(() => developerLogin({ email: "x", password: "x", store }), names("store"));
  assert.throws(() => developerLogin({ email: 5 as never, password: "x" }), names("email"));
  assert.throws(() => userSession({ tokenProvider: "x" as never }), names("tokenProvider"));
  assert.throws(() => apiKey(12345 as never), isInvalid);
  assert.throws(() => cookieSession(undefined as never), names("options"));
  assert.throws(() => appCredentials({ appId: "a", appSecret: "b" } as never), names("baseUrl"));
  const auth = userSession();
  createClient({ baseUrl, auth });
  await assert.rejects(auth.token({ signal: 5 as never }), names("signal"));
});

test("a base URL that ends in /api/v1 is told what it should be", async () => {
  const auth = direct(rig.server, rig.developerToken);
  assert.ok(auth);
  for (const [path, right] of [
    ["/api/v1", rig.server],
    ["/api/v1/", rig.server],
    ["/ow/api/v1", `${rig.server}/ow`],
    ["/elsewhere", rig.server],
  ] as const) {
    const ow = createClient({ baseUrl: `${rig.server}${path}`, auth: apiKey("ow_live_x") });
    const e = await ow.users.get("u").catch((x) => x);
    assert.ok(isUnavailable(e) && e instanceof OpenWearablesError);
    assert.equal(e.status, 404);
    assert.match(e.message, /^There is nothing at this path; the base URL ends in /);
    assert.ok(e.message.includes(`: it should be ${right}, unless`), e.message);
    assert.equal(e.reason, "not_found");
    assert.match(e.requestId ?? "", /^req_/);
    if (path.startsWith("/api")) {
      const session = userSession({ tokenProvider: async () => (await newPerson(dev)).pair });
      const mine = createClient({ baseUrl: `${rig.server}${path}`, auth: session });
      await assert.rejects(mine.users.get("u"), /it should be/);
    }
  }
});

test("JSON that is no error of the API is read, and is no answer of the API", async () => {
  const token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln";
  const bodies: [number, string, RegExp][] = [
    [
      404,
      '{"detail":"no route","reason":"nowhere","request_id":"r-1"}',
      /^no route \(nowhere, req/,
    ],
    [403, '{"message":"Forbidden"}', /^Forbidden/],
    [403, '{"code":"AccessDenied","message":"Go away"}', /^Go away/],
    [401, '{"reason":"invalid_refresh_token"}', /HTTP 401 that/],
    [400, '{"reason":"two words","request_id":{}}', /HTTP 400 that/],
    [502, "[1]", /HTTP 502 that did not come from the API: is/],
    [404, '"text"', /HTTP 404 that did not come from the API: is/],
    [401, `{"message":"bad token ${token}"}`, /bad token eyJ…/],
    [404, '{"detail":5,"reason":{"a":1},"code":7}', /HTTP 404 that did not come from the API: is/],
  ];
  for (const [status, body, words] of bodies) {
    const headers = { "Set-Cookie": `a=${token}`, "X-Token": "x" };
    const server = await startHostile(whole(status, "application/json", body, headers));
    try {
      const ow = createClient({ baseUrl: server.url, auth: apiKey("ow_live_x"), retries: 0 });
      const e = await ow.users.get("u").catch((x) => x);
      assert.ok(e instanceof OpenWearablesError);
      assert.equal(e.kind, status === 401 ? "unauthenticated" : "unavailable", body);
      const own = /"reason":"(\w+)"/.exec(body)?.[1];
      assert.equal(e.reason, own ?? "foreign_answer");
      assert.equal(e.status, status);
      assert.match(e.message, words);
      assert.equal(e.requestId, body.includes("r-1") ? "r-1" : undefined);
    } finally {
      await server.close();
    }
  }
});
