import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import {
  apiKey,
  createClient,
  developerLogin,
  isOffline,
  isUnauthenticated,
  memory,
  OpenWearablesError,
  userSession,
} from "../src/index.js";
import { fakeServer } from "../src/testing.js";
import { startHostile } from "./hostile.js";

const baseUrl = "https://api.example.com";

test("only a failure of the network is offline", async () => {
  const none = undefined as unknown as { foo: string };
  const cases: [string, string, () => unknown][] = [
    ["undefined", "fetch_failed", () => none.foo],
    ["no function", "fetch_failed", () => (({}) as never as () => void)()],
    ["a ReferenceError", "fetch_failed", () => new Function("return missing")()],
    ["a text", "fetch_failed", () => Promise.reject("no")],
    ["an error of its own", "fetch_failed", () => Promise.reject(new Error("no tenant"))],
    ["Node", "offline", () => Promise.reject(new TypeError("fetch failed"))],
    ["Chrome", "offline", () => Promise.reject(new TypeError("Failed to fetch"))],
    ["Safari", "offline", () => Promise.reject(new TypeError("Load failed"))],
    ["Safari in German", "offline", () => Promise.reject(new TypeError("Zeitüberschreitung"))],
    ["React Native", "offline", () => Promise.reject(new TypeError("Network request failed"))],
    [
      "node-fetch",
      "offline",
      () => Promise.reject(Object.assign(new Error("connect"), { code: "ECONNREFUSED" })),
    ],
  ];
  for (const [name, reason, fail] of cases) {
    let count = 0;
    const fetch = async () => {
      count++;
      return fail() as Response;
    };
    const ow = createClient({ baseUrl, fetch, auth: apiKey("ow_live_x"), retries: 1 });
    const e = await ow.users.get("u").catch((x) => x);
    assert.ok(e instanceof OpenWearablesError);
    assert.equal(e.reason, reason, `${name}: ${e}`);
    assert.equal(e.kind, reason === "offline" ? "offline" : "internal", name);
    assert.equal(count, reason === "offline" ? 2 : 1, name);
  }
});

test("what the platform's fetch reports is offline, also in the middle of a body", async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port } = closed.address() as { port: number };
  await new Promise((resolve) => closed.close(resolve));
  const none = createClient({ baseUrl: `http://127.0.0.1:${port}`, auth: apiKey("ow_live_x") });
  const lost = await none.users.get("u").catch((e) => e);
  assert.ok(isOffline(lost));
  assert.match(lost.message, /ECONNREFUSED/);

  const torn = await startHostile((_, res) => {
    res.writeHead(200, { "Content-Type": "application/json", "Content-Length": "100" });
    res.write("x", () => res.destroy());
  });
  try {
    const ow = createClient({ baseUrl: torn.url, auth: apiKey("ow_live_x"), retries: 0 });
    await assert.rejects(ow.users.get("u"), isOffline);
  } finally {
    await torn.close();
  }
});

test("a wrong password is what calls fail with", async () => {
  const server = fakeServer({ password: "right" });
  const options = { baseUrl: server.baseUrl, fetch: server.fetch };
  const email = "dev@example.com";
  const wrong = developerLogin({ email, password: "wrong" });
  const ow = createClient({ ...options, auth: wrong });
  for (let n = 0; n < 2; n++) {
    const e = await ow.sessions.me().catch((x) => x);
    assert.ok(isUnauthenticated(e) && e instanceof OpenWearablesError);
    assert.equal(e.reason, "invalid_credentials");
    assert.ok(e.retryAfterMs > 0, "the same password is not sent again and again");
  }
  assert.equal(server.count("Login"), 1);

  const typed = ["wrong", "right"];
  const asks = developerLogin({ email, password: () => typed.shift() ?? "" });
  const tool = createClient({ ...options, auth: asks });
  await assert.rejects(tool.sessions.me(), isUnauthenticated);
  assert.equal((await tool.sessions.me()).email, email);
});

test("a list fails with the errors of this package", async () => {
  const fetch = async () => Promise.reject(new TypeError("fetch failed"));
  const ow = createClient({ baseUrl, fetch, auth: apiKey("ow_live_x"), retries: 0 });
  const range = { userId: "u", startDate: "2026-01-01", endDate: "2026-12-31" };
  const lists = [
    ow.users.list(),
    ow.keys.list(),
    ow.applications.list(),
    ow.sessions.list(),
    ow.workouts.list(range),
    ow.users.list({ limit: "x" as never }),
    ow.workouts.list(null as never),
  ];
  for (const list of lists) {
    const all = async () => {
      for await (const _ of list) {
        assert.fail("there is nothing");
      }
    };
    await assert.rejects(all(), OpenWearablesError);
  }
});

const names: [url: string, plain: boolean, near: boolean][] = [
  ["http://localhost:8000", true, true],
  ["http://127.9.9.9", true, true],
  ["http://[::1]:8000", true, true],
  ["http://[::ffff:127.0.0.1]", true, true],
  ["http://[::ffff:7f01:203]", true, true],
  ["http://[::ffff:128.0.0.1]", false, false],
  ["http://openwearables", false, true],
  ["http://ow-auth.default.svc:8000", false, true],
  ["http://ow.default.svc.cluster.local", false, true],
  ["http://nas.local.", false, true],
  ["http://api.corp.internal/ow", false, true],
  ["http://10.1.2.3", false, true],
  ["http://172.16.0.1", false, true],
  ["http://172.31.255.255", false, true],
  ["http://192.168.1.1", false, true],
  ["http://169.254.1.1", false, true],
  ["http://[fd00::1]", false, true],
  ["http://[fc00::1]", false, true],
  ["http://[fe80::1]", false, true],
  ["http://[::ffff:10.0.0.1]", false, true],
  ["http://[::ffff:172.20.0.1]", false, true],
  ["http://172.15.0.1", false, false],
  ["http://172.32.0.1", false, false],
  ["http://11.0.0.1", false, false],
  ["http://100.64.0.1", false, false],
  ["http://8.8.8.8", false, false],
  ["http://1.10.2.3", false, false],
  ["http://[2001:db8::1]", false, false],
  ["http://[fec0::1]", false, false],
  ["http://[::ffff:8.8.8.8]", false, false],
  ["http://[fd::1]", false, false],
  ["http://api.example.com", false, false],
  ["http://local.example.com", false, false],
  ["http://10.example.com", false, false],
  ["http://mylocal.com", false, false],
  ["http://svc.evil", false, false],
  ["ftp://openwearables", false, false],
];

test("plain http is for loopback, and by an option for private networks", () => {
  for (const [url, plain, near] of names) {
    for (const [allowInsecurePrivateNetwork, ok] of [
      [false, plain],
      [true, near],
    ] as const) {
      const make = () => createClient({ baseUrl: url, allowInsecurePrivateNetwork });
      if (ok) {
        assert.doesNotThrow(make, url);
      } else {
        assert.throws(make, /https:\/\//, `${url} ${allowInsecurePrivateNetwork}`);
      }
    }
  }
});

test("a session's calls of its own also stay with the allowed base URL", async () => {
  const server = fakeServer();
  const auth = userSession({ store: memory(), tokenProvider: () => server.mint("ada") });
  const ow = createClient({
    baseUrl: "http://openwearables.default.svc",
    allowInsecurePrivateNetwork: true,
    fetch: server.fetch,
    auth,
  });
  assert.equal((await ow.users.get("ada")).id, "ada");
  assert.equal(ow.baseUrl, "http://openwearables.default.svc");
});
