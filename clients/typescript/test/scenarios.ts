import assert from "node:assert/strict";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Scenario } from "./scenario/scenario.js";

const path = join(import.meta.dirname, "..", "..", "..", "testdata", "refresh-scenarios.json");

/** Returns the scenarios that every SDK runs; ONLY=text selects those whose name contains it. */
function scenarios(): Scenario[] {
  const file = JSON.parse(readFileSync(path, "utf8"));
  if (file.version !== 1 || file.scenarios.length < 60) {
    throw new Error("the scenario file is not the one this runner knows");
  }
  const { ONLY } = process.env;
  return file.scenarios.filter((s: Scenario) => !ONLY || s.name.includes(ONLY));
}

/**
 * Plays every scenario on one of the stages and prints its outcome. Appends
 * `{"runtime", "outcomes": {name: "pass" or "fail: why"}}` as one line to the file
 * SCENARIO_OUTCOMES.
 */
export async function playAll<S>(
  t: TestContext,
  runtime: string,
  stages: S[],
  play: (scenario: Scenario, stage: S) => Promise<string[]>,
): Promise<void> {
  const all = scenarios();
  const queue = [...all];
  const problems = new Map<string, string[]>();
  await Promise.all(
    stages.map(async (stage) => {
      for (let s = queue.shift(); s !== undefined; s = queue.shift()) {
        problems.set(s.name, await play(s, stage));
      }
    }),
  );
  const outcomes: Record<string, string> = {};
  for (const { name } of all) {
    const found = problems.get(name) ?? ["it was not played"];
    outcomes[name] = found.length === 0 ? "pass" : `fail: ${found[0]}`;
    console.log(`${runtime}  ${outcomes[name]}  ${name}`);
    await t.test(name, () => assert.deepEqual(found, []));
  }
  assert.equal(Object.keys(outcomes).length, all.length, "names are unique");
  if (process.env.SCENARIO_OUTCOMES) {
    appendFileSync(process.env.SCENARIO_OUTCOMES, `${JSON.stringify({ runtime, outcomes })}\n`);
  }
}
