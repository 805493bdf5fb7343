import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { inspect } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import { ErrorDetailSchema } from "../src/gen/openwearables/v1/error_pb.js";
import { apiKey, createClient, isInvalid, OpenWearablesError } from "../src/node.js";
import { within } from "./harness.js";
import { bomb, crumbs, endless, startHostile, whole } from "./hostile.js";

const [proto, json] = ["application/proto", "application/json"];
/** The most MiB by which memory may grow: 16 MiB, as it is read, copied and decoded. */
const allowed = 128;

interface Outcome {
  kind: string;
  reason: string;
  message: string;
  kept: boolean;
  heap: number;
  rss: number;
}

/** Makes a call in a process of its own. */
async function attack(call: string, respond: RequestListener) {
  const server = await startHostile((req, res) => {
    if (req.method === "HEAD") {
      res.end();
    } else {
      respond(req, res);
    }
  });
  const script = join(import.meta.dirname, "process", "victim.js");
  const child = spawn(process.execPath, [...process.execArgv, script, server.url, call], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { value } = await within(60_000, `the outcome of ${call}`, lines.next());
    return { ...(JSON.parse(value) as Outcome), count: server.count() - 1 };
  } finally {
    child.kill("SIGKILL");
    await server.close();
  }
}

const error = '{"code":"unavailable","message":"';
/** Returns a list of 15 MiB whose items are the given text. */
const filled = (name: string, item: string) =>
  Buffer.concat([
    Buffer.from(`{"${name}":[`),
    Buffer.alloc((15 << 20) - ((15 << 20) % (item.length + 1)), `${item},`),
    Buffer.from(`${item}]}`),
  ]);
const deep = (n: number) => `${'{"a":'.repeat(n)}1${"}".repeat(n)}`;
const hostile: [name: string, call: string, respond: RequestListener, reason?: string][] = [
  ["a message unpacks to 512 MiB", "get", bomb(200, json, '{"a":"', "x", 512)],
  ["a token pair unpacks to 512 MiB", "refresh", bomb(200, json, '{"a":"', "x", 512)],
  ["a token pair has 2 MiB", "mint", whole(200, json, `{"a":"${"x".repeat(2 << 20)}"}`)],
  ["an error unpacks to 512 MiB", "get", bomb(503, json, error, "x", 512)],
  ["a refusal unpacks to 512 MiB", "refresh", bomb(401, json, error, "x", 512)],
  ["another form stands for JSON", "get", bomb(200, proto, "", "\0", 512), "foreign_answer"],
  ["a message has no end", "list", endless(200, json, '{"a":"', Buffer.alloc(65_536, "x"))],
  ["an error has no end", "get", endless(500, json, error, "x".repeat(65_536))],
  ["a token pair comes byte by byte", "mint", crumbs(200, json)],
  ["a message of an error has 10 MB", "get", whole(503, json, `${error}${"x".repeat(1e7)}"}`)],
  ["an error is deep", "get", whole(400, json, deep(100_000)), "foreign_answer"],
  ["a message is deep", "list", whole(200, json, deep(1_000_000))],
  ["a list has 5 million items", "list", whole(200, json, filled("data", "{}"))],
  ["a list has 5 million lists", "list", whole(200, json, filled("data", "[]"))],
  ["a message is unknown members", "list", whole(200, json, filled("other", '{"a":1}'))],
  ["a message is cut off", "get", whole(200, json, '{"user":{"id":"x')],
  ["a member is of another type", "get", whole(200, json, '{"user":{"id":5}}')],
  ["an error is cut off", "get", whole(503, json, error)],
  ["gzip is broken", "get", whole(200, json, "no gzip", { "Content-Encoding": "gzip" })],
];
for (const [name, call, respond, reason = "invalid_response"] of hostile) {
  test(`memory is bounded and one request is made although ${name}`, async (t) => {
    const got = await attack(call, respond);
    t.diagnostic(`${got.heap} MiB of heap and buffers, ${got.rss} MiB in all, ${got.message}`);
    assert.equal(got.count, 1);
    assert.equal(got.reason, reason);
    assert.equal(got.kind, reason === "foreign_answer" ? "unavailable" : "internal");
    assert.ok(got.kept);
    assert.ok(got.heap < allowed && got.rss < 2 * allowed, `${got.heap} and ${got.rss} MiB`);
    assert.ok(got.message.length <= 1024);
  });
}

test("no text of a server controls a terminal or is long", async () => {
  const evil = `\u001b[2J\u009b1m\r\n\u202eabc\u2066\u2028\ud800${"x".repeat(100_000)}`;
  const wild = `\u001b]0;x\u0007\u202e\u061c${"y".repeat(5_000)}`;
  const detail = create(ErrorDetailSchema, {
    reason: wild,
    requestId: wild,
    requiredScope: wild,
    errors: Array.from({ length: 1000 }, () => ({
      field: wild.slice(0, 20),
      message: wild.slice(0, 20),
    })),
  });
  const value = toBinary(ErrorDetailSchema, detail);
  const details = [
    {
      type: `openwearables.v1.ErrorDetail`,
      value: Buffer.from(value).toString("base64"),
      debug: { evil, value: evil },
    },
  ];
  const body = JSON.stringify({ code: "invalid_argument", message: evil, details });
  const server = await startHostile(whole(400, json, body, { "X-Request-Id": "a\u009b" }));
  try {
    const ow = createClient({ baseUrl: server.url, auth: apiKey("ow_live_x") });
    const e = await ow.users.get("x").catch((x) => x);
    assert.ok(isInvalid(e) && e instanceof OpenWearablesError);
    const texts = [e.message, e.reason, e.requestId, e.requiredScope];
    for (const { field, message } of e.fields) {
      texts.push(field, message);
    }
    texts.push(inspect(e).replaceAll("\n", ""), e.stack?.replaceAll("\n", ""));
    for (const text of texts) {
      assert.doesNotMatch(text ?? "", /[\p{Cc}\p{Bidi_C}\u2028\u2029]/u);
    }
    assert.ok(e.message.length <= 1024 && e.reason.length <= 1024);
    assert.ok(e.fields.length > 0 && e.fields.length <= 256);
    assert.equal(server.count(), 1);
  } finally {
    await server.close();
  }
});
