// Compares a call of this SDK, with a session and without a renewal, to the same call
// over bare connect-web with JSON. Both are served from memory.
import { createClient as createConnectClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { UserService } from "../dist/esm/gen/openwearables/v1/user_pb.js";
import { createClient, userSession } from "../dist/esm/index.js";

const baseUrl = "https://bench.invalid";
const body = JSON.stringify({ user: { id: "ada", createdAt: "2026-03-02T10:00:00Z" } });
const fetch = async () => new Response(body, { headers: { "content-type": "application/json" } });

const bare = createConnectClient(UserService, createConnectTransport({ baseUrl, fetch }));
const auth = userSession();
const ow = createClient({ baseUrl, fetch, auth });
await auth.signIn({ access_token: "access", refresh_token: "refresh", expires_in: 3600 });

async function time(call) {
  const began = performance.now();
  for (let i = 0; i < 2000; i++) {
    await call();
  }
  return ((performance.now() - began) / 2000) * 1000;
}

const best = { bare: Infinity, ours: Infinity };
for (let round = 0; round < 15; round++) {
  best.bare = Math.min(best.bare, await time(() => bare.getUser({ id: "ada" })));
  best.ours = Math.min(best.ours, await time(() => ow.users.get("ada")));
}
const [bareCall, ourCall] = [best.bare.toFixed(1), best.ours.toFixed(1)];
const ratio = (best.ours / best.bare).toFixed(2);
console.log(`bare connect-web ${bareCall} us, this SDK ${ourCall} us a call, ratio ${ratio}`);
