// Compares a call of this SDK, with a session and without a renewal, to the same call
// over bare connect-web. Both are served from memory.
import { create, toBinary } from "@bufbuild/protobuf";
import { createClient as createConnectClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { GetUserResponseSchema, UserService } from "../dist/gen/openwearables/v1/user_pb.js";
import { createClient, userSession } from "../dist/index.js";

const baseUrl = "https://bench.invalid";
const body = toBinary(
  GetUserResponseSchema,
  create(GetUserResponseSchema, { user: { id: "ada" } }),
);
const fetch = async () => new Response(body, { headers: { "content-type": "application/proto" } });

const bare = createConnectClient(
  UserService,
  createConnectTransport({ baseUrl, fetch, useBinaryFormat: true }),
);
const auth = userSession();
const ow = createClient({ baseUrl, fetch, auth });
await auth.signIn({ access_token: "access", refresh_token: "refresh", expires_in: 3600 });
const ours = createConnectClient(UserService, ow.transport);

async function time(client) {
  const began = performance.now();
  for (let i = 0; i < 2000; i++) {
    await client.getUser({ id: "ada" });
  }
  return ((performance.now() - began) / 2000) * 1000;
}

const best = { bare: Infinity, ours: Infinity };
for (let round = 0; round < 15; round++) {
  best.bare = Math.min(best.bare, await time(bare));
  best.ours = Math.min(best.ours, await time(ours));
}
const [bareCall, ourCall] = [best.bare.toFixed(1), best.ours.toFixed(1)];
const ratio = (best.ours / best.bare).toFixed(2);
console.log(`bare connect-web ${bareCall} us, this SDK ${ourCall} us a call, ratio ${ratio}`);
