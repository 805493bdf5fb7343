import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ListUsersResponseSchema } from "../src/gen/openwearables/v1/user_pb.js";
import {
  apiKey,
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

const headers = { "Content-Type": "application/proto" };
const encode = <T extends DescMessage>(schema: T, init: MessageInitShape<T>) =>
  new Response(toBinary(schema, create(schema, init)), { headers });

const isUnusable = (e: unknown) =>
  e instanceof OpenWearablesError && e.kind === "internal" && e.reason === "invalid_response";

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

test("maxResponseBytes limits what a response may have", async () => {
  const users = Array.from({ length: 100 }, (_, i) => ({
    id: `u-${i}`,
    firstName: "x".repeat(90),
  }));
  const respond = () => encode(ListUsersResponseSchema, { items: users, limit: 100 });
  const size = (await respond().arrayBuffer()).byteLength;
  assert.equal((await client(respond, size).ow.users.list()).items.length, 100);
  await assert.rejects(client(respond, size - 1).ow.users.list(), isUnusable);
  for (const maxResponseBytes of [-1, Number.NaN, Infinity, 1.5, "1" as never]) {
    assert.throws(() => client(respond, maxResponseBytes), isInvalid);
  }
  const auth = apiKey("ow_live_x");
  assert.throws(() => createClient({ baseUrl, auth, maxResponseBytes: 0 }), isInvalid);
});
