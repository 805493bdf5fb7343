import assert from "node:assert/strict";
import { test } from "node:test";
import { getOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import {
  Operation_IdempotencyKey as Key,
  operation,
  Operation_Proof as Proof,
} from "../src/gen/openwearables/v1/options_pb.js";
import { apiKey, isUnavailable } from "../src/node.js";
import * as schema from "../src/schema/schema.js";
import { caller, connect } from "../src/transport.js";
import type { Message, Rpc, Service } from "../src/wire.js";
import { services } from "./descriptors.js";

const methods = services.flatMap((service) => Object.values(service.method));
const described = schema as unknown as Record<string, Service<Record<string, [unknown, unknown]>>>;
const rpcs = methods.map((m) => {
  const name = m.parent.name.replace(/^./, (c: string) => c.toLowerCase());
  return described[name]?.(m.name) as Rpc<unknown, unknown>;
});

/** Returns a request with the members that a message needs. */
function smallest(message: Message): Record<string, unknown> {
  const members = message.filter((m) => !m.presence && !/[=#%]/.test(m.kind));
  return Object.fromEntries(
    members.map((m) => [m.name, m.of ? smallest(m.of) : m.kind ? new Date(0) : "x"]),
  );
}

test("every method of the protos has a description", () => {
  const paths = methods.map((m) => `${m.parent.typeName}/${m.name}`);
  assert.deepEqual(
    rpcs.map((r) => r?.path),
    paths,
  );
});

test("a call carries its credential and its key, and is repeated, as the contract says", async () => {
  const attempts = new Map<string, Headers[]>();
  const options = {
    baseUrl: "https://api.example.com",
    auth: apiKey("ow_live_x"),
    retries: 1 as const,
    fetch: async (input: RequestInfo | URL, init?: RequestInit) => {
      const { url, headers } = new Request(input, init);
      const { pathname } = new URL(url);
      attempts.set(pathname, [...(attempts.get(pathname) ?? []), headers]);
      return Response.json({ code: "unavailable" }, { status: 503 });
    },
  };
  const call = caller(connect(options));
  await Promise.all(rpcs.map((r) => assert.rejects(call(r, smallest(r.input)), isUnavailable)));
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
      assert.match(h.get("X-User-Agent") ?? "", /^openwearables-ts\/\d+\.\d+\.\d+ api\/1$/);
    }
    keyed += Number(perCall);
    unsigned += Number(inBody);
  }
  assert.ok(keyed >= 8 && unsigned >= 3, `${keyed} with a key, ${unsigned} without Authorization`);
});
