import assert from "node:assert/strict";
import { test } from "node:test";
import {
  apiKey,
  appCredentials,
  type Client,
  createClient,
  isInvalid,
  kindOf,
  memory,
  OpenWearablesError,
  userSession,
} from "../src/node.js";
import { storedRecord } from "./scenario/world.js";

const baseUrl = "https://api.example.com";

/** Returns a client whose requests all get the response that respond makes. */
function client(respond: (request: Request) => Response, maxResponseBytes?: number) {
  let count = 0;
  const fetch: typeof globalThis.fetch = async (input, init) => {
    count++;
    return respond(new Request(input, init));
  };
  const options = { baseUrl, fetch, ...(maxResponseBytes !== undefined && { maxResponseBytes }) };
  return {
    options,
    ow: createClient({ ...options, auth: apiKey("ow_live_x") }),
    count: () => count,
  };
}

const headers = { "Content-Type": "application/json" };
const user = (id: string) => ({ id, createdAt: "2026-01-01T00:00:00Z" });

const isUnusable = (e: unknown) =>
  e instanceof OpenWearablesError && e.kind === "internal" && e.reason === "invalid_response";

const range = { userId: "u", startDate: "2026-01-01", endDate: "2026-12-31" };
const at = new Date(0);
const source = { provider: "test" };
const workout = { externalId: "w", type: "running", startTime: at, endTime: at, source };

test("an empty 200 is an error of every call that returns something, and is not repeated", async () => {
  const person = { firstName: "A", lastName: "B", password: "x" };
  const first = { token: "t", email: "a@example.com", password: "x" };
  const calls: [string, (ow: Client) => Promise<unknown>][] = [
    ["sessions.me", (ow) => ow.sessions.me()],
    ["sessions.updateMe", (ow) => ow.sessions.updateMe({})],
    ["keys.create", (ow) => ow.keys.create({})],
    ["keys.rotate", (ow) => ow.keys.rotate("k")],
    ["keys.get", (ow) => ow.keys.get("k")],
    ["keys.update", (ow) => ow.keys.update("k", {})],
    ["keys.delete", (ow) => ow.keys.delete("k")],
    ["applications.create", (ow) => ow.applications.create("a")],
    ["applications.rotateSecret", (ow) => ow.applications.rotateSecret("a")],
    ["applications.get", (ow) => ow.applications.get("a")],
    ["applications.rename", (ow) => ow.applications.rename("a", "b")],
    ["users.create", (ow) => ow.users.create({})],
    ["users.get", (ow) => ow.users.get("u")],
    ["users.update", (ow) => ow.users.update("u", {})],
    ["users.delete", (ow) => ow.users.delete("u")],
    ["users.page", (ow) => ow.users.page()],
    ["users.list", (ow) => ow.users.list().toArray()],
    ["tokens.create", (ow) => ow.tokens.create("u")],
    ["workouts.page", (ow) => ow.workouts.page(range)],
    ["workouts.list", (ow) => ow.workouts.list(range).toArray()],
    ["workouts.upsert", (ow) => ow.workouts.upsert("u", [workout])],
    [
      "workouts.deleteMany",
      (ow) => ow.workouts.deleteMany("u", [{ provider: "p", externalId: "w" }]),
    ],
    ["workouts.upsertAll", (ow) => ow.workouts.upsertAll("u", [workout])],
    ["installation.get", (ow) => ow.installation.get()],
    ["installation.stats", (ow) => ow.installation.stats()],
    ["usage.account", (ow) => ow.usage.account()],
    ["usage.key", (ow) => ow.usage.key("k")],
    ["usage.application", (ow) => ow.usage.application("a")],
    ["usage.user", (ow) => ow.usage.user("u")],
    ["keys.finishRotation", (ow) => ow.keys.finishRotation("k")],
    ["applications.finishRotation", (ow) => ow.applications.finishRotation("a")],
    ["alerts.acknowledge", (ow) => ow.alerts.acknowledge("a")],
    ["alerts.mute", (ow) => ow.alerts.mute("a", new Date())],
    ["alerts.unmute", (ow) => ow.alerts.unmute("a")],
    ["alerts.rules", (ow) => ow.alerts.rules()],
    ["alerts.updateRule", (ow) => ow.alerts.updateRule("r", {})],
    ["webhooks.create", (ow) => ow.webhooks.create({ url: "https://a.example" })],
    ["webhooks.rotate", (ow) => ow.webhooks.rotate("w")],
    ["webhooks.get", (ow) => ow.webhooks.get("w")],
    ["webhooks.update", (ow) => ow.webhooks.update("w", {})],
    ["webhooks.test", (ow) => ow.webhooks.test("w")],
    ["developers.get", (ow) => ow.developers.get("d")],
    ["developers.update", (ow) => ow.developers.update("d", {})],
    ["developers.delete", (ow) => ow.developers.delete("d")],
    ["invitations.create", (ow) => ow.invitations.create("a@example.com")],
    ["invitations.revoke", (ow) => ow.invitations.revoke("i")],
    ["invitations.resend", (ow) => ow.invitations.resend("i")],
    ["invitations.accept", (ow) => ow.invitations.accept({ ...person, token: "t" })],
    ["tokens.createPairingCode", (ow) => ow.tokens.createPairingCode("u")],
    ["tokens.redeemPairingCode", (ow) => ow.tokens.redeemPairingCode("ABCDEFGH")],
    ["setup.createFirstDeveloper", (ow) => ow.setup.createFirstDeveloper(first)],
  ];
  for (const [name, call] of calls) {
    for (const body of [
      undefined,
      "{}",
      '{"user":{},"key":{},"tokens":{},"usage":{}}',
      "[]",
      "1",
    ]) {
      const { ow, count } = client(() => new Response(body, { headers }));
      await assert.rejects(call(ow), isUnusable, name);
      assert.equal(count(), 1, name);
    }
  }
  const { options, count } = client(() => new Response(undefined, { headers }));
  const app = appCredentials({ ...options, appId: "app_x", appSecret: "secret_x" });
  await assert.rejects(app.exchange("u"), isUnusable);
  assert.equal(count(), 1);
});

