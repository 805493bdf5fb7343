import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { abortable, startDeadline } from "../src/clock.js";
import { createClient, developerLogin } from "../src/index.js";
import type { World } from "./scenario/world.js";

const bin = join(import.meta.dirname, "..", "bin");

/** A real server on a loopback address, its first developer, and fault proxies before it. */
export interface Rig extends World {
  email: string;
  password: string;
  folder: string;
  /** Creates the first developer, if the server was started without one. */
  setupToken: string;
  proxy(): Promise<string>;
  close(): Promise<void>;
}

/** Settles as the work does, or rejects after ms with an error that names what is missing. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const late = () => new Error(`not within ${ms} ms: ${what}`);
  const { signal, done } = startDeadline(undefined, ms, late);
  return abortable(signal, work).finally(done);
}

/** Resolves with the URL that a process prints once it listens there. */
export function printedUrl(p: ChildProcess): Promise<string> {
  return printed(p, /(http:\/\/[\w.]+:\d+)/);
}

/** Resolves with the first group of a pattern that a line which a process prints matches. */
function printed(p: ChildProcess, pattern: RegExp): Promise<string> {
  const found = new Promise<string>((resolve, reject) => {
    createInterface({ input: p.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      const match = pattern.exec(line)?.[1];
      if (match) {
        resolve(match);
      }
    });
    p.once("error", reject);
    p.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
  return within(60_000, `${pattern} of a process`, found);
}

/** Ends a process; one that does not end by itself is killed. */
export async function stop(p: ChildProcess, ask: () => unknown): Promise<void> {
  if (p.exitCode !== null || p.signalCode !== null) {
    return;
  }
  const ended = new Promise((resolve) => p.once("exit", resolve));
  ask();
  await within(30_000, "the end of a process", ended).finally(() => p.kill("SIGKILL"));
}

export async function startRig({
  args = [],
  empty = false,
}: {
  args?: string[];
  empty?: boolean;
} = {}): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), "openwearables-ts-"));
  const server = join(bin, "openwearables");
  const database = `sqlite:${join(folder, "test.db")}`;
  const email = "dev@example.com";
  const password = randomBytes(16).toString("base64url");
  if (!empty) {
    execFileSync(
      server,
      ["developer", "create", "--database", database, "--email", email, "--password-stdin"],
      { input: `${password}\n`, stdio: ["pipe", "ignore", "inherit"], timeout: 60_000 },
    );
  }
  const limits =
    "key developer user address login login-account refresh refresh-session exchange exchange-user exchange-refused verify verify-refused ingest public pairing pairings"
      .split(" ")
      .map((name) => `--limit-${name}=1000000`);
  const children: ChildProcess[] = [];
  const started = spawn(
    server,
    [
      "serve",
      "--addr",
      "127.0.0.1:0",
      "--database",
      database,
      "--log-level",
      "error",
      ...limits,
      ...args,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  children.push(started);
  const setupToken = empty ? printed(started, /\/setup#(\S+)/) : "";
  const url = await printedUrl(started);
  const auth = developerLogin({ email, password });
  createClient({ baseUrl: url, auth });
  return {
    server: url,
    developerToken: empty ? "" : (await auth.token()).token.reveal(),
    setupToken: await setupToken,
    email,
    password,
    folder,
    async proxy() {
      const p = spawn(join(bin, "faultproxy"), ["-target", url], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      children.push(p);
      return printedUrl(p);
    },
    async close() {
      await Promise.all(
        children.map((p) => stop(p, () => (p === started ? p.kill("SIGTERM") : p.stdin?.end()))),
      );
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
