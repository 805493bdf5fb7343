// usage: node scripts/bench.mjs [--json]
// Compares a call of this SDK, with a session and without a renewal, to the same call
// over bare connect-web with JSON and over bare fetch. All are served from memory. Then
// a thousand callers meet an expired token at once, and share one refresh.
import { createClient as createConnectClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { UserService } from "../dist/esm/gen/openwearables/v1/user_pb.js";
import { createClient, userSession } from "../dist/esm/index.js";

const baseUrl = "https://bench.invalid";
const headers = { "content-type": "application/json" };
const user = JSON.stringify({ user: { id: "ada", createdAt: "2026-03-02T10:00:00Z" } });
const tokens = JSON.stringify({
  tokens: { accessToken: "next", refreshToken: "next", tokenType: "bearer", expiresIn: "3600" },
});
let refreshes = 0;
async function fetch(input) {
  const url = typeof input === "string" ? input : (input.url ?? String(input));
  if (url.endsWith("/RefreshToken")) {
    refreshes++;
    return new Response(tokens, { headers });
  }
  return new Response(user, { headers });
}

async function getByHand() {
  const res = await fetch(`${baseUrl}/openwearables.v1.UserService/GetUser`, {
    method: "POST",
    headers: { ...headers, "connect-protocol-version": "1", authorization: "Bearer access" },
    body: JSON.stringify({ id: "ada" }),
  });
  if (!res.ok) {
    throw new Error(`status ${res.status}`);
  }
  return (await res.json()).user;
}

async function signedIn(expires_in) {
  const auth = userSession();
  const client = createClient({ baseUrl, fetch, auth });
  await auth.signIn({ access_token: "access", refresh_token: "refresh", expires_in });
  return client;
}

async function time(call) {
  const began = performance.now();
  for (let i = 0; i < 2000; i++) {
    await call();
  }
  return ((performance.now() - began) / 2000) * 1000;
}

const bare = createConnectClient(UserService, createConnectTransport({ baseUrl, fetch }));
const ow = await signedIn(3600);
const calls = {
  fetch: getByHand,
  connect: () => bare.getUser({ id: "ada" }),
  ours: () => ow.users.get("ada"),
};
const best = { fetch: Infinity, connect: Infinity, ours: Infinity };
for (let round = 0; round < 15; round++) {
  for (const [name, call] of Object.entries(calls)) {
    best[name] = Math.min(best[name], await time(call));
  }
}

const callers = 1000;
const stale = await signedIn(1);
await new Promise((resolve) => setTimeout(resolve, 1500));
const began = performance.now();
const found = await Promise.all(Array.from({ length: callers }, () => stale.users.get("ada")));
const expiry = performance.now() - began;
if (!found.every((u) => u.id === "ada")) {
  throw new Error("not every caller got the user");
}

if (process.argv.includes("--json")) {
  console.log(JSON.stringify({ ...best, callers, refreshes, expiry }));
} else {
  const [f, c, o] = [best.fetch, best.connect, best.ours].map((us) => us.toFixed(1));
  console.log(`bare fetch ${f} us, bare connect-web ${c} us, this SDK ${o} us a call`);
  console.log(`${callers} callers at an expiry: refreshes ${refreshes}, ${expiry.toFixed(0)} ms`);
}
