import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type Client,
  isInvalid,
  OpenWearablesError,
  timestampDate,
  timestampFromDate,
  type Workout,
  type WorkoutRange,
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
    const time = { seconds: BigInt(1_770_000_000 + 60 * i), nanos: (i * 20_408_163) % 1e9 };
    return { externalId: `w${i}`, type: "run", startTime: time, endTime: time, source };
  });
  await dev.workouts.upsert(userId, workouts);
  const ids = async (range: Omit<WorkoutRange, "userId">) => {
    const found: string[] = [];
    for await (const w of dev.workouts.listAll({ userId, ...range } as WorkoutRange)) {
      found.push(w.externalId);
    }
    return found;
  };
  const stored: Workout[] = [];
  const [startDate, endDate] = ["2026-02-01", new Date("2026-02-03")];
  for await (const w of dev.workouts.listAll({ userId, startDate, endDate })) {
    stored.push(w);
  }
  assert.equal(stored.length, 50);
  for (const { externalId, startTime: at } of stored) {
    assert.ok(at);
    const near = { seconds: at.seconds + 1n, nanos: at.nanos };
    assert.deepEqual(await ids({ startDate: at, endDate: { ...at, ...near } }), [externalId]);
    const before = { ...at, seconds: at.seconds - 1n };
    assert.deepEqual(await ids({ startDate: before, endDate: at }), []);
    const past = { ...at, nanos: at.nanos + 1 }; // less than the server keeps
    assert.deepEqual(await ids({ startDate: before, endDate: past }), [externalId]);
    assert.deepEqual(await ids({ startDate: past, endDate: { ...at, ...near } }), [externalId]);
  }
});

test("instants at the edge of a second, and what is no date", async () => {
  const userId = (await dev.users.create({})).id;
  const edge = { ...timestampFromDate(new Date("2026-03-02T10:00:00Z")), nanos: 999_999_999 };
  const range = async (startDate: never, endDate: never) => {
    const { metadata } = await dev.workouts.list({ userId, startDate, endDate });
    return [metadata?.startTime, metadata?.endTime].map((t) => [t?.seconds, t?.nanos]);
  };
  const { seconds } = edge;
  assert.deepEqual(await range(edge as never, edge as never), [
    [seconds, 999_999_000],
    [seconds + 1n, 0],
  ]);
  const date = new Date("2026-03-02T10:00:00.123Z");
  assert.equal(timestampDate(timestampFromDate(date)).getTime(), date.getTime());
  assert.deepEqual((await range(date as never, edge as never))[0], [seconds, 123_000_000]);
  for (const wrong of [new Date(Number.NaN), { seconds: 1n << 62n }, { seconds: "x" }, 5, []]) {
    const listed = dev.workouts.list({ userId, startDate: wrong as never, endDate: "2026-03-02" });
    const isWrong = (e: unknown) =>
      e instanceof OpenWearablesError && isInvalid(e) && e.fields[0]?.field === "start_date";
    await assert.rejects(listed, isWrong, String(wrong));
  }
});
