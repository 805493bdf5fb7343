import { keyAuth } from "../../src/auth.js";
import { apiKey, indexedDb, isInvalid } from "../../src/browser.js";
import type { Scenario } from "./scenario.js";
import { play } from "./stage.js";

/** Returns the printed forms of a value in a page. */
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

/**
 * Checks that a page refuses an API key. The scenario goes on with the same key as a
 * static credential.
 */
function keyOnPage(key: string) {
  try {
    apiKey(key);
  } catch (e) {
    if (isInvalid(e)) {
      return keyAuth(key);
    }
  }
  throw new Error("a page was given an API key");
}

Object.assign(globalThis, {
  play: (scenario: Scenario, world: { server: string; developerToken: string; proxy: string }) =>
    play(scenario, {
      ...world,
      persistent: () => indexedDb(crypto.randomUUID()),
      apiKey: keyOnPage,
      print,
    }),
});
