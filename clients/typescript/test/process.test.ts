import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { createClient, file, isStorageUnavailable, memory, userSession } from "../src/node.js";
import { type Rig, startRig, within } from "./harness.js";
import { FaultProxy, pause } from "./scenario/proxy.js";
import { direct, newPerson, storedRecord } from "./scenario/world.js";
import { contract } from "./stores/contract.js";

let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(() => rig.close());

/** Makes the proxy hold the response to the next renewal. */
const holdAnswer = [{ method: "RefreshToken", fault: "hold_answer", times: 1 }];

/** A process that prints lines and waits for go. */
class Child {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly ended: Promise<number | null>;

  constructor(script: string, ...args: string[]) {
    const path = join(import.meta.dirname, "process", script);
    this.#process = spawn(process.execPath, [...process.execArgv, path, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream });
    this.#lines = lines[Symbol.asyncIterator]();
    const ended = new Promise<number | null>((resolve) => this.#process.once("exit", resolve));
    this.ended = within(120_000, `the end of ${script}`, ended);
  }

  async says(line: string): Promise<void> {
    const next = await within(60_000, `"${line}" of a process`, this.#lines.next());
    assert.equal(next.value, line);
  }

  go(): void {
    this.#process.stdin?.write("go\n");
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }
}

/** Returns a user with an expired session in a file, and a proxy for it. */
async function stored(name: string) {
  const proxy = new FaultProxy(await rig.proxy());
  const person = await newPerson(direct(rig.server, rig.developerToken));
  const path = join(rig.folder, name, "session.json");
  mkdirSync(join(rig.folder, name));
  writeFileSync(path, storedRecord(proxy.url, person.pair, "expired"), { mode: 0o600 });
  return { proxy, person, path };
}

async function verifyAlive(path: string, id: string): Promise<void> {
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const { access_token } = JSON.parse(readFileSync(path, "utf8"));
  assert.equal((await direct(rig.server, access_token).users.get(id)).id, id);
}

for (const moment of ["", "locked", "loaded", "sent", "received", "saved", "unlocking"]) {
  const killed = moment && `, although one is killed: ${moment}`;
  test(`8 processes that share a file refresh once${killed}`, async (t) => {
    const { proxy, person, path } = await stored(`process-${moment}`);
    if (moment === "sent") {
      await proxy.rules(holdAnswer);
    }
    const start = (hangAt: string) => new Child("child.js", path, proxy.url, person.id, hangAt);
    const all = [start(moment), ...Array.from({ length: 7 }, () => start(""))];
    await Promise.all(all.map((c) => c.says("ready")));
    const [holder, ...others] = moment ? (all as [Child, ...Child[]]) : [undefined, ...all];
    holder?.go();
    if (moment === "sent") {
      assert.ok(await proxy.eventually((r) => r.held === 1));
    } else {
      await holder?.says("hanging");
    }
    for (const c of others) {
      c.go();
    }
    if (holder) {
      await pause(300);
      holder.kill();
    }
    const began = performance.now();
    await Promise.all(others.map((c) => c.says("ok")));
    const took = performance.now() - began;
    t.diagnostic(`done ${Math.round(took)} ms after the kill`);
    assert.ok(took < 5_000, `${took} ms`);
    assert.deepEqual(await Promise.all(others.map((c) => c.ended)), Array(others.length).fill(0));
    const { rotated, log } = await proxy.report();
    const keys = log.filter((s) => s.method === "RefreshToken").map((s) => s.key);
    assert.equal(rotated, 1);
    assert.equal(new Set(keys).size, 1);
    assert.ok(moment || keys.length === 1, `${keys.length} requests`);
    await verifyAlive(path, person.id);
  });
}

test("a process that disposes of its session ends, and the next one goes on", async () => {
  const { proxy, person, path } = await stored("leave");
  await proxy.rules(holdAnswer);
  const leaver = new Child("leave.js", path, proxy.url, person.id);
  assert.ok(await proxy.eventually((r) => r.held === 1)); // the server has minted the new pair
  const began = performance.now();
  leaver.go();
  await leaver.says("canceled");
  assert.equal(await leaver.ended, 0);
  assert.ok(performance.now() - began < 8_000); // before an attempt times out
  assert.deepEqual(readdirSync(join(path, "..")), ["session.json"]);

  const ow = createClient({ baseUrl: proxy.url, auth: userSession({ store: file(path) }) });
  assert.equal((await ow.users.get(person.id)).id, person.id);
  assert.equal((await proxy.report()).rotated, 1);
  await verifyAlive(path, person.id);
});

test("a file store and a memory store keep what every store promises", async () => {
  await contract(() => file(join(rig.folder, "contract", "session.json")));
  const store = memory();
  await contract(() => store);
});

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
    (e) => isStorageUnavailable(e) && /not a regular file; make it/.test((e as Error).message),
  );
});
