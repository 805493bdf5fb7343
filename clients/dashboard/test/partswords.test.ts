import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { build } from "vite";

process.env.TZ = "Europe/Berlin";

interface Words {
  relative: (at: Date, now: Date) => string;
  full: (at: Date) => string;
  utc: (at: Date) => string;
  toDate: (at: { seconds: bigint; nanos: number }) => Date;
  localInput: (at: Date) => string;
  count: (n: number | bigint) => string;
  short: (n: number) => string;
  percent: (part: number, whole: number) => string;
  plural: (n: number, one: string, many?: string) => string;
  ticks: (largest: number) => number[];
  toPoint: (point: object) => { ok: number };
  wait: (ms: number) => string;
  problem: (error: unknown) => {
    sentence: string;
    requestId?: string;
    fields: Record<string, string>;
  };
  rowsOf: (
    query: object,
    items: (page: { keys: string[] }) => string[],
  ) => Record<string, unknown> & { onRetry: () => void };
  OpenWearablesError: new (message: string, details: object) => Error;
}

const root = join(import.meta.dirname, "..", "..");
const files = ["time", "number", "chartmath", "problem", "pages"];
const folder = join(root, "build", "words");
const entry = join(folder, "words.ts");
mkdirSync(folder, { recursive: true });
writeFileSync(
  entry,
  `export { OpenWearablesError } from "@openwearables/sdk";
${files.map((file) => `export * from "../../src/parts/${file}";`).join("\n")}`,
);
await build({
  root,
  logLevel: "error",
  build: {
    ssr: entry,
    outDir: join(folder, "out"),
    license: false,
    rolldownOptions: { input: entry },
  },
});
const words = (await import(join(folder, "out", "words.js"))) as Words;

const now = new Date("2026-11-28T13:20:05Z");
const after = (seconds: number) => words.relative(new Date(now.getTime() + seconds * 1000), now);

test("a moment is as far away as a person would say", () => {
  const said = [
    -59,
    -60,
    -3599,
    -3600,
    -86_399,
    -86_400,
    -2 * 86_400,
    -31 * 86_400,
    -400 * 86_400,
    30,
    7200,
    100_000,
    9 * 86_400,
  ];
  assert.deepEqual(said.map(after), [
    "just now",
    "1 minute ago",
    "59 minutes ago",
    "1 hour ago",
    "23 hours ago",
    "yesterday",
    "2 days ago",
    "Oct 28",
    "Oct 24, 2025",
    "in less than a minute",
    "in 2 hours",
    "tomorrow",
    "in 9 days",
  ]);
});

test("a moment is written with its zone, in summer and in winter", () => {
  assert.equal(words.full(now), "Nov 28, 2026, 14:20:05 UTC+01:00");
  assert.equal(words.full(new Date("2026-07-01T22:30:00Z")), "Jul 2, 2026, 00:30:00 UTC+02:00");
  assert.equal(words.utc(now), "2026-11-28 13:20:05 UTC");
  assert.equal(words.localInput(now), "2026-11-28T14:20");
  assert.equal(words.toDate({ seconds: 1n, nanos: 500_000_000 }).getTime(), 1500);
});

test("numbers are written for people", () => {
  assert.deepEqual([0, 999, 1000, 1234567, 12345n].map(words.count), [
    "0",
    "999",
    "1,000",
    "1,234,567",
    "12,345",
  ]);
  assert.deepEqual([0, 5, 1000, 1500, 12_000, 2e6].map(words.short), [
    "0",
    "5",
    "1k",
    "1.5k",
    "12k",
    "2M",
  ]);
  assert.equal(words.percent(1, 3), "33.3 %");
  assert.equal(words.percent(1, 100_000), "< 0.1 %");
  assert.equal(words.percent(99_999, 100_000), "> 99.9 %");
  assert.equal(words.percent(0, 0), "0 %");
  assert.equal(words.plural(1, "key"), "1 key");
  assert.equal(words.plural(1204, "entry", "entries"), "1,204 entries");
});

test("the axis has round marks that reach the largest value", () => {
  assert.deepEqual(words.ticks(0), [0, 1, 2]);
  assert.deepEqual(words.ticks(3), [0, 1, 2, 3]);
  assert.deepEqual(words.ticks(3500), [0, 1000, 2000, 3000, 4000]);
  for (const largest of [1, 7, 99, 101, 4400, 999_999]) {
    const marks = words.ticks(largest);
    assert.ok((marks.at(-1) ?? 0) >= largest && marks.length <= 7, `${largest}: ${marks}`);
  }
  assert.equal(words.toPoint({ requests: 10n, refused: 1n, limited: 2n, failed: 3n }).ok, 4);
});

test("an error says what happened and what to do", () => {
  const error = (message: string, details: object) =>
    words.problem(new words.OpenWearablesError(message, details));
  assert.equal(
    error("x", { kind: "offline" }).sentence,
    "The server cannot be reached. Check the connection and try again.",
  );
  assert.equal(
    error("x", { kind: "rate_limited", retryAfterMs: 720_000 }).sentence,
    "Too many tries. Try again in 12 minutes.",
  );
  assert.equal(
    error("x", { kind: "forbidden", requiredScope: "audit:read" }).sentence,
    "You may not do this. It needs the scope audit:read.",
  );
  assert.equal(
    error("2 users are all: remove some", { kind: "forbidden", reason: "quota_exceeded" }).sentence,
    "2 users are all: remove some.",
  );
  const missing = error("no such key", {
    kind: "not_found",
    reason: "key_not_found",
    requestId: "r1",
  });
  assert.equal(missing.sentence, "No such key.");
  assert.equal(missing.requestId, "r1");
  const fields = [
    { field: "key.expires_at", message: "must be in the future" },
    { field: "scopes[1]", message: "is unknown" },
  ];
  assert.deepEqual(error("invalid", { kind: "invalid", fields }).fields, {
    expiresAt: "Must be in the future.",
    scopes: "Is unknown.",
  });
  assert.equal(
    words.problem(new TypeError("x is not a function")).sentence,
    "Something went wrong. Try again.",
  );
  assert.equal(words.problem(undefined).sentence, "Something went wrong. Try again.");
  assert.deepEqual([500, 30_000, 90_000, 7_200_000].map(words.wait), [
    "in a moment",
    "in 30 seconds",
    "in 2 minutes",
    "in 2 hours",
  ]);
});

test("a table takes what a query by cursors has, and tries again what failed", () => {
  const asked: string[] = [];
  const query = {
    isPending: false,
    error: null,
    hasNextPage: true,
    isFetchingNextPage: false,
    fetchNextPage: () => asked.push("next"),
    refetch: () => asked.push("first"),
  };
  const some = words.rowsOf(
    { ...query, data: { pages: [{ keys: ["a"] }, { keys: ["b"] }] } },
    (page) => page.keys,
  );
  assert.deepEqual(some.rows, ["a", "b"]);
  assert.equal(some.more, true);
  some.onRetry();
  words.rowsOf({ ...query, data: undefined }, (page) => page.keys).onRetry();
  assert.deepEqual(asked, ["next", "first"]);
});
