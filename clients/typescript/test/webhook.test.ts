import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { verifyWebhook, WebhookError } from "../src/webhook.js";

/** One message of clients/testdata/webhook-vectors.json; the README there describes it. */
interface Vector {
  name: string;
  keys: string[];
  prefix?: string;
  headers: Record<string, string>;
  body: string;
  now: number;
  type?: string;
  alert?: string;
  reason?: string;
}

const path = join(import.meta.dirname, "..", "..", "..", "testdata", "webhook-vectors.json");
const vectors = JSON.parse(readFileSync(path, "utf8")) as Vector[];

function secretsOf(v: Vector): string[] {
  return v.keys.map((key) => (v.prefix ?? "whsec_") + key);
}

function refused(reason: string): (error: unknown) => boolean {
  return (error) => error instanceof WebhookError && error.reason === reason;
}

for (const v of vectors) {
  test(`webhook: ${v.name}`, async () => {
    const bytes = new TextEncoder().encode(v.body);
    for (const headers of [v.headers, new Headers(v.headers)]) {
      for (const body of [v.body, bytes]) {
        const event = verifyWebhook(secretsOf(v), headers, body, { now: new Date(v.now * 1000) });
        if (v.reason) {
          await assert.rejects(event, refused(v.reason));
          continue;
        }
        const { id, type, alert, timestamp } = await event;
        assert.equal(id, v.headers["webhook-id"]);
        assert.equal(type, v.type);
        assert.equal(alert?.id, v.alert);
        assert.equal(timestamp.getUTCFullYear(), 2026);
        if (alert) {
          assert.equal(alert.message, "Löwe ☃ <&>");
          assert.equal(alert.occurrences, 1);
          assert.equal(alert.openedAt.toISOString(), "2026-03-07T10:30:00.500Z");
          assert.equal(alert.resolvedAt, undefined);
        }
      }
    }
  });
}

test("the clock is the machine's, the tolerance the caller's, and a header counts once", async () => {
  const v = vectors[0] as Vector;
  const [secret] = secretsOf(v) as [string];
  await assert.rejects(verifyWebhook(secret, v.headers, v.body), refused("webhook_too_old"));
  await verifyWebhook(secret, v.headers, v.body, { tolerance: Number.MAX_SAFE_INTEGER });
  const node = { ...v.headers, "Webhook-Id": ["msg_1", "msg_2"], "webhook-id": undefined };
  const options = { now: new Date(v.now * 1000) };
  await assert.rejects(
    verifyWebhook(secret, node, v.body, options),
    refused("invalid_webhook_headers"),
  );
});
