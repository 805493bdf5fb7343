import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createClient,
  isCanceled,
  isOffline,
  isRateLimited,
  isSessionExpired,
  isUnauthenticated,
  isUnavailable,
  memory,
  type OpenWearablesError,
  type Store,
  userSession,
} from "../src/index.js";
import { fakeServer } from "../src/testing.js";

const microtasks = async (n: number) => {
  for (let i = 0; i < n; i++) {
    await undefined;
  }
};

function rig(store: Store = memory(), server = fakeServer()) {
  const auth = userSession({ store });
  const client = createClient({ baseUrl: server.baseUrl, fetch: server.fetch, auth });
  return { server, auth, client, store };
}

test("1000 calls with an expired token renew it once", async () => {
  const { server, auth, client } = rig();
  await auth.signIn(server.mint("ada"));
  server.expire();
  const calls = Array.from({ length: 1000 }, () => client.users.get("ada"));
  assert.equal((await Promise.all(calls)).length, 1000);
  assert.equal(server.count("RefreshToken"), 1);
});

test("signing out at any point of a refresh brings nothing back", async () => {
  const server = fakeServer();
  for (let n = 0; n < 1000; n++) {
    const { auth, client, store } = rig(memory(), server);
    await auth.signIn(server.mint("ada"));
    server.expire();
    const call = client.users.get("ada").catch((e) => e);
    await microtasks(n % 250);
    await auth.signOut();
    await call;
    assert.equal(await store.load(), undefined, `after ${n} microtasks`);
    await assert.rejects(client.users.get("ada"), isUnauthenticated);
  }
});

test("signing in as another user at any point of a refresh wins", async () => {
  const server = fakeServer();
  for (let n = 0; n < 300; n++) {
    const { auth, client } = rig(memory(), server);
    await auth.signIn(server.mint("ada"));
    server.expire();
    const call = client.users.get("ada").catch((e) => e);
    await microtasks(n);
    await auth.signIn(server.mint("bob"));
    await call;
    assert.equal((await client.users.get("bob")).id, "bob", `after ${n} microtasks`);
  }
});

test("a session ends once, when the server says so, even if a listener throws", async (t) => {
  const { server, auth, client } = rig();
  t.mock.method(console, "error", () => {});
  let ended = 0;
  auth.on("sessionExpired", () => {
    ended++;
    throw new Error("the app's own");
  });
  const off = auth.on("sessionExpired", () => assert.fail("it was taken off"));
  off();
  await auth.signIn(server.mint("ada"));
  server.revoke("ada");
  for (let i = 0; i < 5; i++) {
    await assert.rejects(client.users.get("ada"), isSessionExpired);
  }
  assert.equal(ended, 1);
  assert.equal(server.count("RefreshToken"), 1);
});

test("a listener may call the client", async () => {
  const { server, auth, client } = rig();
  const seen = new Promise((resolve, reject) => {
    auth.on("tokenRefreshed", () => void client.users.get("ada").then(resolve, reject));
  });
  await auth.signIn(server.mint("ada"));
  server.expire();
  await client.users.get("ada");
  await seen;
});

test("a renewal makes at most four attempts for 100 callers while the server is away", async () => {
  const { server, auth, client } = rig();
  await auth.signIn(server.mint("ada"));
  server.expire();
  server.fail({ method: "RefreshToken", kind: "offline", times: Infinity });
  for (let i = 0; i < 2; i++) {
    const calls = Array.from({ length: 100 }, () => client.users.get("ada"));
    for (const r of await Promise.allSettled(calls)) {
      assert.ok(r.status === "rejected" && isOffline(r.reason));
    }
  }
  assert.equal(server.count("RefreshToken"), 4);
});

test("a lock that never comes does not stop a refresh", async (t) => {
  const inner = memory();
  const { server, auth, client } = rig({ ...inner, lock: () => new Promise(() => {}) });
  await auth.signIn(server.mint("ada"));
  server.expire();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const call = client.users.get("ada");
  await new Promise(setImmediate);
  assert.equal(server.count("RefreshToken"), 0);
  t.mock.timers.tick(12_000);
  assert.equal((await call).id, "ada");
});

