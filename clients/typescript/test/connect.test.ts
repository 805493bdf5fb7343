import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createContextValues } from "@connectrpc/connect";
import {
  createTransport,
  ErrorDetailSchema,
  GetUserRequestSchema,
  GetUserResponseSchema,
  KeyService,
  UserService,
  userInitiated,
  WorkoutService,
} from "../src/connect.js";
import {
  apiKey,
  type Client,
  isInvalid,
  isNotFound,
  isOffline,
  isUnavailable,
  kindOf,
  memory,
  OpenWearablesError,
  userSession,
} from "../src/node.js";
import { fakeServer } from "../src/testing.js";
import { printed } from "./canary.js";
import { type Rig, startRig } from "./harness.js";
import { startHostile, whole } from "./hostile.js";
import { direct, newPerson, storedRecord } from "./scenario/world.js";
import { secrets } from "./secrets.js";

let rig: Rig;
let dev: Client;
before(async () => {
  rig = await startRig();
  dev = direct(rig.server, rig.developerToken);
});
after(() => rig.close());

for (const binary of [false, true]) {
  test(`a generated client calls with the session of a user: binary ${binary}`, async () => {
    const { id, pair } = await newPerson(dev);
    const store = memory();
    await store.save(storedRecord(rig.server, pair, "expired"), undefined);
    const auth = userSession({ store });
    const transport = createTransport({ baseUrl: rig.server, auth, binary });
    const users = createClient(UserService, transport);
    assert.equal((await users.getUser({ id })).user?.id, id);
    const values = { contextValues: createContextValues().set(userInitiated, true) };
    assert.equal((await users.getUser({ id }, values)).user?.id, id);
    const range = { userId: id, startDate: "2026-03-01", endDate: "2026-03-02" };
    const { data } = await createClient(WorkoutService, transport).listWorkouts(range);
    assert.deepEqual(data, []);
    await auth.signOut();
    const e = await users.getUser({ id }).catch((x) => x);
    assert.ok(e instanceof ConnectError);
    assert.equal(kindOf(e), "unauthenticated");
  });

  test(`a call fails with a ConnectError that has all of the error: binary ${binary}`, async () => {
    const { secret } = await dev.keys.create({});
    const auth = apiKey(secret.reveal());
    const transport = createTransport({ baseUrl: rig.server, auth, binary });
    const users = createClient(UserService, transport);
    const e = await users.getUser({ id: crypto.randomUUID() }).catch((x) => x);
    assert.ok(e instanceof ConnectError && e.code === Code.NotFound && isNotFound(e));
    const [detail] = e.findDetails(ErrorDetailSchema);
    assert.equal(detail?.reason, "not_found");
    assert.ok(e.cause instanceof OpenWearablesError);
    assert.equal(e.cause.requestId, detail?.requestId);
    assert.equal(e.metadata.get("x-request-id"), detail?.requestId);
    const forbidden = await createClient(KeyService, transport)
      .listKeys({})
      .catch((x) => x);
    assert.equal(forbidden.code, Code.PermissionDenied);
    assert.doesNotMatch(printed([e, forbidden]), secrets);
    const lost = createTransport({ baseUrl: "http://127.0.0.1:9", auth, binary, retries: 0 });
    const offline = await createClient(UserService, lost)
      .getUser({ id: "x" })
      .catch((x) => x);
    assert.ok(offline instanceof ConnectError && isOffline(offline));
    await assert.rejects(users.getUser({ id: "x" }, { timeoutMs: -1 }), (x) => isInvalid(x));
  });
}

test("a safe call is repeated with one key, and what cannot be read is not", async () => {
  const server = fakeServer();
  const keys = new Set<string | null>();
  let count = 0;
  const counted = (transport: typeof fetch) =>
    createTransport({ baseUrl: server.baseUrl, auth: apiKey("ow_live_x"), fetch: transport });
  const busy = counted(async (input, init) => {
    count++;
    keys.add(new Request(input, init).headers.get("idempotency-key"));
    return Response.json({ code: "unavailable" }, { status: 503 });
  });
  await assert.rejects(createClient(UserService, busy).createUser({}), (e) => isUnavailable(e));
  assert.deepEqual([count, keys.size], [3, 1]);
  count = 0;
  const wrong = counted(async () => {
    count++;
    return Response.json({ user: { id: 5 } });
  });
  const e = await createClient(UserService, wrong)
    .getUser({ id: "x" })
    .catch((x) => x);
  assert.equal((e.cause as OpenWearablesError).reason, "invalid_response");
  assert.equal(count, 1);
});

test("binary messages have a limit of bytes and of fields", async () => {
  const user = create(GetUserResponseSchema, { user: { id: "x" } });
  const headers = { "Content-Type": "application/proto" };
  const bodies: [Uint8Array, boolean][] = [
    [toBinary(GetUserResponseSchema, user), true],
    [Buffer.alloc(2 << 20, "\x0a\0"), false],
    [Buffer.alloc(200_000, "\x78\0"), false],
  ];
  for (const [body, fine] of bodies) {
    const server = await startHostile(whole(200, "application/proto", body, headers));
    const options = { baseUrl: server.url, auth: apiKey("ow_live_x"), binary: true };
    const transport = createTransport({ ...options, maxResponseBytes: 1 << 20 });
    try {
      const call = createClient(UserService, transport).getUser({ id: "x" });
      const got = await call.then(
        (r) => r.user?.id,
        (e) => (e.cause as OpenWearablesError).reason,
      );
      assert.equal(got, fine ? "x" : "invalid_response");
      assert.equal(server.count(), 1);
    } finally {
      await server.close();
    }
  }
  assert.equal(fromBinary(GetUserRequestSchema, new Uint8Array()).id, "");
});
