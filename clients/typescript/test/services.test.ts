import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type Access,
  type AuditEvent,
  apiKey,
  type Client,
  createClient,
  isForbidden,
  isInvalid,
  isNotFound,
  isUnauthenticated,
  OpenWearablesError,
  timestampFromDate,
  userSession,
} from "../src/node.js";
import { type Rig, startRig } from "./harness.js";
import { direct, newPerson } from "./scenario/world.js";

let rig: Rig;
let dev: Client;
before(async () => {
  rig = await startRig();
  dev = direct(rig.server, rig.developerToken);
});
after(() => rig.close());

const now = timestampFromDate(new Date());
const source = { provider: "test" };
const right = { externalId: "w1", type: "running", startTime: now, endTime: now, source };
const wrong = { ...right, externalId: "w2", type: "" };
const range = (userId: string) => ({ userId, startDate: "2026-01-01", endDate: "9999-12-31" });

/** Asks until the answer is enough: what a server counts and records shows within a second. */
async function eventually<T>(ask: () => Promise<T>, enough: (answer: T) => boolean): Promise<T> {
  for (let n = 1; ; n++) {
    const answer = await ask().catch((e) => e);
    if (enough(answer)) {
      return answer;
    }
    assert.ok(n < 50, `still ${answer}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of list) {
    items.push(item);
  }
  return items;
}

test("upsert leaves out what is wrong and says so, and upsertAll stores nothing then", async () => {
  const { id } = await dev.users.create({});
  await assert.rejects(
    dev.workouts.upsertAll(id, [right, wrong]),
    (e) => isInvalid(e) && (e as OpenWearablesError).fields[0]?.field === "workouts[1].type",
  );
  assert.equal((await dev.workouts.list(range(id))).data.length, 0);

  const { created, items, rejected } = await dev.workouts.upsert(id, [wrong, right]);
  assert.deepEqual([created, items.length, rejected.length], [1, 1, 1]);
  assert.deepEqual([rejected[0]?.index, rejected[0]?.field], [0, "workouts[0].type"]);
  assert.equal((await dev.workouts.list(range(id))).data.length, 1);

  assert.equal((await dev.workouts.upsertAll(id, [right])).updated, 1);
  await assert.rejects(dev.workouts.upsert(id, [wrong]), isInvalid);
});

test("a developer lists the audit trail, page by page and by its filters", async () => {
  const names = Array.from({ length: 5 }, (_, i) => `audited ${i}`);
  const ids: string[] = [];
  for (const name of names) {
    ids.unshift((await dev.keys.create({ name })).key.id);
  }
  const created = { action: "key.create", limit: 2 };
  const events: AuditEvent[] = await all(dev.audit.events(created));
  const subjects = events.map((e) => e.subject).filter((s) => ids.includes(s?.slice(4) ?? ""));
  assert.deepEqual(
    subjects,
    ids.map((id) => `key:${id}`),
  );
  assert.equal((await all(dev.audit.events({ subject: `key:${ids[0]}` }))).length, 1);
  const nothing = dev.audit.events({ end: timestampFromDate(new Date(0)) });
  assert.deepEqual(await all(nothing), []);
  const first = await dev.audit.events().next();
  assert.equal(first.done, false);

  const { secret } = await dev.keys.create({});
  const ow = createClient({ baseUrl: rig.server, auth: apiKey(secret.reveal()) });
  await assert.rejects(ow.audit.events().next(), isForbidden);
});

test("users see who read their health data", async () => {
  const { id, pair } = await newPerson(dev);
  await dev.workouts.list(range(id));
  const mine = createClient({
    baseUrl: rig.server,
    auth: userSession({ tokenProvider: () => pair }),
  });
  const [access] = await eventually<Access[]>(
    () => all(mine.audit.accesses(id)),
    (list) => list.length > 0,
  );
  assert.equal(access?.operation, "ListWorkouts");
  assert.match(access?.actor ?? "", /^developer:/);
  await assert.rejects(mine.audit.accesses(crypto.randomUUID()).next(), isForbidden);
  await assert.rejects(dev.audit.accesses(crypto.randomUUID()).next(), isNotFound);
});

test("whoever found a credential ends it", async () => {
  const anyone = createClient({ baseUrl: rig.server });
  for (const reveal of [true, false]) {
    const { secret } = await dev.keys.create({});
    const ow = createClient({ baseUrl: rig.server, auth: apiKey(secret.reveal()) });
    assert.ok((await ow.users.list()).limit > 0);
    await anyone.audit.reportCredential(reveal ? secret.reveal() : secret);
    await eventually(() => ow.users.list(), isUnauthenticated);
    await anyone.audit.reportCredential(secret);
  }
  await anyone.audit.reportCredential("no credential");
  await assert.rejects(anyone.audit.reportCredential(""), isInvalid);
});

test("usage is reported of the account, a key, an application and a user", async () => {
  const { key, secret } = await dev.keys.create({});
  const ow = createClient({ baseUrl: rig.server, auth: apiKey(secret.reveal()) });
  await ow.users.list();
  await ow.users.list();
  const { requests } = await eventually(
    async () => (await dev.usage.key(key.id, { resolution: "minute" })).totals ?? fail(),
    (totals) => totals.requests >= 2n,
  );
  assert.equal(requests, 2n);

  const account = await dev.usage.account();
  assert.ok((account.totals?.requests ?? 0n) >= 2n);
  assert.equal(account.resolution, "hour");
  const end = new Date();
  const start = timestampFromDate(new Date(end.getTime() - 86_400_000));
  const days = { start, end: timestampFromDate(end), resolution: "day" };
  const { application } = await dev.applications.create("App");
  const quiet = await dev.usage.application(application.appId, days);
  assert.equal(quiet.totals?.requests, 0n);
  assert.ok(quiet.series.length >= 2);

  const { id, pair } = await newPerson(dev);
  const auth = userSession({ tokenProvider: () => pair });
  const mine = createClient({ baseUrl: rig.server, auth });
  assert.equal((await mine.usage.user(id)).resolution, "hour");
  await assert.rejects(mine.usage.account(), isForbidden);
  await assert.rejects(dev.usage.key("key_000000000000"), isNotFound);
  await assert.rejects(dev.usage.account({ resolution: "week" }), isInvalid);
});

function fail(): never {
  throw new OpenWearablesError("the report has no totals", { kind: "internal" });
}
