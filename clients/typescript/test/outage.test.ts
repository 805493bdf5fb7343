import assert from "node:assert/strict";
import { test } from "node:test";
import { session } from "../src/auth.js";
import { systemClock } from "../src/clock.js";
import { createCore } from "../src/engine/core.js";
import { createEngine } from "../src/engine/engine.js";
import {
  createClient,
  isOffline,
  isRateLimited,
  isSessionExpired,
  isUnavailable,
  memory,
  OpenWearablesError,
  SignInRequiredError,
  type TokenProvider,
  userSession,
} from "../src/index.js";
import { TokenRpc } from "../src/rpc.js";
import { fakeServer } from "../src/testing.js";

/** A session whose clock the test advances. */
function rig(provider?: TokenProvider, store = memory()) {
  let ahead = 0;
  const clock = { wall: () => systemClock.wall() + ahead, mono: () => systemClock.mono() + ahead };
  const server = fakeServer();
  const core = createCore(server.baseUrl, clock);
  const auth = session((emitter, base) => {
    const rpc = new TokenRpc(base.bare(false), base.url, clock);
    return createEngine(core, store, rpc, emitter, { provider });
  }).session;
  const client = createClient({ baseUrl: server.baseUrl, fetch: server.fetch, auth });
  const advance = (ms: number) => {
    ahead += ms;
  };
  return { server, auth, client, advance };
}

const wait = (e: unknown) => (e as OpenWearablesError).retryAfterMs;

test("two seconds after an outage of a minute a call succeeds", async () => {
  const { server, auth, client, advance } = rig();
  await auth.signIn(server.mint("ada"));
  server.expire();
  server.fail({ method: "RefreshToken", kind: "offline", times: Infinity });
  for (let second = 0; second < 60; second++) {
    const e = await client.users.get("ada").catch((x) => x);
    assert.ok(isOffline(e) && wait(e) > 0 && wait(e) <= 2_000, `${e} ${wait(e)}`);
    advance(1_000);
  }
  server.fail();
  advance(2_000);
  assert.equal((await client.users.get("ada")).id, "ada");
});

test("a call that a person waits for skips a cooldown, but not one that the server asked for", async () => {
  const { server, auth, client, advance } = rig();
  await auth.signIn(server.mint("ada"));
  server.expire();
  server.fail({ method: "RefreshToken", kind: "offline", times: 4 });
  await assert.rejects(client.users.get("ada"), isOffline);
  await assert.rejects(client.users.get("ada"), isOffline);
  assert.equal(server.count("RefreshToken"), 4);
  assert.equal((await client.users.get("ada", { userInitiated: true })).id, "ada");
  assert.equal(server.count("RefreshToken"), 5);

  advance(3_700_000);
  const headers = { "Retry-After": "50", "Content-Type": "application/json" };
  const body = '{"code":"resource_exhausted"}';
  server.fail({ method: "RefreshToken", kind: "status", status: 429, headers, body });
  const first = await client.users.get("ada").catch((e) => e);
  assert.ok(isRateLimited(first) && wait(first) > 49_000, `${first.stack} ${wait(first)}`);
  advance(20_000);
  for (const call of [client.users.get("ada", { userInitiated: true }), auth.token()]) {
    const e = await call.catch((x) => x);
    assert.ok(isRateLimited(e) && wait(e) > 29_000 && wait(e) <= 30_000, `${wait(e)}`);
  }
  assert.equal(server.count("RefreshToken"), 6);
});

test("after a login at the app's backend the next call works", async () => {
  let signedIn = false;
  let asked = 0;
  const { server, client } = rig(() => {
    asked++;
    if (!signedIn) {
      throw new SignInRequiredError();
    }
    return server.mint("ada");
  });
  for (let n = 1; n <= 3; n++) {
    await assert.rejects(client.users.get("ada"), /nobody is signed in/);
    assert.equal(asked, n);
  }
  signedIn = true;
  assert.equal((await client.users.get("ada")).id, "ada");
});

test("a provider's failure says why and how long it lasts", async () => {
  let asked = 0;
  let cause: Error = new Error("the backend answered 502 for rt_0123456789abcdef");
  const { client, advance } = rig(() => {
    asked++;
    throw cause;
  });
  for (const most of [10_000, 10_000]) {
    const e = await client.users.get("ada").catch((x) => x);
    assert.ok(isUnavailable(e) && e.reason === "token_provider_failed");
    assert.match(e.message, /failed: the backend answered 502 for rt_…/);
    assert.ok(wait(e) > 4_000 && wait(e) <= most, `${wait(e)}`);
    assert.equal(asked, 1);
  }
  advance(11_000);
  cause = new TypeError("fetch failed");
  const e = await client.users.get("ada", { userInitiated: true }).catch((x) => x);
  assert.ok(wait(e) > 0 && wait(e) <= 2_000, `${wait(e)}`);
  assert.equal(asked, 2);
  await client.users.get("ada", { userInitiated: true }).catch(() => {});
  assert.equal(asked, 3);
});

test("a bug in the provider is no lost network", async () => {
  const { client } = rig(() => {
    throw new TypeError("Cannot read properties of undefined (reading 'token')");
  });
  const e = await client.users.get("ada").catch((x) => x);
  assert.ok(isUnavailable(e) && wait(e) > 4_000, `${wait(e)}`);
});

