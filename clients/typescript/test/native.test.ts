import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createClient, OpenWearablesError } from "../src/index.js";
import { type Rig, startRig } from "./harness.js";
import { direct, newPerson, storedRecord } from "./scenario/world.js";

let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(() => rig.close());

/** Runs calls in a process without the globals, and returns what it printed. */
async function run(missing: string) {
  const { id, pair } = await newPerson(direct(rig.server, rig.developerToken));
  const record = storedRecord(rig.server, pair, "expired");
  const script = join(import.meta.dirname, "process", "native.js");
  const ended = spawnSync(process.execPath, [...process.execArgv, script, missing], {
    input: JSON.stringify({ baseUrl: rig.server, id, pair, record }),
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(ended.status, 0, ended.stderr);
  return JSON.parse(ended.stdout);
}

/** What React Native lacks, or lacked, with a polyfill of what this package cannot do without. */
const reactNative = [
  "AbortSignal.prototype.throwIfAborted",
  "AbortSignal.timeout",
  "AbortSignal.any",
  "AbortSignal.prototype.reason",
  "DOMException",
  "ReadableStream",
  "TransformStream",
  "BroadcastChannel",
  "structuredClone",
  "crypto.subtle",
  "crypto.randomUUID",
  "WeakRef",
  "atob",
  "TextDecoder",
  "TextEncoder",
].join(",");

test("calls, renewals and sign-outs work with the globals of React Native", async () => {
  assert.deepEqual(await run(reactNative), {
    renewed: true,
    canceled: "canceled",
    late: "timeout",
    lateToken: "timeout",
    canceledToken: "canceled",
    after: "signed_out",
  });
});

test("what a runtime lacks is named", async () => {
  for (const name of ["crypto", "AbortController", "Headers"]) {
    const got = await run(`${reactNative},${name}`);
    assert.equal(got.kind, "invalid", JSON.stringify(got));
    assert.equal(got.reason, "unsupported_runtime");
    assert.ok(got.message.includes(`no ${name}`), got.message);
  }
});

test("a URL whose parts cannot be read is named, too", () => {
  const own = Object.getOwnPropertyDescriptor(URL.prototype, "hostname") as PropertyDescriptor;
  const get = () => {
    throw new Error("not implemented");
  };
  Object.defineProperty(URL.prototype, "hostname", { ...own, get });
  try {
    assert.throws(
      () => createClient({ baseUrl: "https://api.example.com" }),
      (e: unknown) => e instanceof OpenWearablesError && e.reason === "unsupported_runtime",
    );
  } finally {
    Object.defineProperty(URL.prototype, "hostname", own);
  }
});
