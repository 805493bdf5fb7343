import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createClient,
  type ExposedTokenPair,
  isUnauthenticated,
  memory,
  type OpenWearablesError,
  type Store,
  userSession,
} from "../src/index.js";
import { fakeServer } from "../src/testing.js";
import { storedRecord } from "./scenario/world.js";

const microtasks = async (n: number) => {
  for (let i = 0; i < n; i++) {
    await undefined;
  }
};

type Server = ReturnType<typeof fakeServer>;

/**
 * A session of a process of its own: it shares the record of a store, and no memory. Its
 * calls of the store take up to 72 microtasks longer, by a sequence of the seed.
 */
function contender(server: Server, inner: Store, seed = 0) {
  let delay = seed;
  const slow =
    <P extends unknown[], T>(call: (...args: P) => Promise<T>) =>
    async (...args: P): Promise<T> => {
      delay = (delay * 5 + 3) % 49;
      await microtasks(12 * (delay % 7));
      return call(...args);
    };
  const store: Store = {
    load: slow(inner.load),
    save: slow(inner.save),
    clear: slow(inner.clear),
  };
  const auth = userSession({ store });
  const client = createClient({ baseUrl: server.baseUrl, fetch: server.fetch, auth });
  const failed: OpenWearablesError[] = [];
  auth.on("storageError", ({ error }) => void failed.push(error));
  return { auth, client, failed };
}

/** Returns a store that holds a session of a user whose token is over. */
async function due(server: Server, user: string): Promise<Store> {
  const store = memory();
  await store.save(storedRecord(server.baseUrl, server.mint(user), "fresh"), undefined);
  server.expire();
  return store;
}

const stored = async (store: Store) => JSON.parse((await store.load()) ?? "{}").access_token;
/** Waits for what engines do behind calls. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

test("a sign-in wins over every renewal that began before it, of 40 processes", async () => {
  const server = fakeServer();
  for (let n = 0; n < 60; n++) {
    const store = await due(server, "ada");
    const others = Array.from({ length: 40 }, (_, i) => contender(server, store, i));
    const renewals = others.map(({ client }) => client.users.get("ada").catch((e) => e));
    await microtasks(4 * n);
    const { auth, client, failed } = contender(server, store, n);
    const bob = server.mint("bob");
    await auth.signIn(bob);
    await Promise.all(renewals);
    assert.deepEqual(failed, []);
    assert.ok((await stored(store)) === bob.access_token, `after ${4 * n} microtasks`);
    assert.equal((await client.users.get("bob")).id, "bob");
  }
});

test("of 40 processes that sign in at once none fails to store its session", async () => {
  const server = fakeServer();
  const store = await due(server, "ada");
  const all = Array.from({ length: 40 }, () => contender(server, store));
  const pairs = all.map((_, i) => server.mint(`user${i}`));
  await Promise.all(all.map(({ auth }, i) => auth.signIn(pairs[i] as ExposedTokenPair)));
  await settled();
  assert.deepEqual(all.flatMap(({ failed }) => failed).map(String), []);
  const token = await stored(store);
  assert.ok(pairs.some((p) => p.access_token === token));
});

test("the later of two sign-ins of a session is stored, at any point of the earlier", async () => {
  const server = fakeServer();
  for (let n = 0; n < 200; n++) {
    const store = await due(server, "ada");
    const { auth, client } = contender(server, store, n);
    const earlier = auth.signIn(server.mint("bob"));
    await microtasks(n % 100);
    const eve = server.mint("eve");
    await auth.signIn(eve);
    await earlier;
    assert.ok((await stored(store)) === eve.access_token, `after ${n % 100} microtasks`);
    assert.equal((await client.users.get("eve")).id, "eve");
  }
});

test("a sign-out at any point of a sign-in brings nothing back", async () => {
  const server = fakeServer();
  for (let n = 0; n < 200; n++) {
    const store = await due(server, "ada");
    const { auth, client } = contender(server, store, n);
    const entering = auth.signIn(server.mint("bob"));
    await microtasks(n % 100);
    await auth.signOut();
    await entering;
    assert.ok((await store.load()) === undefined, `after ${n % 100} microtasks`);
    await assert.rejects(client.users.get("bob"), isUnauthenticated);
  }
});

for (const landed of ["a renewal", "the end"] as const) {
  test(`a sign-in that could not be saved stays although ${landed} of the session before was`, async (t) => {
    const server = fakeServer();
    const store = await due(server, "ada");
    const before = await store.load();
    let broken = true;
    const { auth, client } = contender(server, {
      ...store,
      async save(record, expected) {
        if (broken) {
          // What another process stored between the sign-in's load and its save.
          const renewed = JSON.stringify({ ...JSON.parse(before as string), retry_key: "next" });
          await (landed === "the end" ? store.clear(before) : store.save(renewed, before));
          throw new Error("the disk is on fire");
        }
        return store.save(record, expected);
      },
    });
    const bob = server.mint("bob");
    await auth.signIn(bob);
    broken = false;
    const now = performance.now.bind(performance);
    t.mock.method(performance, "now", () => now() + 6_000);
    for (let i = 0; i < 3; i++) {
      assert.equal((await client.users.get("bob")).id, "bob");
      await settled();
    }
    assert.ok((await stored(store)) === bob.access_token);
  });
}
