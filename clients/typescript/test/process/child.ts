// A process that uses a session in a file, and dies where it is told to.
import { createClient, file, type Store, userSession } from "../../src/node.js";

const [path = "", baseUrl = "", userId = "", dieAt = ""] = process.argv.slice(2);

function point(name: string): void {
  if (name === dieAt) {
    process.kill(process.pid, "SIGKILL");
  }
}

const inner = file(path);
const store: Store = {
  id: inner.id ?? "",
  async lock(signal) {
    const unlock = await inner.lock?.(signal);
    point("locked");
    return unlock ?? (() => {});
  },
  async load() {
    const record = await inner.load();
    point("loaded");
    return record;
  },
  async save(record, expected) {
    point("answered");
    const ok = await inner.save(record, expected);
    point("saved");
    return ok;
  },
  clear: (expected) => inner.clear(expected),
};

const client = createClient({
  baseUrl,
  auth: userSession({ store }),
  async fetch(input, init) {
    const refreshing = String(input).endsWith("RefreshToken");
    if (refreshing) {
      point("sending");
    }
    if (refreshing && dieAt === "sent") {
      setTimeout(() => point("sent"), 30);
    }
    return fetch(input, init);
  },
});
process.stdout.write("ready\n");
process.stdin.once("data", async () => {
  await Promise.all(Array.from({ length: 5 }, () => client.users.get(userId)));
  process.exit(0);
});
