import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { createClient, file, isStorageUnavailable, userSession } from "../src/node.js";
import { type Rig, startRig } from "./harness.js";
import { direct, newPerson, storedRecord } from "./scenario/world.js";

let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(() => rig.close());

function ready(p: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => {
    createInterface({ input: p.stdout as NodeJS.ReadableStream }).once("line", resolve);
  });
}

function exit(p: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => p.once("exit", resolve));
}

const go = (p: ChildProcess) => p.stdin?.write("go\n");

for (const dieAt of ["", "locked", "loaded", "sending", "sent", "answered", "saved"]) {
  test(`8 processes share a file and refresh once; the holder dies: ${dieAt || "never"}`, async (t) => {
    const proxy = await rig.proxy();
    const person = await newPerson(direct(rig.server, rig.developerToken));
    const folder = join(rig.folder, `process-${dieAt}`);
    const path = join(folder, "session.json");
    mkdirSync(folder);
    writeFileSync(path, storedRecord(proxy, person.pair, "expired"), { mode: 0o600 });
    const child = join(import.meta.dirname, "process", "child.js");
    const start = (die: string) =>
      spawn(process.execPath, [child, path, proxy, person.id, die], {
        stdio: ["pipe", "pipe", "inherit"],
      });
    const holder = start(dieAt);
    const others = Array.from({ length: 7 }, () => start(""));
    await Promise.all([holder, ...others].map(ready));
    const began = performance.now();
    const ended = [holder, ...others].map(exit);
    go(holder);
    if (dieAt) {
      assert.equal(await ended[0], null);
    }
    others.forEach(go);
    const codes = await Promise.all(ended);
    assert.deepEqual(codes.slice(1), Array(7).fill(0));
    const took = performance.now() - began;
    t.diagnostic(`${Math.round(took)} ms from the start of the work`);
    const report = (await (await fetch(`${proxy}/__faults`)).json()) as {
      rotated: number;
      requests: Record<string, number>;
      log: { method: string; key: string }[];
    };
    const keys = report.log.filter((s) => s.method === "RefreshToken").map((s) => s.key);
    assert.equal(report.rotated, 1);
    assert.equal(new Set(keys).size, 1);
    assert.ok(keys.length <= (dieAt ? 2 : 1));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const { access_token } = JSON.parse(readFileSync(path, "utf8"));
    assert.equal((await direct(rig.server, access_token).users.get(person.id)).id, person.id);
  });
}

test("a file store makes its folder, guards its file and says what is wrong", async () => {
  const path = join(rig.folder, "new", "deep", "session.json");
  const store = file(path);
  assert.equal(await store.load(), undefined);
  assert.equal(await store.save("one", "other"), false);
  assert.equal(await store.save("one", undefined), true);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(await store.save("two", undefined), false);
  assert.equal(await store.clear("two"), false);
  assert.equal(await store.clear("one"), true);
  assert.deepEqual(readdirSync(join(rig.folder, "new", "deep")), []);

  mkdirSync(path);
  const ow = createClient({ baseUrl: rig.server, auth: userSession({ store: file(path) }) });
  await assert.rejects(
    ow.users.get("x"),
    (e) => isStorageUnavailable(e) && /EISDIR; make it readable/.test((e as Error).message),
  );
});
