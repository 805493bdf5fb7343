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

const now = new Date();
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

test("upsert leaves out what is wrong and says so, and with allOrNone it stores nothing then", async () => {
  const { id } = await dev.users.create({});
  const allOrNone = true;
  await assert.rejects(
    dev.workouts.upsert(id, [right, wrong], { allOrNone }),
    (e) => isInvalid(e) && (e as OpenWearablesError).fields[0]?.field === "workouts[1].type",
  );
  assert.equal((await dev.workouts.page(range(id))).data.length, 0);

  const { created, items, rejected } = await dev.workouts.upsert(id, [wrong, right]);
  assert.deepEqual([created, items.length, rejected.length], [1, 1, 1]);
  assert.deepEqual([rejected[0]?.index, rejected[0]?.field], [0, "workouts[0].type"]);
  assert.equal((await dev.workouts.page(range(id))).data.length, 1);

  assert.equal((await dev.workouts.upsert(id, [right], { allOrNone })).updated, 1);
  await assert.rejects(dev.workouts.upsert(id, [wrong]), isInvalid);
});

test("upsertAll cuts what it is given into batches, and reports all of it", async () => {
  const { id } = await dev.users.create({});
  const many = Array.from({ length: 25 }, (_, i) => ({
    ...right,
    externalId: `w${i}`,
    type: i >= 10 && i < 20 ? "" : "running", // all of the second batch
  }));
  many[3] = { ...(many[3] as typeof right), type: "" };
  const seen: unknown[] = [];
  const onProgress = (p: unknown) => void seen.push(p);
  const report = await dev.workouts.upsertAll(id, many, { batchSize: 10, onProgress });
  assert.deepEqual([report.created, report.updated], [14, 0]);
  assert.deepEqual(
    report.rejected.map((r) => r.index),
    [3, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
  );
  assert.deepEqual(seen, [
    { done: 10, stored: 9, rejected: 1 },
    { done: 20, stored: 9, rejected: 11 },
    { done: 25, stored: 14, rejected: 11 },
  ]);
  async function* later() {
    yield right;
  }
  assert.equal((await dev.workouts.upsertAll(id, later())).updated, 1);
  assert.deepEqual(await dev.workouts.upsertAll(id, []), {
    done: 0,
    created: 0,
    updated: 0,
    rejected: [],
  });
  await assert.rejects(dev.workouts.upsertAll(crypto.randomUUID(), [right]), isNotFound);
  for (const wrong of [
    { batchSize: 0 },
    { batchSize: 1001 },
    { resumeAt: -1 },
    { resumeAt: 1.5 },
  ]) {
    await assert.rejects(dev.workouts.upsertAll(id, many, wrong), isInvalid);
  }
});

test("upsertAll goes on where an earlier one ended", async () => {
  const { id } = await dev.users.create({});
  const many = Array.from({ length: 25 }, (_, i) => ({
    ...right,
    externalId: `r${i}`,
    type: i === 23 ? "" : "running",
  }));
  function* torn() {
    yield* many.slice(0, 13);
    throw new Error("the file ends here");
  }
  let resumeAt = 0;
  const onProgress = (p: { done: number }) => {
    resumeAt = p.done;
  };
  const options = { batchSize: 10, onProgress };
  await assert.rejects(dev.workouts.upsertAll(id, torn(), options), /ends here/);
  assert.equal(resumeAt, 10);
  const report = await dev.workouts.upsertAll(id, many, { ...options, resumeAt });
  const { done, created, updated, rejected } = report;
  assert.deepEqual([done, created, updated], [25, 14, 0]);
  assert.deepEqual(
    rejected.map((r) => r.index),
    [23],
  );
  for (const [list, given] of [
    [many, { resumeAt: 0, batchSize: 10, allOrNone: true }], // the server says so
    [many.map((w, i) => (i === 23 ? { ...w, type: 5 as never } : w)), { batchSize: 10 }],
  ] as const) {
    let stored = -1;
    const uploading = dev.workouts.upsertAll(id, list, {
      ...given,
      onProgress: (p) => {
        stored = p.stored;
      },
    });
    await assert.rejects(
      uploading,
      (e) =>
        e instanceof OpenWearablesError &&
        isInvalid(e) &&
        e.fields[0]?.field === "workouts[23].type" &&
        e.message.includes("workouts[23].type"),
    );
    assert.equal(stored, 20);
  }
  await assert.rejects(
    dev.workouts.upsertAll(id, many, { resumeAt: 26 }),
    (e) => isInvalid(e) && /resumeAt: there are only 25/.test(String(e)),
  );
});

test("an update changes what it is given: null clears, and what is absent stays", async () => {
  const { id } = await dev.users.create({ firstName: "Ada", lastName: "L", email: "a@b.example" });
  const changed = await dev.users.update(id, { firstName: "Bea", lastName: null });
  assert.deepEqual(
    [changed.firstName, changed.lastName, changed.email],
    ["Bea", null, "a@b.example"],
  );
  const spread = await dev.users.update(id, { ...changed, lastName: "M" });
  assert.equal(spread.lastName, "M");
  assert.deepEqual(await dev.users.update(id, {}), spread);
  assert.ok(spread.createdAt instanceof Date && !Number.isNaN(spread.createdAt.getTime()));
  assert.equal(JSON.parse(JSON.stringify(spread)).createdAt, spread.createdAt.toISOString());

  const { key } = await dev.keys.create({ expiresAt: new Date(Date.now() + 86_400_000) });
  assert.ok(key.expiresAt instanceof Date);
  assert.equal((await dev.keys.update(key.id, { expiresAt: null })).expiresAt, null);
  assert.equal((await dev.keys.update(key.id, { name: "two" })).scopes.length, key.scopes.length);
});

test("a list is read anew by each loop, and up to a limit", async () => {
  const { id } = await dev.users.create({});
  const workouts = Array.from({ length: 7 }, (_, i) => ({ ...right, externalId: `w${i}` }));
  await dev.workouts.upsert(id, workouts);
  const list = dev.workouts.list({ ...range(id), limit: 3 });
  assert.equal((await all(list)).length, 7);
  assert.equal((await all(list)).length, 7);
  assert.equal((await list.toArray({ limit: 4 })).length, 4);
  assert.equal((await list.toArray({ limit: 0 })).length, 0);
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
  const nothing = dev.audit.events({ end: new Date(0) });
  assert.deepEqual(await all(nothing), []);
  assert.equal((await dev.audit.events().toArray({ limit: 1 })).length, 1);

  const { secret } = await dev.keys.create({});
  const ow = createClient({ baseUrl: rig.server, auth: apiKey(secret.reveal()) });
  await assert.rejects(ow.audit.events().toArray(), isForbidden);
});

test("users see who read their health data", async () => {
  const { id, pair } = await newPerson(dev);
  await dev.workouts.page(range(id));
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
  await assert.rejects(mine.audit.accesses(crypto.randomUUID()).toArray(), isForbidden);
  await assert.rejects(dev.audit.accesses(crypto.randomUUID()).toArray(), isNotFound);
});

test("whoever found a credential ends it", async () => {
  const anyone = createClient({ baseUrl: rig.server });
  for (const reveal of [true, false]) {
    const { secret } = await dev.keys.create({});
    const ow = createClient({ baseUrl: rig.server, auth: apiKey(secret.reveal()) });
    assert.ok((await ow.users.page()).limit > 0);
    await anyone.audit.reportCredential(reveal ? secret.reveal() : secret);
    await eventually(() => ow.users.page(), isUnauthenticated);
    await anyone.audit.reportCredential(secret);
  }
  await anyone.audit.reportCredential("no credential");
  await assert.rejects(anyone.audit.reportCredential(""), isInvalid);
});

test("a service that may verify credentials learns what one stands for, and why one is refused", async () => {
  const { secret: asks } = await dev.keys.create({ scopes: ["credentials:verify"] });
  const { key, secret } = await dev.keys.create({ scopes: ["workouts:read"] });
  const service = createClient({ baseUrl: rig.server, auth: apiKey(asks.reveal()) });
  for (const found of [secret, secret.reveal()]) {
    const { valid, subject } = await service.credentials.verify(found, {
      operation: "ListWorkouts",
    });
    assert.deepEqual([valid, subject], [true, `key:${key.id}`]);
  }
  const many = await service.credentials.verifyMany([
    { credential: "nonsense" },
    { credential: secret.reveal(), scope: "workouts:read" },
  ]);
  assert.deepEqual(
    many.map((v) => v.reason),
    ["malformed", "valid"],
  );
  await assert.rejects(service.credentials.verifyMany([]), isInvalid);
  const { checks } = await service.credentials.explain(secret, { operation: "CreateKey" });
  assert.deepEqual(
    checks.filter((c) => c.outcome === "failed").map((c) => c.name),
    ["kind"],
  );
  assert.equal((await service.credentials.explain("nonsense")).verification.valid, false);
});

test("usage is reported of the account, a key, an application and a user", async () => {
  const { key, secret } = await dev.keys.create({});
  const ow = createClient({ baseUrl: rig.server, auth: apiKey(secret.reveal()) });
  await ow.users.page();
  await ow.users.page();
  const { requests } = await eventually(
    async () => (await dev.usage.key(key.id, { resolution: "minute" })).totals,
    (totals) => totals.requests >= 2,
  );
  assert.equal(requests, 2);

  const account = await dev.usage.account();
  assert.ok(account.totals.requests >= 2);
  assert.equal(account.resolution, "hour");
  const end = new Date();
  const start = new Date(end.getTime() - 86_400_000);
  const days = { start, end, resolution: "day" } as const;
  const { application } = await dev.applications.create("App");
  const quiet = await dev.usage.application(application.appId, days);
  assert.equal(quiet.totals.requests, 0);
  assert.ok(quiet.series.length >= 2);

  const { id, pair } = await newPerson(dev);
  const auth = userSession({ tokenProvider: () => pair });
  const mine = createClient({ baseUrl: rig.server, auth });
  assert.equal((await mine.usage.user(id)).resolution, "hour");
  await assert.rejects(mine.usage.account(), isForbidden);
  await assert.rejects(dev.usage.key("key_000000000000"), isNotFound);
  await assert.rejects(dev.usage.account({ resolution: "week" as never }), isInvalid);
});

test("a developer reads what the installation is and holds, and nobody else", async () => {
  const { secret } = await dev.keys.create({});
  const ow = createClient({ baseUrl: rig.server, auth: apiKey(secret.reveal()) });
  const installation = await dev.installation.get();
  assert.equal(installation.apiVersion, "v1");
  assert.equal(installation.nodes, 1);
  assert.ok(installation.checkedAt instanceof Date);
  const limit = installation.limits.find(({ name }) => name === "key");
  assert.equal(limit?.flag, "--limit-key");
  assert.ok((await dev.installation.stats()).developers.count >= 1);
  await assert.rejects(ow.installation.get(), isForbidden);
});

test("workouts are deleted by provider and external id", async () => {
  const { id } = await newPerson(dev);
  await dev.workouts.upsert(id, [right, { ...right, externalId: "w2" }]);
  const gone = [
    { provider: "test", externalId: "w1" },
    { provider: "test", externalId: "w9" },
  ];
  assert.deepEqual(await dev.workouts.deleteMany(id, gone), { deleted: 1, notFound: 1 });
  const left = await dev.workouts.list(range(id)).toArray();
  assert.deepEqual(
    left.map(({ externalId }) => externalId),
    ["w2"],
  );
});

test("sessions of a user are listed and ended", async () => {
  const { id } = await dev.users.create({});
  await dev.tokens.create(id);
  await dev.tokens.create(id);
  const sessions = await dev.tokens.sessions(id).toArray();
  assert.deepEqual(
    sessions.map(({ mintedBy, refreshedAt }) => [mintedBy, refreshedAt]),
    [
      ["developer", null],
      ["developer", null],
    ],
  );
  await dev.tokens.revokeSession(id, sessions[0]?.id ?? "");
  const left = await dev.tokens.sessions(id).toArray();
  assert.deepEqual(
    left.map((s) => s.id),
    [sessions[1]?.id],
  );
  await assert.rejects(dev.tokens.revokeSession(id, sessions[0]?.id ?? ""), isNotFound);
});