test("an empty 200 to a refresh keeps the session and is not repeated", async () => {
  const { options, count } = client(() => new Response(undefined, { headers }));
  const store = memory();
  const pair = { access_token: "a", refresh_token: "rt_a", expires_in: 3600 };
  const record = storedRecord(baseUrl, pair, "expired");
  await store.save(record, undefined);
  const auth = userSession({ store });
  const ow = createClient({ ...options, auth });
  auth.on("sessionExpired", () => assert.fail("it is kept"));
  await assert.rejects(ow.users.get("u"), isUnusable);
  await assert.rejects(ow.users.get("u"), isUnusable); // the cooldown
  assert.equal(count(), 1);
  assert.equal(await store.load(), record);
});

test("a list whose cursors come again ends with an error", async () => {
  for (const [start, circle] of [
    ["", "a"],
    ["", "ab"],
    ["xyz", "abcde"],
  ] as const) {
    let page = 0;
    const { ow, count } = client(({ url }) => {
      const nextCursor = start[page] ?? circle[(page - start.length) % circle.length] ?? "";
      page++;
      const metadata = { startTime: at, endTime: at };
      return Response.json(
        url.endsWith("ListUsers")
          ? { items: [user("u")], limit: 1, nextCursor }
          : { data: [{ id: "w", ...workout }], pagination: { nextCursor }, metadata },
      );
    });
    for (const list of [ow.users.list(), ow.workouts.list(range)]) {
      page = 0;
      let items = 0;
      const all = async () => {
        for await (const _ of list) {
          assert.ok(++items < 100);
        }
      };
      await assert.rejects(all(), isUnusable);
      assert.ok(items > 0);
    }
    assert.ok(count() < 60, `${count()} pages`);
  }
});

test("a list goes on after a thousand empty pages", async () => {
  const { ow, count } = client(() =>
    Response.json(count() > 1000 ? { items: [{ at }] } : { nextCursor: `${count()}` }),
  );
  assert.equal((await ow.audit.events({ action: "key.create" }).toArray({ limit: 1 })).length, 1);
  assert.equal(count(), 1001);
});

test("an upsert answers with an outcome of each workout", async () => {
  const [stored, rejected] = [{ status: "created" }, { index: 1, field: "workouts[1].type" }];
  for (const [workouts, answer] of [
    [2, { created: 1, items: [stored] }],
    [1, { created: 1, items: [stored], rejected: [rejected] }],
    [1, { created: 1 }],
  ] as const) {
    const { ow, count } = client(() => Response.json(answer));
    const list = Array.from({ length: workouts }, () => workout);
    await assert.rejects(ow.workouts.upsert("u", list), isUnusable);
    await assert.rejects(ow.workouts.upsert("u", list, { allOrNone: true }), isUnusable);
    assert.equal(count(), 2);
  }
  const { ow } = client(() => Response.json({ created: 1, items: [stored], rejected: [rejected] }));
  const answer = await ow.workouts.upsert("u", [workout, workout]);
  assert.equal(answer.rejected[0]?.field, "workouts[1].type");
});

