import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { file } from "../src/node.js";
import { within } from "./harness.js";

const root = mkdtempSync(join(tmpdir(), "openwearables-ts-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** Writes a record with a mode and returns its path. */
function plant(path: string, mode: number): string {
  writeFileSync(path, "record");
  chmodSync(path, mode);
  return path;
}

test("a file store refuses what another user can read, write or replace", async () => {
  const folder = join(root, "foreign");
  mkdirSync(folder);
  const target = join(folder, "target");
  writeFileSync(target, "record", { mode: 0o600 });
  const cases: [name: string, make: (path: string) => void, why: RegExp][] = [
    ["read by a group", (p) => plant(p, 0o640), /other users/],
    ["read by all", (p) => plant(p, 0o604), /other users/],
    ["written by all", (p) => plant(p, 0o602), /other users/],
    ["a FIFO", (p) => execFileSync("mkfifo", ["-m", "600", p]), /regular/],
    ["a link", (p) => symlinkSync(target, p), /ELOOP/],
    ["a device", (p) => symlinkSync("/dev/zero", p), /ELOOP/],
    ["huge", (p) => writeFileSync(p, Buffer.alloc(1 << 20), { mode: 0o600 }), /too large/],
  ];
  if (process.getuid?.() === 0) {
    cases.push(["of another user", (p) => chownSync(plant(p, 0o600), 1, 1), /another user/]);
  }
  for (const [i, [name, make, why]] of cases.entries()) {
    const path = join(folder, `session-${i}.json`);
    make(path);
    const store = file(path);
    const calls = (): Promise<unknown>[] => [
      store.load(),
      store.save("new", "record"),
      store.clear("record"),
    ];
    for (const call of calls()) {
      await assert.rejects(within(2_000, name, call), why, name);
    }
    assert.ok(lstatSync(path), name);
    assert.equal(readFileSync(target, "utf8"), "record");
  }
});

test("a lock file of another kind neither hangs nor is removed", async () => {
  const folder = join(root, "locks");
  mkdirSync(folder);
  const path = join(folder, "session.json");
  const lock = `${path}.node-lock`;
  const mine = join(folder, "session.json.0123456789ab.tmp"); // of somebody else
  writeFileSync(mine, "keep");
  execFileSync("mkfifo", [lock]);
  const store = file(path);
  const taken: Promise<unknown> = Promise.resolve(store.lock?.(AbortSignal.timeout(5_000)));
  await assert.rejects(within(2_000, "the lock", taken), /regular/);
  assert.equal(await store.save("one", undefined), true);
  assert.ok(lstatSync(lock).isFIFO());
  assert.deepEqual(readdirSync(folder).sort(), [
    "session.json",
    "session.json.0123456789ab.tmp",
    "session.json.node-lock",
  ]);
});
