import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { cookieSession, webStorage } from "../src/browser.js";
import { OpenWearablesError, SignInRequiredError } from "../src/index.js";

const browser = join(import.meta.dirname, "..", "src", "browser.js");

test("cookie sessions and browser stores do not keep a Node process alive", () => {
  const program = `
    import { cookieSession, createClient, indexedDb, userSession } from ${JSON.stringify(browser)};
    const baseUrl = "https://api.example.com";
    createClient({ baseUrl, auth: cookieSession({ baseUrl }) });
    createClient({ baseUrl, auth: userSession({ store: indexedDb("x") }) });
    process.stdout.write("made");`;
  const ended = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 20_000,
  });
  assert.equal(ended.stdout, "made");
  assert.equal(ended.signal, null, "it ends by itself");
  assert.equal(ended.status, 0, ended.stderr);
});

test("a storage of the app's own works where the browser forbids its own", async () => {
  const held = new Map<string, string>();
  const shim = {
    getItem: (key: string) => held.get(key) ?? null,
    setItem: (key: string, value: string) => void held.set(key, value),
    removeItem: (key: string) => void held.delete(key),
  } as unknown as Storage;
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get() {
      throw new Error("the operation is insecure");
    },
  });
  try {
    const store = webStorage(shim, "shim");
    assert.equal(await store.save("one", undefined), true);
    assert.equal(await webStorage(shim, "shim").load(), "one");
    assert.equal(await store.clear("one"), true);
    store.watch?.(() => {}, AbortSignal.abort());
  } finally {
    Reflect.deleteProperty(globalThis, "localStorage");
  }
});

test("the classes of errors can be functions, as Babel makes them for React Native", () => {
  class Own extends OpenWearablesError {}
  for (const Type of [OpenWearablesError, SignInRequiredError, Own]) {
    // Such a function is not to be called without new: before its body runs, it asks this.
    assert.ok(Object.create(Type.prototype) instanceof Type, Type.name);
    assert.equal(Object.create(Error.prototype) instanceof Type, false, Type.name);
  }
  assert.equal(Object.create(OpenWearablesError.prototype) instanceof Own, false);
});

test("only a page on another site is warned", (t) => {
  const scope = globalThis as { document?: unknown; location?: unknown };
  const warn = t.mock.method(console, "warn", () => {});
  scope.document = {};
  try {
    for (const [page, api, warned] of [
      ["localhost", "http://localhost:8000", false],
      ["localhost", "http://127.0.0.1:8000", true],
      ["127.0.0.1", "http://localhost:8000", true],
      ["127.0.0.2", "http://127.0.0.1:8000", true],
      ["[::1]", "http://[::1]:8000", false],
      ["app.example.com", "https://api.example.com", false],
      ["example.com", "https://api.example.com", false],
      ["app.example.com", "https://api.example.org", true],
    ] as const) {
      scope.location = { hostname: page };
      const before = warn.mock.callCount();
      cookieSession({ baseUrl: api });
      assert.equal(warn.mock.callCount() - before, Number(warned), `${page} ${api}`);
    }
  } finally {
    delete scope.document;
    delete scope.location;
  }
});
