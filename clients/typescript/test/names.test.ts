import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as browser from "../src/browser.js";
import * as node from "../src/node.js";
import * as webhook from "../src/webhook.js";

/** A row of clients/testdata/names.json; the README there describes it. */
interface Row {
  of: "kind" | "predicate" | "reason" | "event" | "call" | "name";
  name: string;
  typescript: string;
}

const root = join(import.meta.dirname, "..", "..");
const table = JSON.parse(readFileSync(join(root, "..", "testdata", "names.json"), "utf8")) as Row[];
const rows = table.filter((r) => r.typescript);
const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
const source = files
  .filter((f) => f.endsWith(".ts") && !/^(gen|schema)\b/.test(f))
  .map((f) => readFileSync(join(root, "src", f), "utf8"))
  .join("\n");

const baseUrl = "https://api.example.com";
const client = node.createClient({ baseUrl });
const services = Object.entries({
  ...client,
  appCredentials: node.appCredentials({ baseUrl, appId: "app_a", appSecret: "secret_a" }),
}).filter(([, of]) => of && typeof of === "object");

/** Returns the text of a declaration, "" if the package exports none of this name. */
function declared(name: string): string {
  const at = new RegExp(
    `^export (?:declare )?(?:(interface|class|type)|(?:async )?function|const) ${name}\\b`,
    "m",
  ).exec(source);
  const text = at ? source.slice(at.index) : "";
  const end = { interface: /^}/m, class: /^}/m, type: /;$/m }[at?.[1] ?? ""] ?? /$/m;
  const own = text.slice(0, text.search(end));
  const base = /^[^{]* extends (\w+)/.exec(own)?.[1];
  return base ? own + declared(base) : own;
}

const here: { [of in Row["of"]]: (name: string, value: string) => boolean } = {
  kind: (name, value) => name === value && source.includes(`  | "${name}"`),
  predicate: (name) => typeof (node as Record<string, unknown>)[name] === "function",
  reason: (name, value) => name === value && source.includes(`"${name}"`),
  event: (name, value) =>
    name === value.replace(/_(\w)/g, (_, c) => c.toUpperCase()) &&
    new RegExp(`^  ${name}: `, "m").test(declared("Events")),
  call: (name) => methods().includes(name),
  name(name) {
    const [type = "", member] = name.split(".");
    const text = declared(type);
    return (
      !!text && (!member || new RegExp(`^  (?! ?[/*]).*\\b${member}\\??[(:<]`, "m").test(text))
    );
  },
};

function methods(): string[] {
  return services.flatMap(([name, of]) => Object.keys(of as object).map((m) => `${name}.${m}`));
}

test("what the table of all SDKs names is here", () => {
  assert.ok(rows.length > 120, `${rows.length} rows`);
  for (const { of, name, typescript } of rows) {
    assert.ok(here[of](typescript, name), `there is no ${of} ${typescript}`);
  }
});

test("what is here is in the table of all SDKs", () => {
  const tabled = (of: Row["of"]) => rows.filter((r) => r.of === of).map((r) => r.typescript);
  const kinds = [...declared("ErrorKind").matchAll(/"(\w+)"/g)].map((m) => m[1]);
  const events = [...declared("Events").matchAll(/^ {2}(\w+): /gm)].map((m) => m[1]);
  const predicates = Object.keys(node).filter((n) => /^is[A-Z]/.test(n));
  assert.deepEqual([...new Set(kinds)].sort(), tabled("kind").sort());
  assert.deepEqual([...events].sort(), tabled("event").sort());
  assert.deepEqual(predicates.sort(), tabled("predicate").sort());
  const calls = tabled("call");
  assert.deepEqual(
    methods().filter((m) => !calls.includes(m)),
    [],
  );
  const exports = { ...node, ...browser, ...webhook };
  assert.ok(Object.keys(exports).includes("verifyWebhook"));
});
