import assert from "node:assert/strict";
import { test } from "node:test";
import { getOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import {
  Operation_IdempotencyKey as Key,
  operation,
  Operation_Proof as Proof,
} from "../src/gen/openwearables/v1/options_pb.js";
import {
  ApplicationService,
  AuditService,
  apiKey,
  CredentialService,
  createTransport,
  isUnavailable,
  KeyService,
  SessionService,
  TokenService,
  UsageService,
  UserService,
  WorkoutService,
} from "../src/node.js";

const methods = [
  ApplicationService,
  AuditService,
  CredentialService,
  KeyService,
  SessionService,
  TokenService,
  UsageService,
  UserService,
  WorkoutService,
].flatMap((service) => Object.values(service.method));

test("a call carries its credential and its key, and is repeated, as the contract says", async () => {
  const attempts = new Map<string, Headers[]>();
  const transport = createTransport({
    baseUrl: "https://api.example.com",
    auth: apiKey("ow_live_x"),
    retries: 1,
    fetch: async (input, init) => {
      const { url, headers } = new Request(input, init);
      const { pathname } = new URL(url);
      attempts.set(pathname, [...(attempts.get(pathname) ?? []), headers]);
      return Response.json({ code: "unavailable" }, { status: 503 });
    },
  });
  await Promise.all(
    methods.map((m) =>
      assert.rejects(transport.unary(m, undefined, undefined, undefined, {}), isUnavailable),
    ),
  );
  let keyed = 0;
  let unsigned = 0;
  for (const m of methods) {
    const { proof, idempotencyKey } = getOption(m, operation);
    const perCall = idempotencyKey === Key.PER_CALL;
    const inBody = proof === Proof.BODY;
    const sent = attempts.get(`/${m.parent.typeName}/${m.name}`) ?? [];
    const safe = perCall || m.idempotency !== Level.IDEMPOTENCY_UNKNOWN;
    assert.equal(sent.length, safe ? 2 : 1, m.name);
    const keys = sent.map((h) => h.get("Idempotency-Key"));
    assert.equal(new Set(keys).size, 1, m.name);
    assert.equal(keys[0] !== null, perCall, m.name);
    for (const h of sent) {
      assert.equal(h.has("Authorization"), !inBody, m.name);
    }
    keyed += Number(perCall);
    unsigned += Number(inBody);
  }
  assert.ok(keyed >= 8 && unsigned >= 3, `${keyed} with a key, ${unsigned} without Authorization`);
});
