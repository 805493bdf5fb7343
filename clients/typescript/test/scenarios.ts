import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Scenario } from "./scenario/stage.js";

const path = join(import.meta.dirname, "..", "..", "..", "testdata", "refresh-scenarios.json");

/** The cases that every SDK runs; ONLY=text picks those whose name contains it. */
export function scenarios(): Scenario[] {
  const file = JSON.parse(readFileSync(path, "utf8"));
  if (file.version !== 1 || file.scenarios.length < 60) {
    throw new Error("the scenario file is not the one this runner knows");
  }
  const { ONLY } = process.env;
  return file.scenarios.filter((s: Scenario) => !ONLY || s.name.includes(ONLY));
}

/** Runs work for every item, n at a time, each with one of the given resources. */
export async function pooled<T, R>(
  items: T[],
  resources: R[],
  work: (item: T, resource: R) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  await Promise.all(
    resources.map(async (resource) => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
        await work(item, resource);
      }
    }),
  );
}