test("a provider that hangs is asked again after two seconds", async (t) => {
  let asked = () => {};
  const hangs = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { client } = rig(() => {
    asked();
    return new Promise<never>(() => {});
  });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const call = client.users.get("ada", { timeoutMs: 0 }).catch((x) => x);
  await hangs;
  t.mock.timers.tick(36_000);
  const e = await call;
  assert.ok(isUnavailable(e) && /took too long/.test(e.message), `${e}`);
  assert.ok(wait(e) > 0 && wait(e) <= 2_000, `${wait(e)}`);
});

test("the wait that a server asks a provider for is kept", async () => {
  let asked = 0;
  const { auth, client, advance } = rig(() => {
    asked++;
    throw new OpenWearablesError("busy", { kind: "rate_limited", retryAfterMs: 50_000 });
  });
  const left = async () => {
    auth.networkChanged();
    const e = await client.users.get("ada", { userInitiated: true }).catch((x) => x);
    return wait(e);
  };
  const first = await left();
  assert.ok(first > 49_000 && first <= 50_000, `${first}`);
  advance(20_000);
  const second = await left();
  assert.ok(second > 29_000 && second <= 30_000, `${second}`);
  assert.equal(asked, 1);
});

test("the wait that the server asks for applies also to an answer that is a timeout", async () => {
  const { server, auth, client } = rig();
  await auth.signIn(server.mint("ada"));
  server.expire();
  const headers = { "Retry-After": "50", "Content-Type": "application/json" };
  const body = '{"code":"deadline_exceeded"}';
  server.fail({ method: "RefreshToken", kind: "status", status: 504, headers, body });
  const e = await client.users.get("ada").catch((x) => x);
  assert.ok(wait(e) > 49_000, `${e} ${wait(e)}`);
});

test("after a change of the network a call renews at once, and as often as at first", async () => {
  const { server, auth, client } = rig();
  auth.networkChanged();
  await auth.signIn(server.mint("ada"));
  server.expire();
  server.fail({ method: "RefreshToken", kind: "offline", times: 4 });
  await assert.rejects(client.users.get("ada"), isOffline);
  await assert.rejects(client.users.get("ada"), isOffline);
  assert.equal(server.count("RefreshToken"), 4);
  auth.networkChanged();
  server.fail({ method: "RefreshToken", kind: "offline" });
  assert.equal((await client.users.get("ada")).id, "ada");
  assert.equal(server.count("RefreshToken"), 6);
});

test("a call fails at once if a renewal has to wait for longer than the call may", async () => {
  const { server, auth, client } = rig();
  await auth.signIn(server.mint("ada"));
  server.expire();
  const headers = { "Retry-After": "3", "Content-Type": "application/json" };
  const body = '{"code":"resource_exhausted"}';
  server.fail({ method: "RefreshToken", kind: "status", status: 429, headers, body });
  const began = performance.now();
  const [short, long] = await Promise.all([
    client.users.get("ada", { timeoutMs: 2_000 }).catch((e) => [e, performance.now() - began]),
    client.users.get("ada"),
  ]);
  const [e, took] = short as unknown as [OpenWearablesError, number];
  assert.ok(isRateLimited(e) && wait(e) > 2_000 && wait(e) <= 3_000, `${e}`);
  assert.ok(took < 1_000, `${took} ms`);
  assert.equal(long.id, "ada");
});

test("a sign-out without a network is revoked with the next call that succeeds", async () => {
  const server = fakeServer();
  const auth = userSession();
  const client = createClient({ baseUrl: server.baseUrl, fetch: server.fetch, auth });
  const first = server.mint("ada");
  await auth.signIn(first);
  server.fail({ kind: "offline", times: Infinity });
  await assert.rejects(auth.signOut(), isOffline);
  const tried = server.count("RevokeToken");
  await auth.signIn(server.mint("bob"));
  await assert.rejects(client.users.get("bob"), isOffline);
  assert.equal(server.count("RevokeToken"), tried);
  server.fail();
  await client.users.get("bob");
  await client.users.get("bob");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(server.count("RevokeToken"), tried + 1);
  const stolen = userSession();
  const thief = createClient({ baseUrl: server.baseUrl, fetch: server.fetch, auth: stolen });
  await stolen.signIn(first);
  await assert.rejects(thief.users.get("ada"), /ended/);
  assert.equal((await client.users.get("bob")).id, "bob");
});

test("a session that cannot be stored ends when the server has ended it", async () => {
  const inner = memory();
  let full = false;
  let loads = 0;
  const { server, auth, client, advance } = rig(undefined, {
    ...inner,
    load: async () => {
      loads++;
      assert.ok(loads < 1_000, "it loops");
      return inner.load();
    },
    save: async (...args) => {
      if (full) {
        throw new Error("the quota is used up");
      }
      return inner.save(...args);
    },
  });
  await auth.signIn(server.mint("ada"));
  full = true;
  server.expire();
  await client.users.get("ada");
  for (const passed of [6_000, 3_700_000]) {
    advance(passed);
    await client.users.get("ada"); // each load tries to store it again
  }
  assert.equal(server.count("RefreshToken"), 2);

  server.revoke("ada");
  advance(11_000);
  const signal = AbortSignal.timeout(5_000);
  await assert.rejects(client.users.get("ada", { timeoutMs: 0, signal }), isSessionExpired);
  assert.equal(server.count("RefreshToken"), 3);
  await assert.rejects(client.users.get("ada"), isSessionExpired);
  assert.equal(server.count("RefreshToken"), 3);
});
