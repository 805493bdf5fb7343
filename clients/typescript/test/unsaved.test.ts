import assert from "node:assert/strict";
import { test } from "node:test";
import { session } from "../src/auth.js";
import { systemClock } from "../src/clock.js";
import { createCore } from "../src/engine/core.js";
import { createEngine } from "../src/engine/engine.js";
import {
  createClient,
  isStorageUnavailable,
  isUnauthenticated,
  memory,
  type Store,
} from "../src/index.js";
import { TokenRpc } from "../src/rpc.js";
import { fakeServer } from "../src/testing.js";
import { storedRecord } from "./scenario/world.js";

/** What a store cannot do: its loads, or its writes, fail, or no call of it settles. */
type Fault = "" | "load" | "write" | "hang";

/** A session whose store fails on demand and whose clock the test advances. */
function rig(inner: Store = memory(), server = fakeServer()) {
  let fault: Fault = "";
  let ahead = 0;
  const faulty = async <T>(kind: Fault, call: () => Promise<T>): Promise<T> => {
    if (fault === "hang") {
      return new Promise<never>(() => {});
    }
    if (fault === kind) {
      throw new Error("the disk is on fire");
    }
    return call();
  };
  const store: Store = {
    load: () => faulty("load", () => inner.load()),
    save: (...args) => faulty("write", () => inner.save(...args)),
    clear: (...args) => faulty("write", () => inner.clear(...args)),
  };
  const clock = { wall: () => systemClock.wall() + ahead, mono: () => systemClock.mono() + ahead };
  const core = createCore(server.baseUrl, clock);
  const auth = session((emitter, base) => {
    const rpc = new TokenRpc(base.bare(false), base.url, clock);
    return createEngine(core, store, rpc, emitter);
  }).session;
  const client = createClient({ baseUrl: server.baseUrl, fetch: server.fetch, auth });
  const events: string[] = [];
  for (const name of ["signedIn", "signedOut", "tokenRefreshed", "storageError"] as const) {
    auth.on(name, () => void events.push(name));
  }
  return {
    server,
    inner,
    auth,
    client,
    events,
    set(next: Fault) {
      fault = next;
    },
    advance(ms: number) {
      ahead += ms;
    },
  };
}

/** Waits for what the engine does behind a call. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Returns a store that holds a session of a user. */
async function seeded(server: ReturnType<typeof fakeServer>, user: string): Promise<Store> {
  const store = memory();
  await store.save(storedRecord(server.baseUrl, server.mint(user), "fresh"), undefined);
  return store;
}

for (const fault of ["load", "hang"] as const) {
  test(`a sign-in counts that came while the store could not be read: ${fault}`, async (t) => {
    const server = fakeServer();
    const { inner, auth, client, events, set, advance } = rig(await seeded(server, "ada"), server);
    set(fault);
    if (fault === "hang") {
      t.mock.timers.enable({ apis: ["setTimeout"] });
    }
    const signingIn = auth.signIn(server.mint("bob"));
    if (fault === "hang") {
      await new Promise(setImmediate);
      t.mock.timers.tick(5_000);
      t.mock.timers.reset();
    }
    await signingIn;
    assert.deepEqual(events, ["signedIn", "storageError"]);
    assert.equal((await client.users.get("bob")).id, "bob");
    for (const next of ["write", "", ""] as const) {
      set(next); // at first it can be read, and not yet be written
      advance(6_000);
      assert.equal((await client.users.get("bob")).id, "bob");
      await settled();
      assert.equal((await client.users.get("bob")).id, "bob");
    }
    assert.deepEqual(events, ["signedIn", "storageError"]);
    const restarted = rig(inner, server);
    assert.equal((await restarted.client.users.get("bob")).id, "bob");
  });
}

test("a sign-out counts that came while the store could not be read", async () => {
  const server = fakeServer();
  const pair = server.mint("ada");
  const { inner, auth, client, set } = rig(memory(), server);
  await inner.save(storedRecord(server.baseUrl, pair, "fresh"), undefined);
  set("load");
  await assert.rejects(auth.signOut(), isStorageUnavailable);
  set("");
  await assert.rejects(client.users.get("ada"), isUnauthenticated);
  assert.equal(await inner.load(), undefined);
  await settled();
  assert.equal(server.count("RevokeToken"), 1);
  const thief = rig(memory(), server);
  await thief.auth.signIn(pair);
  server.expire();
  await assert.rejects(thief.client.users.get("ada"), /ended/);

  await settled(); // records tell the millisecond
  const next = storedRecord(server.baseUrl, server.mint("bob"), "fresh");
  await inner.save(next, undefined);
  assert.equal((await client.users.get("bob")).id, "bob");
  assert.equal(await inner.load(), next);
});

test("a sign-out counts although the store could be read meanwhile by a call", async (t) => {
  const server = fakeServer();
  const { auth, client, set } = rig(await seeded(server, "ada"), server);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  set("hang");
  const leaving = assert.rejects(auth.signOut(), isStorageUnavailable);
  await new Promise(setImmediate);
  set("");
  assert.equal((await client.users.get("ada")).id, "ada");
  t.mock.timers.tick(5_000);
  t.mock.timers.reset();
  await leaving;
  await assert.rejects(client.users.get("ada"), isUnauthenticated);
});

test("a sign-out while the store cannot be read leaves what was saved later", async () => {
  const { server, inner, auth, client, set } = rig();
  await auth.signIn(server.mint("ada"));
  set("load");
  await assert.rejects(auth.signOut(), isStorageUnavailable);
  await settled();
  const next = storedRecord(server.baseUrl, server.mint("bob"), "fresh");
  assert.ok(await inner.save(next, await inner.load()));
  set("");
  assert.equal((await client.users.get("bob")).id, "bob");
  assert.equal(await inner.load(), next);
});

test("a store that cannot be read is asked now and then, not by every call", async () => {
  const { server, auth, client, events, set, advance } = rig();
  await auth.signIn(server.mint("ada"));
  advance(3_600_000 - 40_000); // the token is due, and can be used for 40 s
  set("load");
  events.length = 0;
  for (let step = 1; step <= 3; step++) {
    for (let n = 0; n < 50; n++) {
      assert.equal((await client.users.get("ada")).id, "ada");
    }
    await settled();
    assert.equal(events.length, step, events.join());
    advance(6_000);
  }
  set("");
  await client.users.get("ada");
  await settled();
  assert.equal(events.pop(), "tokenRefreshed");
});
