import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Client, isInvalid, type OpenWearablesError, timestampFromDate } from "../src/node.js";
import { type Rig, startRig } from "./harness.js";
import { direct } from "./scenario/world.js";

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
