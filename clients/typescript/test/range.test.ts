import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type Client,
  isInvalid,
  OpenWearablesError,
  type Workout,
  type WorkoutFilter,
} from "../src/index.js";
import { type Rig, startRig } from "./harness.js";
import { direct } from "./scenario/world.js";

let rig: Rig;
let dev: Client;
before(async () => {
  rig = await startRig();
  dev = direct(rig.server, rig.developerToken);
});
after(() => rig.close());

test("a list from a workout's own start has it, and one until it has not", async () => {
  const userId = (await dev.users.create({})).id;
  const source = { provider: "test" };
  const workouts = Array.from({ length: 50 }, (_, i) => {
    const time = `${new Date(1_770_000_000_000 + 60_000 * i).toISOString().slice(0, 19)}.${String((i * 20_408_163) % 1e9).padStart(9, "0")}Z`;
    return { externalId: `w${i}`, type: "run", startTime: time, endTime: time, source };
  });
  await dev.workouts.upsert(userId, workouts);
  const ids = async (range: Omit<WorkoutFilter, "userId">) => {
    const found: string[] = [];
    for await (const w of dev.workouts.list({ userId, ...range } as WorkoutFilter)) {
      found.push(w.externalId);
    }
    return found;
  };
  const stored: Workout[] = [];
  const [startDate, endDate] = ["2026-02-01", new Date("2026-02-03")];
  for await (const w of dev.workouts.list({ userId, startDate, endDate })) {
    stored.push(w);
  }
  assert.equal(stored.length, 50);
  for (const { externalId, startTime: at } of stored) {
    const after = new Date(at.getTime() + 1_000);
    assert.deepEqual(await ids({ startDate: at, endDate: after }), [externalId]);
    const before = new Date(at.getTime() - 1_000);
    assert.deepEqual(await ids({ startDate: before, endDate: at }), []);
    const text = at.toISOString();
    assert.deepEqual(await ids({ startDate: text, endDate: after.toISOString() }), [externalId]);
  }
});

test("instants, and what is no date", async () => {
  const userId = (await dev.users.create({})).id;
  const date = new Date("2026-03-02T10:00:00.123Z");
  const { metadata } = await dev.workouts.page({ userId, startDate: date, endDate: "2026-03-02" });
  assert.equal(metadata.startTime.getTime(), date.getTime());
  assert.equal(metadata.endTime.toISOString(), "2026-03-03T00:00:00.000Z");
  for (const wrong of [new Date(Number.NaN), { seconds: 1n << 62n }, { seconds: "x" }, 5, []]) {
    const listed = dev.workouts.page({ userId, startDate: wrong as never, endDate: "2026-03-02" });
    const isWrong = (e: unknown) =>
      e instanceof OpenWearablesError && isInvalid(e) && e.fields[0]?.field === "start_date";
    await assert.rejects(listed, isWrong, String(wrong));
  }
});
