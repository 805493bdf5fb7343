import { execFileSync } from "node:child_process";
import type { Stage } from "./stage.js";

/** What a credential did on each of the last days, the last of which is today. */
export interface History {
  /** Such as `key:key_abc123def456`. */
  subject: string;
  days: number;
  operations: string[];
  clients: string[];
  networks: string[];
  /** Ids of keys, of the account. */
  keys?: string[];
}

const day = 86_400_000;
const resolution = 2;
const dimensions = { total: 0, operations: 1, clients: 2, networks: 3, keys: 4 };

/** Writes requests of the past into the database, which no client can make; the server is away meanwhile. */
export async function writeHistory(stage: Stage, histories: readonly History[]): Promise<void> {
  await stage.stop();
  const rows = histories.flatMap(rowsOf);
  execFileSync("python3", ["-c", script, stage.database.replace("sqlite:", "")], {
    input: JSON.stringify(rows),
  });
  await stage.again();
}

const script = `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
with db:
    db.executemany("INSERT INTO usage_counts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", json.load(sys.stdin))
`;

type Row = (string | number)[];

function rowsOf({ subject, days, keys = [], ...named }: History): Row[] {
  const today = Math.floor(Date.now() / day) * day;
  const rows: Row[] = [];
  for (let n = 1; n < days; n++) {
    const at = (today - n * day) * 1000;
    const requests = 1800 + Math.round(1200 * Math.sin(n / 3) ** 2) + ((n * 137) % 400);
    const errors = [n % 9 === 4 ? 592 : n % 5, n % 7 === 0 ? 60 : 0, n % 11 === 0 ? 10 : 0];
    const row = (dimension: number, name: string, share: number) => {
      const part = (k: number) => Math.round(k * share);
      rows.push([
        subject,
        resolution,
        dimension,
        at,
        name,
        part(requests),
        ...errors.map(part),
        at,
      ]);
    };
    row(dimensions.total, "all", 1);
    for (const [dimension, names] of Object.entries({
      operations: named.operations,
      clients: named.clients,
      networks: named.networks,
      keys,
    })) {
      for (const [k, name] of names.entries()) {
        row(dimensions[dimension as "clients"], name, 0.5 ** (k + 1));
      }
    }
  }
  return rows;
}
