import assert from "node:assert/strict";
import { test } from "node:test";
import {
  apiKey,
  createClient,
  createOpenWearables,
  type DebugEvent,
  isNotFound,
  isSessionExpired,
  OpenWearablesError,
  type ResponseInfo,
  userSession,
} from "../src/index.js";
import { fakeServer } from "../src/testing.js";
import { secrets } from "./secrets.js";

const user = { id: "ada", createdAt: "2026-03-02T10:00:00Z" };

/** A client whose requests are recorded and answered with JSON. */
function rig(answer: (n: number) => Response) {
  const sent: Request[] = [];
  const bodies: unknown[] = [];
  const events: DebugEvent[] = [];
  const ow = createOpenWearables({
    baseUrl: "https://api.example.com/ow",
    auth: apiKey("ow_live_x"),
    debug: (e) => void events.push(e),
    fetch: async (input: RequestInfo | URL, init?: RequestInit) => {
      const request = new Request(input, init);
      bodies.push(await request.clone().json());
      return answer(sent.push(request));
    },
  });
  return { ow, sent, bodies, events };
}

test("a request is Connect's JSON, as a network tab shows it and a test answers it", async () => {
  const { ow, sent, bodies } = rig(() => Response.json({ user: { ...user, unknown: 1 } }));
  const got = await ow.users.create({ firstName: "Ada", lastName: null });
  assert.deepEqual(got, {
    id: "ada",
    createdAt: new Date(user.createdAt),
    firstName: null,
    lastName: null,
    email: null,
    externalUserId: null,
    lastSyncedAt: null,
    lastSyncedProvider: null,
    hasActiveConnection: false,
  });
  const [request] = sent;
  assert.equal(request?.url, "https://api.example.com/ow/openwearables.v1.UserService/CreateUser");
  assert.deepEqual(bodies, [{ firstName: "Ada" }]);
  const { headers, method, redirect, credentials } = request as Request;
  assert.deepEqual([method, redirect, credentials], ["POST", "manual", "omit"]);
  assert.equal(headers.get("content-type"), "application/json");
  assert.equal(headers.get("connect-protocol-version"), "1");
  assert.ok(Number(headers.get("connect-timeout-ms")) > 29_000);
  assert.equal(headers.get("authorization"), "Bearer ow_live_x");
});

test("a key of the caller's own is sent, and no deadline without one", async () => {
  const { ow, sent } = rig(() => Response.json({ user }));
  await ow.users.create({}, { idempotencyKey: "mine", timeoutMs: 0, headers: { "X-Y": "z" } });
  const [request] = sent;
  assert.equal(request?.headers.get("idempotency-key"), "mine");
  assert.equal(request?.headers.get("x-y"), "z");
  assert.equal(request?.headers.get("connect-timeout-ms"), null);
});

test("each attempt is reported for a log, without a secret", async () => {
  const { ow, events } = rig((n) =>
    n < 3
      ? Response.json({ code: "unavailable", message: "eyJ0123456789abc.x" }, { status: 503 })
      : Response.json({ user }, { headers: { "X-Request-Id": "req_1" } }),
  );
  const infos: ResponseInfo[] = [];
  await ow.users.get("ada", { onResponse: (i) => void infos.push(i) });
  assert.deepEqual(
    events.map((e) => [e.method, e.attempt, e.status, e.reason, e.requestId]),
    [
      ["GetUser", 1, 503, "unavailable", undefined],
      ["GetUser", 2, 503, "unavailable", undefined],
      ["GetUser", 3, 200, "", "req_1"],
    ],
  );
  assert.ok(events.every((e) => e.ms >= 0));
  assert.doesNotMatch(JSON.stringify(events), secrets);
  assert.deepEqual(infos, [{ requestId: "req_1", replayed: false }]);
});

test("an error has the code as text, and the predicates find it behind another error", async () => {
  const { ow } = rig(() =>
    Response.json({ code: "not_found", message: "no such user" }, { status: 404 }),
  );
  const e = await ow.users.get("bob").catch((x) => x);
  assert.ok(e instanceof OpenWearablesError);
  assert.deepEqual([e.code, e.kind, e.message], ["not_found", "not_found", "no such user"]);
  assert.ok(isNotFound(new Error("the page failed", { cause: e })));
  assert.ok(!isNotFound(new Error("the page failed")));
  assert.ok(!isSessionExpired(undefined));
  class Own extends OpenWearablesError {}
  assert.ok(!(e instanceof Own));
  assert.ok(new Own("x", { kind: "internal" }) instanceof OpenWearablesError);
});

