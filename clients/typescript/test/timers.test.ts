import assert from "node:assert/strict";
import { test } from "node:test";
import { startDeadline } from "../src/clock.js";
import {
  createClient,
  developerLogin,
  isCanceled,
  isRateLimited,
  memory,
  OpenWearablesError,
  userSession,
} from "../src/index.js";
import { fakeServer } from "../src/testing.js";

function rig() {
  const server = fakeServer();
  const auth = userSession({ store: memory(), tokenProvider: () => server.mint("ada") });
  const options = { baseUrl: server.baseUrl, auth };
  return { server, auth, options, ow: createClient({ ...options, fetch: server.fetch }) };
}

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const refused = { "Content-Type": "application/json" };
const body = '{"code":"resource_exhausted"}';

test("a deadline beyond what a timer takes is not over at once", async () => {
  const { server, options } = rig();
  const slow: typeof globalThis.fetch = async (...request) => {
    await later(20);
    return server.fetch(...request);
  };
  for (const timeoutMs of [Infinity, Number.MAX_VALUE, 2 ** 31, 2 ** 31 - 1, 1e12, 0]) {
    const ow = createClient({ ...options, fetch: slow, timeoutMs });
    assert.equal((await ow.users.get("ada")).id, "ada", String(timeoutMs));
    assert.equal((await ow.users.get("ada", { timeoutMs })).id, "ada", String(timeoutMs));
  }
  for (const ms of [Infinity, 2 ** 31, 3e9]) {
    const { signal, done } = startDeadline(undefined, ms);
    await later(20);
    assert.equal(signal.aborted, false);
    done();
  }
});

test("a Retry-After beyond the deadline fails at once with its time", async () => {
  const { server, ow, options } = rig();
  await ow.users.get("ada");
  const headers = { ...refused, "Retry-After": "3000000" };
  server.fail({ kind: "status", status: 429, headers, body });
  const began = performance.now();
  const e = await ow.users.get("ada").catch((x) => x);
  assert.ok(isRateLimited(e) && e instanceof OpenWearablesError);
  assert.equal(e.retryAfterMs, 3e9);
  assert.ok(performance.now() - began < 1_000);

  const patient = createClient({ ...options, fetch: server.fetch, timeoutMs: 0 });
  server.fail({ kind: "status", status: 429, headers, body });
  const asked = server.count("GetUser");
  const long = await patient.users
    .get("ada", { signal: AbortSignal.timeout(1_000) })
    .catch((x) => x);
  assert.ok(isRateLimited(long), String(long));
  assert.equal(long.retryAfterMs, 3e9);
  assert.equal(server.count("GetUser"), asked + 1);
});

test("without a deadline a call waits for a minute that the server asks for", async () => {
  const { server, options } = rig();
  const patient = createClient({ ...options, fetch: server.fetch, timeoutMs: 0 });
  await patient.users.get("ada");
  const headers = { ...refused, "Retry-After": "60" };
  server.fail({ kind: "status", status: 429, headers, body });
  const asked = server.count("GetUser");
  const c = new AbortController();
  const call = assert.rejects(patient.users.get("ada", { signal: c.signal }), isCanceled);
  await later(50);
  assert.equal(server.count("GetUser"), asked + 1, "it waits and does not hurry");
  c.abort();
  await call;
});

test("a login that has to wait for longer than it may fails at once with the time", async () => {
  const server = fakeServer({ password: "right" });
  const auth = developerLogin({ email: "dev@example.com", password: "right" });
  const ow = createClient({ baseUrl: server.baseUrl, fetch: server.fetch, auth });
  const headers = { ...refused, "Retry-After": "40" };
  server.fail({ method: "Login", kind: "status", status: 429, headers, body });
  const began = performance.now();
  const e = await ow.sessions.me().catch((x) => x);
  assert.ok(isRateLimited(e) && e instanceof OpenWearablesError, String(e));
  assert.ok(e.retryAfterMs > 39_000 && e.retryAfterMs <= 40_000, String(e.retryAfterMs));
  assert.ok(performance.now() - began < 1_000);
  assert.equal(server.count("Login"), 1);
});

test("a canceled call is named as the platform names it", async () => {
  const { ow } = rig();
  await ow.users.get("ada");
  const c = new AbortController();
  const call = ow.users.get("ada", { signal: c.signal });
  c.abort();
  const e = await call.catch((x) => x);
  assert.ok(isCanceled(e) && e instanceof OpenWearablesError);
  assert.equal(e.name, "AbortError");
  assert.match(String(e), /^AbortError/);
});
