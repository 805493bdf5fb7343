import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient as createPlain, keyValueStore, memory, userSession } from "../src/index.js";
import { cookieStore } from "../src/server.js";
import { fakeServer } from "../src/testing.js";
import { storedRecord } from "./scenario/world.js";
import { contract } from "./stores/contract.js";

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Waits until there are so many states, and a little longer for one too many. */
async function reached(states: string[], count: number): Promise<void> {
  for (let n = 0; n < 500 && states.length < count; n++) {
    await settled();
  }
  await settled();
}

/** A session whose states are recorded. */
function rig(store = memory(), server = fakeServer(), refresh?: "never") {
  const auth = userSession({ store, ...(refresh && { refresh }) });
  const ow = createPlain({ baseUrl: server.baseUrl, fetch: server.fetch, auth });
  const states: string[] = [];
  const stop = ow.auth.subscribe((s) => void states.push(s));
  return { server, auth, ow, states, stop, store };
}

/** A token whose subject is the given one, which nobody has signed. */
function tokenOf(sub: string): string {
  return `e30.${btoa(JSON.stringify({ sub }))}.x`;
}

test("the state begins with what is known, and a first listener makes it known", async () => {
  const { auth, states, server } = rig();
  assert.deepEqual(states, ["unknown"]);
  await reached(states, 2);
  assert.deepEqual(states, ["unknown", "signedOut"]);
  assert.equal(auth.user(), undefined);
  await auth.signIn({ ...server.mint("ada"), access_token: tokenOf("ada") });
  await reached(states, 3);
  assert.deepEqual(auth.user(), { id: "ada" });
  await auth.signOut();
  await reached(states, 4);
  assert.deepEqual(states, ["unknown", "signedOut", "signedIn", "signedOut"]);
  assert.equal(auth.user(), undefined);
});

test("whoever signs in next is told, and a renewal is not", async () => {
  const { auth, ow, states, server } = rig();
  await auth.signIn({ ...server.mint("ada"), access_token: tokenOf("ada") });
  await reached(states, 2);
  await auth.signIn(server.mint("bob"));
  await reached(states, 3);
  server.expire();
  await ow.users.get("bob");
  await settled();
  assert.deepEqual(states, ["unknown", "signedIn", "signedIn"]);
});

test("a stored session is signed in after a reload, also without a network", async () => {
  for (const age of ["fresh", "expired"]) {
    for (const offline of [false, true]) {
      const server = fakeServer();
      const store = memory();
      await store.save(storedRecord(server.baseUrl, server.mint("ada"), age), undefined);
      if (offline) {
        server.fail({ kind: "offline", times: Infinity });
      }
      const { states } = rig(store, server);
      await reached(states, 2);
      assert.deepEqual(states, ["unknown", "signedIn"], `${age}, offline ${offline}`);
    }
  }
});

test("a session that the server has ended is signed out", async () => {
  const server = fakeServer();
  const store = memory();
  await store.save(storedRecord(server.baseUrl, server.mint("ada"), "expired"), undefined);
  server.revoke("ada");
  const { states } = rig(store, server);
  await reached(states, 2);
  assert.deepEqual(states, ["unknown", "signedOut"]);
});

test("a listener that is removed hears nothing, and one that comes later hears the state", async () => {
  const { auth, states, stop, server } = rig();
  await reached(states, 2);
  stop();
  await auth.signIn(server.mint("ada"));
  await settled();
  assert.deepEqual(states, ["unknown", "signedOut"]);
  const later: string[] = [];
  auth.subscribe((s) => void later.push(s));
  assert.deepEqual(later, ["signedIn"]);
  const unbound: string[] = [];
  userSession().subscribe((s) => void unbound.push(s));
  await settled();
  assert.deepEqual(unbound, ["unknown"]);
});

/** A jar of cookies that records what is set. */
function jarOf(cookies: Map<string, string>, writable = true) {
  const set = (name: string, value: string, o: { maxAge: number }) => {
    o.maxAge ? cookies.set(name, value) : cookies.delete(name);
  };
  return { get: async (name: string) => cookies.get(name), ...(writable && { set }) };
}

test("a cookie holds the session of a request, which is renewed into it", async () => {
  const server = fakeServer();
  const cookies = new Map<string, string>();
  const open = (writable = true) => {
    const store = cookieStore(jarOf(cookies, writable));
    const auth = userSession({ store });
    return { auth, ow: createPlain({ baseUrl: server.baseUrl, fetch: server.fetch, auth }) };
  };
  await open().auth.signIn(server.mint("ada"));
  const first = cookies.get("ow_session") ?? "";
  assert.match(first, /^[\w-]{300,3800}$/);
  assert.equal((await open().ow.users.get("ada")).id, "ada");
  assert.equal(cookies.get("ow_session"), first);

  server.expire();
  // A component that is rendered may not renew what it cannot store.
  await assert.rejects(open(false).ow.users.get("ada"), /refresh_elsewhere/);
  assert.equal(server.count("RefreshToken"), 0);
  const one = open();
  assert.equal((await one.ow.users.get("ada")).id, "ada");
  assert.notEqual(cookies.get("ow_session"), first);
  assert.equal((await open(false).ow.users.get("ada")).id, "ada");
  await one.auth.signOut();
  assert.equal(cookies.size, 0);
  for (const wrong of ["garbage", btoa("null"), btoa("{}"), btoa("5"), "%%"]) {
    cookies.set("ow_session", wrong);
    await assert.rejects(open().ow.users.get("ada"), /nobody is signed in/, wrong);
  }
});

test("a cookie store keeps what every store promises, and what does not fit is refused", async () => {
  const store = cookieStore(jarOf(new Map()));
  await contract(() => store);
  const empty = cookieStore(jarOf(new Map()));
  await assert.rejects(empty.save(`{"a":"${"x".repeat(4_000)}"}`, undefined), /too long/);
});

test("a storage of texts by name is a store", async () => {
  const held = new Map<string, string>();
  const storage = {
    get: async (key: string) => held.get(key) ?? null,
    set: async (key: string, value: string) => void held.set(key, value),
    remove: async (key: string) => void held.delete(key),
  };
  const store = keyValueStore(storage, "app");
  await contract(() => store);
  const both = await Promise.all([store.save("one", undefined), store.save("two", undefined)]);
  assert.deepEqual(both, [true, false]);
  assert.deepEqual([...held], [["openwearables.app", "one"]]);
});
