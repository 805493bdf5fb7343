import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { type Client, isForbidden, isInvalid, isNotFound } from "../src/node.js";
import { verifyWebhook } from "../src/webhook.js";
import { type Rig, startRig } from "./harness.js";
import { direct, newPerson } from "./scenario/world.js";

let rig: Rig;
let dev: Client;
let receiver: Server;
const received: { headers: IncomingMessage["headers"]; body: string }[] = [];
before(async () => {
  rig = await startRig({ args: ["--webhook-allow-private-networks"] });
  dev = direct(rig.server, rig.developerToken);
  receiver = createServer(async (req, res) => {
    let body = "";
    for await (const part of req) {
      body += part;
    }
    received.push({ headers: req.headers, body });
    res.end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
});
after(async () => {
  receiver.close();
  await rig.close();
});

test("a rule of alerts is changed, and the lists of alerts are read", async () => {
  const { items, mutes } = await dev.alerts.rules();
  assert.deepEqual(mutes, []);
  const rule = items.find((r) => r.thresholds.length > 0);
  const [threshold] = rule?.thresholds ?? [];
  assert.ok(rule && threshold);
  const value = threshold.maximum;
  const thresholds = [{ name: threshold.name, value }];
  const changed = await dev.alerts.updateRule(rule.rule, { enabled: false, thresholds });
  assert.deepEqual([changed.enabled, changed.thresholds[0]?.value], [false, value]);
  assert.equal((await dev.alerts.updateRule(rule.rule, { enabled: true })).enabled, true);
  await assert.rejects(dev.alerts.updateRule("no_such_rule", { enabled: true }), isNotFound);
  await assert.rejects(dev.alerts.updateRule(rule.rule, { enabled: null }), isInvalid);

  assert.deepEqual(await dev.alerts.list({ state: "open", limit: 1 }).toArray(), []);
  assert.deepEqual(await dev.alerts.page(), { items: [], nextCursor: null });
  const none = crypto.randomUUID();
  await assert.rejects(dev.alerts.acknowledge(none), isNotFound);
  await assert.rejects(dev.alerts.mute(none, new Date(Date.now() + 60_000)), isNotFound);
  await assert.rejects(dev.alerts.unmute(none), isNotFound);
  const { pair } = await newPerson(dev);
  const user = direct(rig.server, pair.access_token);
  await assert.rejects(user.alerts.list().toArray(), isForbidden);
});

test("an endpoint of webhooks receives what was signed with its secret", async () => {
  const { port } = receiver.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/hook`;
  const { endpoint, secret } = await dev.webhooks.create({ url, kinds: ["alert.opened"] });
  assert.match(secret.reveal(), /^whsec_/);
  assert.deepEqual(endpoint.kinds, ["alert.opened"]);
  const delivery = await dev.webhooks.test(endpoint.id);
  assert.deepEqual([delivery.state, delivery.lastStatus], ["delivered", 200]);

  const rotated = await dev.webhooks.rotate(endpoint.id, 3600);
  assert.ok(rotated.endpoint.previousExpiresAt instanceof Date);
  await dev.webhooks.test(endpoint.id);
  for (const { headers, body } of received) {
    const { id, type } = await verifyWebhook(secret.reveal(), headers, body);
    assert.equal(type, "test");
    assert.ok(id);
  }
  assert.equal(received.length, 2);
  await verifyWebhook(rotated.secret.reveal(), received[1]?.headers ?? {}, received[1]?.body ?? "");
  assert.equal((await dev.webhooks.deliveries(endpoint.id).toArray()).length, 2);

  const description = "a receiver";
  const changed = await dev.webhooks.update(endpoint.id, { description, enabled: false });
  assert.deepEqual([changed.description, changed.enabled], [description, false]);
  assert.equal((await dev.webhooks.update(endpoint.id, { description: null })).description, null);
  assert.deepEqual(await dev.webhooks.get(endpoint.id), (await dev.webhooks.list().toArray())[0]);
  await dev.webhooks.delete(endpoint.id);
  await assert.rejects(dev.webhooks.get(endpoint.id), isNotFound);
});

test("the old secret of a key and an application is ended on demand", async () => {
  const { key, secret } = await dev.keys.create({ allowedNetworks: ["127.0.0.0/8"] });
  const rotated = await dev.keys.rotate(key.id, 3600);
  assert.ok(rotated.key.overlap?.expiresAt instanceof Date);
  await direct(rig.server, secret.reveal()).users.page();
  assert.equal((await dev.keys.finishRotation(key.id)).overlap, null);
  await assert.rejects(direct(rig.server, secret.reveal()).users.page());
  await dev.keys.update(key.id, { allowedNetworks: ["192.0.2.1"] });
  const elsewhere = direct(rig.server, rotated.secret.reveal()).users.page();
  await assert.rejects(elsewhere, { reason: "network_not_allowed" });

  const app = await dev.applications.create("App");
  const { appId } = app.application;
  const again = await dev.applications.rotateSecret(appId, 3600);
  assert.equal(again.application.overlap?.requests, 0);
  assert.equal((await dev.applications.finishRotation(appId)).overlap, null);
});