test("the detail of an error is read in every form of base64, beside others", async () => {
  const text = (field: number, value: string | Buffer) =>
    Buffer.concat([Buffer.from([8 * field + 2, Buffer.byteLength(value)]), Buffer.from(value)]);
  const detail = Buffer.concat([
    Buffer.from([0x78, 0xff, 0x01]), // a number that is unknown
    Buffer.from([0x79, 1, 2, 3, 4, 5, 6, 7, 8]), // eight bytes
    Buffer.from([0x7d, 1, 2, 3, 4]), // four bytes
    text(1, "invalid_request"),
    text(2, "req_1"),
    text(3, Buffer.concat([text(1, "workouts[0].name"), text(2, "grüße 😈 > 100%")])),
    text(4, "users:read"),
  ]);
  for (const encoding of ["base64", "base64url"] as const) {
    for (const value of [detail.toString(encoding), detail.toString(encoding).replace(/=+$/, "")]) {
      const details = [
        { type: "google.rpc.Other", value: "AAAA" },
        5,
        { type: "openwearables.v1.ErrorDetail", value },
      ];
      const body = { code: "invalid_argument", message: "wrong", details };
      const { ow } = rig(() => Response.json(body, { status: 400 }));
      const e = await ow.users.get("bob").catch((x) => x);
      assert.equal(e.reason, "invalid_request");
      assert.equal(e.requestId, "req_1");
      assert.deepEqual(e.fields, [{ field: "workouts[0].name", message: "grüße 😈 > 100%" }]);
      assert.equal(e.requiredScope, "users:read");
    }
  }
  for (const value of ["", "====", "!!!!", "CP8", "Cv////8P", 5, null]) {
    const details = [{ type: "openwearables.v1.ErrorDetail", value }];
    const { ow } = rig(() => Response.json({ code: "aborted", details }, { status: 409 }));
    const e = await ow.users.get("bob").catch((x) => x);
    assert.equal(e.kind, "conflict", String(value));
  }
});

test("a client has its session", async () => {
  const server = fakeServer();
  const auth = userSession({ tokenProvider: () => server.mint("ada") });
  const ow = createClient({ baseUrl: server.baseUrl, fetch: server.fetch, auth });
  await ow.users.get("ada");
  assert.equal(ow.auth, auth);
  assert.equal(ow.auth.state, "signedIn");
  await ow.auth.signOut();
});

test("the server of a test keeps users and workouts", async () => {
  const server = fakeServer({ password: "right" });
  const auth = userSession({ tokenProvider: () => server.mint("developer") });
  const ow = createClient({ baseUrl: server.baseUrl, fetch: server.fetch, auth });
  const { id } = await ow.users.create({ firstName: "Ada", email: "ada@example.com" });
  assert.equal((await ow.users.update(id, { firstName: null })).firstName, null);
  assert.equal((await ow.users.get(id)).email, "ada@example.com");
  assert.equal((await ow.users.list().toArray()).length, 1);
  const [start, end] = [new Date("2026-03-02T10:00:00Z"), new Date("2026-03-02T10:30:00Z")];
  const workout = { externalId: "w", type: "run", startTime: start, endTime: end };
  const workouts = [{ ...workout, source: { provider: "p" } }];
  assert.equal((await ow.workouts.upsert(id, workouts)).created, 1);
  assert.equal((await ow.workouts.upsert(id, workouts)).updated, 1);
  const day = { userId: id, startDate: "2026-03-02", endDate: "2026-03-02" };
  const [kept] = await ow.workouts.list(day).toArray();
  assert.deepEqual([kept?.startTime, kept?.durationSeconds], [start, 1_800]);
  const before = { userId: id, startDate: "2026-03-01", endDate: "2026-02-28" };
  assert.equal((await ow.workouts.list(before).toArray()).length, 0);
  assert.equal((await ow.users.delete(id)).id, id);
});
