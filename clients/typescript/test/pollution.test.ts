import assert from "node:assert/strict";
import { test } from "node:test";
import {
  apiKey,
  createClient,
  isUnauthenticated,
  memory,
  OpenWearablesError,
  userSession,
} from "../src/node.js";
import { storedRecord } from "./scenario/world.js";

const baseUrl = "https://api.example.com";
/** Members by which JSON reaches the prototype of all objects where code copies or merges them. */
const hostile =
  '"__proto__":{"polluted":"yes","toString":"x"},"constructor":{"prototype":{"polluted":"yes"}},"prototype":{"polluted":"yes"}';
const user = `{"id":"u","createdAt":"2026-01-01T00:00:00Z",${hostile}}`;

/** Fails if an object has what it was not given, and if all of them have. */
function assertClean(...given: unknown[]): void {
  assert.deepEqual(Reflect.ownKeys({}), []);
  for (const name of ["polluted", "retry_key", "refresh_token"]) {
    assert.ok(!(name in {}), `every object has the member ${name}`);
  }
  assert.equal(String({}), "[object Object]");
  for (const one of given) {
    assert.ok(!("polluted" in Object(one)), "an answer has a member of its prototype");
    assert.ok(!Object.hasOwn(Object(one), "constructor"), "an answer has a constructor of its own");
  }
}

/** Returns how to call an API that answers everything with a text. */
function answering(status: number, body: string) {
  const fetch = async () =>
    new Response(body, { status, headers: { "Content-Type": "application/json" } });
  return { baseUrl, fetch };
}

test("members of an answer that name a prototype change no object", async () => {
  const auth = apiKey("ow_live_x");
  const one = await createClient({ ...answering(200, `{"user":${user},${hostile}}`), auth })
    .users //
    .get("u");
  const list = `{"items":[${user},${user}],"limit":10,${hostile}}`;
  const { users } = createClient({ ...answering(200, list), auth });
  const page = await users.page({});
  assert.deepEqual([one.id, ...page.items.map(({ id }) => id)], ["u", "u", "u"]);
  assertClean(one, page, ...page.items);
});

test("members of an error that name a prototype change no object", async () => {
  const auth = apiKey("ow_live_x");
  for (const [status, body] of [
    [
      401,
      `{"code":"unauthenticated","message":"no","details":[{"type":"x",${hostile}}],${hostile}}`,
    ],
    [401, `{"detail":"no","reason":"invalid_api_key",${hostile}}`],
    [401, `{"__proto__":{"code":"unauthenticated","message":"polluted"}}`],
  ] as const) {
    const e = await createClient({ ...answering(status, body), auth })
      .users //
      .get("u")
      .catch((x: unknown) => x);
    assert.ok(e instanceof OpenWearablesError && isUnauthenticated(e));
    assert.ok(!e.message.includes("polluted"));
    assertClean(e, e.fields);
  }
});

test("members of a session that name a prototype change no object", async () => {
  const payload = Buffer.from(`{"sub":"u",${hostile}}`).toString("base64url");
  const pair = { access_token: `e30.${payload}.x`, refresh_token: "rt_x", expires_in: 3600 };
  const tokensOf = `{"accessToken":"e30.${payload}.y","refreshToken":"rt_y","expiresIn":3600,${hostile}}`;
  const tokens: unknown[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const { url, headers } = new Request(input, init);
    if (url.endsWith("/RefreshToken"))
      return answering(200, `{"tokens":${tokensOf},${hostile}}`).fetch();
    tokens.push(headers.get("authorization"));
    return answering(200, `{"user":${user}}`).fetch();
  };
  for (const age of ["fresh", "expired"]) {
    const store = memory();
    await store.save(storedRecord(baseUrl, pair, age).replace("{", `{${hostile},`), undefined);
    await createClient({ baseUrl, fetch, auth: userSession({ store }) }).users.get("u");
    const kept = (await store.load()) ?? "";
    assert.equal(kept.includes("polluted"), age === "fresh", "what is written anew is not ours");
  }
  assert.deepEqual(tokens, [`Bearer e30.${payload}.x`, `Bearer e30.${payload}.y`]);
  assertClean();
});

test("a request of JSON that names a prototype changes no object, and sends nothing of it", async () => {
  let sent = "";
  const fetch = async (_: unknown, init?: RequestInit) => {
    sent = String(init?.body);
    return new Response(`{"user":${user}}`, { headers: { "Content-Type": "application/json" } });
  };
  const ow = createClient({
    baseUrl,
    auth: apiKey("ow_live_x"),
    fetch: fetch as typeof globalThis.fetch,
  });
  await ow.users.create(JSON.parse(`{"firstName":"Ada",${hostile}}`));
  assert.match(sent, /Ada/);
  assert.ok(!/polluted|prototype|__proto__/.test(sent), sent);
  assertClean();
});
