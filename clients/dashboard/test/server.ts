import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const binary = join(import.meta.dirname, "..", "bin", "openwearables");
const limits =
  "key developer user address login login-account refresh refresh-session exchange exchange-user"
    .split(" ")
    .map((name) => `--limit-${name}=1000000`);

const secret = randomBytes(32).toString("base64");

/** The real server with a temporary database. */
export interface Server {
  /** Such as http://localhost:41234; the same after a restart. */
  url: string;
  /** The variables that `serve --dev` prints: EMAIL, PASSWORD, OPENWEARABLES_API_KEY, USER_ID, … */
  env: Record<string, string>;
  /** The setup address that a server without a developer prints, else "". */
  setupUrl: string;
  /** Where its database is, as --database takes it. */
  database: string;
  /** What it wrote to its log, with that of the starts before. */
  log: () => string;
  stop: () => Promise<void>;
  /** Starts it again at the same address. */
  again: () => Promise<void>;
  /** Stops it and removes the database. */
  close: () => Promise<void>;
}

export interface ServerOptions {
  /** Without any developer, as a new installation. */
  fresh?: boolean;
  /** More flags. */
  flags?: string[];
  /** SQLite by default. */
  database?: string;
  /** The database has a developer already: the first line is all that the server prints. */
  joins?: boolean;
}

/** How long a server may take to say that it is ready, and to end. */
const patience = 60_000;

/** Starts a server: with a developer and something to look at, or without anybody if `fresh`. */
export async function startServer({
  fresh = false,
  flags = [],
  database,
  joins = false,
}: ServerOptions = {}): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "openwearables-dashboard-"));
  const at = database ?? `sqlite:${join(folder, "test.db")}`;
  let child: ChildProcess;
  let log = "";
  const begin = (addr: string, first: boolean) => {
    const args = ["serve", "--database", at, "--addr", addr, "--dev", ...limits, ...flags];
    const started = spawn(binary, fresh ? [...args, "--empty"] : args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...(database ? { OPENWEARABLES_SECRET: secret } : {}) },
    });
    child = started;
    started.stderr.on("data", (data) => {
      log += data;
    });
    return new Promise<{ url: string; out: string }>((resolve, reject) => {
      let out = "";
      const fail = (why: string) => reject(new Error(`the server ${why}; it printed ${out}${log}`));
      const timer = setTimeout(() => fail("did not say that it is ready"), patience);
      started.stdout.on("data", (data) => {
        out += data;
        const url = /is ready on (http:\S+)/.exec(out)?.[1];
        const whole = /first developer: .*\n/.test(out) || /export USER_ID=.*\n/.test(out);
        if (!url || !(whole || !first)) return;
        clearTimeout(timer);
        resolve({ url, out });
      });
      started.once("error", reject);
      started.once("close", () => {
        clearTimeout(timer);
        fail("ended before it was ready");
      });
    });
  };
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit", { signal: AbortSignal.timeout(patience) }).catch(() => {
      child.kill("SIGKILL");
      throw new Error(`the server did not end after SIGTERM; its log: ${log}`);
    });
    child.kill("SIGTERM");
    await ended;
  };
  const { url, out } = await begin("127.0.0.1:0", !joins);
  const exported = [...out.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [
    name,
    value,
  ]);
  return {
    url,
    env: Object.fromEntries(exported),
    database: at,
    setupUrl: /first developer: open (\S+)/.exec(out)?.[1] ?? "",
    log: () => log,
    stop,
    again: async () => {
      // Of a server that was started before, the first line is all.
      await begin(new URL(url).host.replace("localhost", "127.0.0.1"), false);
    },
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