test("a read-only session uses what the store holds and renews nothing", async () => {
  const { server, auth, client, store } = rig();
  await auth.signIn(server.mint("ada"));
  const reader = userSession({
    store,
    refresh: "never",
    tokenProvider: () => assert.fail("it is not asked"),
  });
  const reads = createClient({ baseUrl: server.baseUrl, fetch: server.fetch, auth: reader });
  assert.equal((await reads.users.get("ada")).id, "ada");

  server.expire();
  const before = await store.load();
  for (let i = 0; i < 3; i++) {
    await assert.rejects(
      reads.users.get("ada"),
      (e) => isUnavailable(e) && (e as OpenWearablesError).reason === "refresh_elsewhere",
    );
  }
  assert.equal(server.count("RefreshToken"), 0);
  assert.equal(await store.load(), before);

  await client.users.get("ada");
  assert.equal(server.count("RefreshToken"), 1);
  assert.equal((await reads.users.get("ada")).id, "ada");
  await auth.signOut();
  await assert.rejects(reads.users.get("ada"), isUnauthenticated);
});

test("a disposed session cancels its calls and loses nothing", async () => {
  const { server, auth, store, client: _ } = rig();
  await auth.signIn(server.mint("ada"));
  server.expire();
  server.fail({ method: "RefreshToken", kind: "lost", times: Infinity });
  const leaving = userSession({ store });
  const options = { baseUrl: server.baseUrl, fetch: server.fetch };
  const leaver = createClient({ ...options, auth: leaving });
  leaving.on("tokenRefreshed", () => assert.fail("it is told nothing any more"));
  const refreshing = new Promise((resolve) => leaving.on("refreshFailed", resolve));
  const calls = [leaver.users.get("ada"), leaver.users.get("ada")];
  const canceled = calls.map((call) => assert.rejects(call, isCanceled));
  await refreshing; // the server has minted a new pair, which was lost
  leaving.dispose();
  leaving.dispose();
  await Promise.all(canceled);

  server.fail();
  const stays = createClient({ ...options, auth });
  assert.equal((await stays.users.get("ada")).id, "ada");
});

test("a session that an effect's cleanup disposed of works when the effect runs again", async () => {
  const { server, auth, client } = rig();
  const events: string[] = [];
  auth.on("signedIn", () => events.push("signedIn"));
  auth.on("tokenRefreshed", () => events.push("tokenRefreshed"));
  auth.dispose(); // React runs each effect twice in StrictMode
  await auth.signIn(server.mint("ada"));
  assert.equal((await client.users.get("ada")).id, "ada");
  auth.dispose();
  server.expire();
  assert.equal((await client.users.get("ada")).id, "ada");
  assert.deepEqual(events, ["signedIn", "tokenRefreshed"]);
  auth.dispose();
  await auth.signOut();
  await assert.rejects(client.users.get("ada"), isUnauthenticated);
});

test("a session that shares a renewal finishes it after another is disposed of", async () => {
  const { server, auth, store } = rig();
  await auth.signIn(server.mint("ada"));
  server.expire();
  const options = { baseUrl: server.baseUrl };
  let held = () => {};
  const arrived = new Promise<void>((resolve) => {
    held = resolve;
  });
  const leaving = userSession({ store });
  const leaver = createClient({
    ...options,
    auth: leaving,
    async fetch(input, init) {
      if (!String(input).endsWith("RefreshToken")) {
        return server.fetch(input, init);
      }
      held();
      return new Promise((_, reject) => {
        init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      });
    },
  });
  const stays = createClient({ ...options, fetch: server.fetch, auth });
  const canceled = assert.rejects(leaver.users.get("ada"), isCanceled);
  await arrived;
  const call = stays.users.get("ada");
  leaving.dispose();
  await canceled;
  assert.equal((await call).id, "ada");
  assert.equal(server.count("RefreshToken"), 1);
});

test("a safe call is sent at most three times, even if each answer asks to wait", async () => {
  const { server, auth, client } = rig();
  await auth.signIn(server.mint("ada"));
  server.fail({ kind: "status", status: 429, headers: { "Retry-After": "1" }, times: Infinity });
  await assert.rejects(client.users.get("ada"), isRateLimited);
  assert.equal(server.count("GetUser"), 3);
});

test("a call whose signal is aborted beforehand is not sent", async () => {
  const { server, auth, client } = rig();
  await auth.signIn(server.mint("ada"));
  const signal = AbortSignal.abort();
  await assert.rejects(client.users.get("ada", { signal }), isCanceled);
  assert.equal(server.count("GetUser"), 0);
});
