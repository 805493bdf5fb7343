// A process that makes one call to a hostile server. It prints the outcome and by how
// many MiB its memory grew at most.
import { apiKey, createClient, OpenWearablesError, userSession } from "../../src/node.js";
import { storedRecord } from "../scenario/world.js";

const [baseUrl = "", call = ""] = process.argv.slice(2);
const ow = createClient({ baseUrl, auth: apiKey("ow_live_x") });
const range = { userId: "u", startDate: "2026-01-01", endDate: "2026-12-31" };
let session: string | undefined = storedRecord(
  baseUrl,
  { access_token: "a", refresh_token: "rt_a", expires_in: 3600 },
  "expired",
);
const stored = createClient({
  baseUrl,
  auth: userSession({
    store: {
      load: async () => session,
      save: async () => true,
      async clear() {
        session = undefined;
        return true;
      },
    },
  }),
});
const calls: Record<string, () => Promise<unknown>> = {
  get: () => ow.users.get("u"),
  list: () => ow.workouts.page(range),
  mint: () => ow.tokens.create("u"),
  refresh: () => stored.users.get("u"),
};

/** Resolves with the most memory of the heap and of buffers while the work runs. */
async function peak(work: Promise<unknown>): Promise<number> {
  let most = 0;
  const sample = () => {
    const { heapUsed, external } = process.memoryUsage();
    most = Math.max(most, heapUsed + external);
  };
  const timer = setInterval(sample, 5);
  await work.finally(() => clearInterval(timer));
  sample();
  return most;
}

await fetch(`${baseUrl}/warm`, { method: "HEAD" }).catch(() => {});
const before = process.memoryUsage();
const rss = process.resourceUsage().maxRSS;
let failed: unknown;
const most = await peak(
  (calls[call] as () => Promise<unknown>)().catch((e) => {
    failed = e;
  }),
);
const error = failed instanceof OpenWearablesError ? failed : undefined;
console.log(
  JSON.stringify({
    kind: error?.kind ?? String(failed),
    reason: error?.reason,
    message: error?.message,
    kept: session !== undefined,
    heap: Math.round((most - before.heapUsed - before.external) / (1 << 20)),
    rss: Math.round((process.resourceUsage().maxRSS - rss) / 1024),
  }),
);
process.exit(0);
