import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createClient, userSession } from "../src/index.js";
import { type Fault, fakeServer } from "../src/testing.js";

/** A server with a signed-in client of bob, and a clock that the test advances. */
async function rig(t: TestContext) {
  let ahead = 0;
  const real = performance.now.bind(performance);
  t.mock.method(performance, "now", () => real() + ahead);
  const server = fakeServer({ ttlSeconds: 1e6 });
  const open = (fetch = server.fetch) => {
    const auth = userSession();
    return { auth, ow: createClient({ baseUrl: server.baseUrl, fetch, auth }) };
  };
  const { auth, ow } = open();
  await auth.signIn(server.mint("bob"));
  return {
    server,
    open,
    /** Signs a session of its own in and out, without a network. */
    async leave(fault: Omit<Fault, "method" | "times"> = { kind: "offline" }) {
      const { auth } = open();
      await auth.signIn(server.mint("ada"));
      server.fail({ ...fault, method: "RevokeToken", times: Infinity });
      await assert.rejects(auth.signOut());
    },
    /** Returns how many revocations are asked for behind a call of bob that succeeds. */
    async behindACall() {
      const before = server.count("RevokeToken");
      await ow.users.get("bob");
      await new Promise((resolve) => setTimeout(resolve, 20));
      return server.count("RevokeToken") - before;
    },
    advance(ms: number) {
      ahead += ms;
    },
  };
}

test("the sign-outs of sessions that are gone reach the server behind a call of another", async (t) => {
  const { server, leave, behindACall } = await rig(t);
  await leave();
  await leave();
  server.fail();
  assert.equal(await behindACall(), 2);
  assert.equal(await behindACall(), 0);
});

test("rounds of revocations end at the first failure, and keep apart", async (t) => {
  const { server, leave, behindACall, advance } = await rig(t);
  for (let n = 0; n < 3; n++) {
    await leave();
  }
  for (const seconds of [3, 6, 12, 24, 48, 60, 60]) {
    assert.equal(await behindACall(), 1);
    advance(seconds * 1_000 - 500);
    assert.equal(await behindACall(), 0, `before ${seconds} s`);
    advance(500);
  }
  server.fail();
  assert.equal(await behindACall(), 3);
});

test("a revocation waits for as long as the server asks", async (t) => {
  const { server, leave, behindACall, advance } = await rig(t);
  const headers = { "Retry-After": "40", "Content-Type": "application/json" };
  const busy: Fault = { kind: "status", status: 503, headers, body: '{"code":"unavailable"}' };
  await leave();
  server.fail({ ...busy, method: "RevokeToken" });
  assert.equal(await behindACall(), 1);
  advance(39_000);
  assert.equal(await behindACall(), 0);
  advance(1_000);
  assert.equal(await behindACall(), 1);
  assert.equal(await behindACall(), 0);
});

test("the refusal of a captive portal does not end a revocation", async (t) => {
  const { server, leave, behindACall } = await rig(t);
  await leave({ kind: "status", status: 401, body: "<h1>Sign in to the Wi-Fi</h1>" });
  server.fail();
  assert.equal(await behindACall(), 1);
});

test("of 65 revocations the oldest is forgotten", async (t) => {
  const { server, open, behindACall } = await rig(t);
  const oldest = server.mint("ada");
  server.fail({ method: "RevokeToken", kind: "status", status: 404, times: Infinity });
  for (let n = 0; n < 65; n++) {
    const { auth } = open();
    await auth.signIn(n ? server.mint("ada") : oldest);
    await assert.rejects(auth.signOut());
  }
  server.fail();
  assert.equal(await behindACall(), 64);
  const { auth, ow } = open();
  await auth.signIn(oldest);
  server.expire();
  assert.equal((await ow.users.get("ada")).id, "ada");
});

test("a renewal that a sign-out overtakes is revoked once the server can be reached", async (t) => {
  const { server, open, behindACall } = await rig(t);
  let arrived = () => {};
  const renewing = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const { auth, ow } = open(async (input, init) => {
    const response = await server.fetch(input, init);
    if (String(input).endsWith("RefreshToken")) {
      arrived();
      await answered;
    }
    return response;
  });
  await auth.signIn(server.mint("ada"));
  server.expire();
  const call = ow.users.get("ada").catch((e) => e);
  await renewing;
  await auth.signOut();
  server.fail({ method: "RevokeToken", kind: "offline", times: Infinity });
  const before = server.count("RevokeToken");
  answer();
  await call;
  while (server.count("RevokeToken") < before + 2) {
    await new Promise((resolve) => setTimeout(resolve, 10)); // --test-timeout is the limit
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  server.fail();
  assert.equal(await behindACall(), 1);
});
