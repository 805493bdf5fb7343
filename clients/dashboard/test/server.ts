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
}

/** Starts a server: with a developer and something to look at, or without anybody if `fresh`. */
export async function startServer({
  fresh = false,
  flags = [],
  database,
}: ServerOptions = {}): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "openwearables-dashboard-"));
  const at = database ?? `sqlite:${join(folder, "test.db")}`;
  let child: ChildProcess;
  let log = "";
  const begin = async (addr: string) => {
    const args = ["serve", "--database", at, "--addr", addr, "--dev", ...limits, ...flags];
    child = spawn(binary, fresh ? [...args, "--empty"] : args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...(database ? { OPENWEARABLES_SECRET: secret } : {}) },
    });
    let out = "";
    child.stderr?.on("data", (data) => {
      log += data;
    });
    for await (const data of child.stdout ?? []) {
      out += data;
      const url = /is ready on (http:\S+)/.exec(out)?.[1];
      const whole = /first developer: .*\n/.test(out) || /export USER_ID=.*\n/.test(out);
      // Of a server that was started before, the first line is all.
      if (url && (whole || addr !== "127.0.0.1:0")) return { url, out };
    }
    throw new Error(`the server ended: ${log}`);
  };
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  };
  const { url, out } = await begin("127.0.0.1:0");
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
      await begin(new URL(url).host.replace("localhost", "127.0.0.1"));
    },
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
