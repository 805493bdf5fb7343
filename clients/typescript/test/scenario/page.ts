import { indexedDb } from "../../src/browser.js";
import { play, type Scenario } from "./stage.js";

/** Prints a value as programs on a page do. */
function print(value: unknown): string {
  console.log(value);
  console.log("%o %O %s", value, value, value);
  const seen = new Set<unknown>();
  const walk = (v: unknown): string => {
    if (typeof v !== "object" || v === null) {
      return String(v);
    }
    if (seen.has(v)) {
      return "";
    }
    seen.add(v);
    return Reflect.ownKeys(v)
      .map((k) => `${String(k)}=${walk((v as Record<PropertyKey, unknown>)[k])}`)
      .join(" ");
  };
  return [JSON.stringify(value), String(value), walk(value)].join("\n");
}

Object.assign(globalThis, {
  play: (scenario: Scenario, world: { server: string; developerToken: string; proxy: string }) =>
    play(scenario, {
      ...world,
      persistent: () => indexedDb(crypto.randomUUID()),
      print,
    }),
});