test("keys and applications are listed page by page", async () => {
  const asked: (string | undefined)[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { cursor } = (await request.json()) as { cursor?: string };
    asked.push(cursor);
    const page = cursor === "b" ? {} : { nextCursor: cursor ? "b" : "a" };
    const keys = request.url.includes("ListKeys");
    const items = ["k", "l"].map((id) => ({ id, appId: id, createdAt: at }));
    return Response.json({ [keys ? "keys" : "applications"]: items, ...page });
  };
  const ow = createClient({ baseUrl, fetch, auth: apiKey("ow_live_x") });
  let ids = "";
  for await (const key of ow.keys.list()) {
    ids += key.id;
  }
  for await (const app of ow.applications.list()) {
    ids += app.appId;
  }
  assert.equal(ids, "klklklklklkl");
  assert.deepEqual(asked, [undefined, "a", "b", undefined, "a", "b"]);
});

test("a message of a server that quotes a credential is shown without it", async () => {
  for (const prefix of ["ow_live_", "ow_test_", "secret_", "rt_", "whsec_", "eyJ"]) {
    const base64 = prefix === "whsec_" ? "+/z9" : "z9z9";
    for (const before of ["", "x", "key_", "%3D"]) {
      const message = `you sent ${before}${prefix}${base64.repeat(8)} to us`;
      const body = { code: "invalid_argument", message };
      const { ow } = client(() => Response.json(body, { status: 400 }));
      const e = await ow.users.get("u").catch((x) => x);
      assert.ok(e.message.startsWith(`you sent ${before}${prefix}… to us`), e.message);
    }
  }
  const message = "start_date/end_date and start_temperature are wrong";
  const { ow } = client(() =>
    Response.json({ code: "invalid_argument", message }, { status: 400 }),
  );
  const e = await ow.users.get("u").catch((x) => x);
  assert.ok(e.message.startsWith(message), e.message);
});

test("a redirect is an error that says where to, and is not repeated", async () => {
  const secret = "code=s3cret";
  const location = `https://u:p@new.example.com/ow/openwearables.v1.UserService/GetUser?${secret}`;
  for (const type of ["text/html", "application/json", "application/proto"]) {
    for (const status of [301, 302, 303, 307, 308]) {
      const { ow, count } = client(
        () => new Response("{}", { status, headers: { location, "Content-Type": type } }),
      );
      const e = await ow.users.get("u").catch((x) => x);
      assert.equal(kindOf(e), "unavailable");
      assert.equal(e.reason, "foreign_answer");
      assert.equal(e.status, status);
      assert.match(e.message, /redirects to https:\/\/new\.example\.com\/ow: set it/);
      assert.ok(!e.message.includes("s3cret"));
      assert.equal(count(), 1);
    }
  }
  const { ow, count } = client(
    () => ({ type: "opaqueredirect", status: 0, headers: new Headers(), body: null }) as Response,
  );
  await assert.rejects(ow.users.get("u"), /redirects to another URL/);
  assert.equal(count(), 1);
});

test("a response whose body cannot be streamed is read and limited", async () => {
  const body = JSON.stringify({ user: user("ü") });
  const respond = () =>
    ({ status: 200, headers: new Headers(headers), text: async () => body }) as Response;
  assert.equal((await client(respond).ow.users.get("u")).id, "ü");
  await assert.rejects(client(respond, body.length - 1).ow.users.get("u"), isUnusable);
});

test("maxResponseBytes limits what a response may have", async () => {
  const users = Array.from({ length: 100 }, (_, i) => ({
    ...user(`u-${i}`),
    firstName: "x".repeat(90),
  }));
  const respond = () => Response.json({ items: users, limit: 100 });
  const size = (await respond().arrayBuffer()).byteLength;
  assert.equal((await client(respond, size).ow.users.page()).items.length, 100);
  await assert.rejects(client(respond, size - 1).ow.users.page(), isUnusable);
  for (const maxResponseBytes of [-1, Number.NaN, Infinity, 1.5, "1" as never]) {
    assert.throws(() => client(respond, maxResponseBytes), isInvalid);
  }
  const auth = apiKey("ow_live_x");
  assert.throws(() => createClient({ baseUrl, auth, maxResponseBytes: 0 }), isInvalid);
});
