// A process that calls with a session in a file. At the named moment of the renewal it
// hangs until it is killed.
import { writeSync } from "node:fs";
import { createClient, file, type Store, userSession } from "../../src/node.js";

const [path = "", baseUrl = "", userId = "", hangAt = ""] = process.argv.slice(2);

function moment(name: string): void {
  if (name === hangAt) {
    writeSync(1, "hanging\n");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
    process.exit(1); // it was not killed
  }
}

const inner = file(path);
const store: Store = {
  id: inner.id ?? "",
  async lock(signal) {
    const unlock = await inner.lock?.(signal);
    moment("locked");
    return () => {
      moment("unlocking");
      unlock?.();
    };
  },
  async load() {
    const record = await inner.load();
    moment("loaded");
    return record;
  },
  async save(record, expected) {
    moment("received");
    const ok = await inner.save(record, expected);
    moment("saved");
    return ok;
  },
  clear: (expected) => inner.clear(expected),
};

const client = createClient({ baseUrl, auth: userSession({ store }) });
await fetch(`${baseUrl}/livez`, { signal: AbortSignal.timeout(10_000) }); // the first request is slow
writeSync(1, "ready\n");
process.stdin.once("data", async () => {
  process.stdin.destroy();
  const call = () => client.users.get(userId, { timeoutMs: 60_000 }); // the test has limits of its own
  await Promise.all(Array.from({ length: 5 }, call));
  writeSync(1, "ok\n");
});
