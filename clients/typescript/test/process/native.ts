// Removes the globals that its argument names and makes calls without them. Its input is
// the base URL, a user, a token pair and its expired record; it prints what came of it.
import { readFileSync } from "node:fs";
import { request } from "node:http";

const { baseUrl, id, pair, record } = JSON.parse(readFileSync(0, "utf8"));
// Node's fetch needs the globals itself. As in React Native, no body can be streamed.
const fetch: typeof globalThis.fetch = (input, init) =>
  new Promise((resolve, reject) => {
    const headers = Object.fromEntries(init?.headers as Headers);
    const sent = request(String(input), { method: "POST", headers }, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk) => chunks.push(chunk));
      res.on("end", () => {
        const { statusCode: status, headers: got } = res;
        const body = Buffer.concat(chunks).toString();
        const answer = { headers: new Headers(got as never), text: async () => body };
        resolve({ status, ...answer } as Response);
      });
    });
    sent.on("error", () => reject(new TypeError("Network request failed")));
    const aborted = Object.assign(new Error("Aborted"), { name: "AbortError" });
    init?.signal?.addEventListener("abort", () => reject(aborted));
    sent.end(init?.body as string);
  });
const print = process.stdout.write.bind(process.stdout);
void new Headers(); // that of Node is loaded now, since it needs TextEncoder itself

for (const path of (process.argv[2] ?? "").split(",")) {
  const names = path.split(".");
  const last = names.pop() as string;
  let owner = globalThis as unknown as Record<string, unknown>;
  for (const name of names) {
    owner = owner[name] as typeof owner;
  }
  delete owner[last];
}

type Sdk = typeof import("../../src/index.js");
async function calls(): Promise<unknown> {
  const { createClient, kindOf, memory, userSession }: Sdk = await import("../../src/index.js");
  const store = memory();
  await store.save(record, undefined);
  const auth = userSession({ store });
  const ow = createClient({ baseUrl, fetch, auth });
  await ow.users.get(id);
  const renewed = (await auth.token()).token.reveal() !== pair.access_token;
  const c = new AbortController();
  const call = ow.users.get(id, { signal: c.signal }).catch((e) => e);
  c.abort();
  const canceled = kindOf(await call);
  const slow = createClient({ baseUrl, fetch: () => new Promise(() => {}), auth, timeoutMs: 100 });
  const late = kindOf(await slow.users.get(id).catch((e) => e));
  const tokenProvider = () => new Promise<never>(() => {});
  const stuck = createClient({
    baseUrl,
    fetch,
    auth: userSession({ tokenProvider }),
    timeoutMs: 100,
  });
  const lateToken = kindOf(await stuck.users.get(id).catch((e) => e));
  const waiting = new AbortController();
  const token = stuck.auth.token({ signal: waiting.signal }).catch(kindOf);
  waiting.abort();
  const canceledToken = await token;
  stuck.auth.dispose();
  await auth.signOut();
  const after = await ow.users.get(id).catch((e) => e.reason);
  return { renewed, canceled, late, lateToken, canceledToken, after };
}

const { kind, reason, message, ...rest } = (await calls().catch((e) => e)) as Record<string, never>;
print(JSON.stringify({ kind, reason, message, ...rest }));
process.exitCode = 0;
