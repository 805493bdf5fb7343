import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createClient, developerLogin } from "../src/index.js";
import type { World } from "./scenario/world.js";

const bin = join(import.meta.dirname, "..", "bin");

/** A real server on a loopback address, its first developer, and fault proxies before it. */
export interface Rig extends World {
  email: string;
  password: string;
  folder: string;
  proxy(): Promise<string>;
  close(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const s = createServer();
  await new Promise<void>((resolve) => s.listen(0, "127.0.0.1", resolve));
  const { port } = s.address() as { port: number };
  await new Promise((resolve) => s.close(resolve));
  return port;
}

function firstLine(p: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: p.stdout as NodeJS.ReadableStream }).once("line", resolve);
    p.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
}

export async function startRig(
  options: { args?: string[]; origins?: string[] } = {},
): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), "openwearables-ts-"));
  const server = join(bin, "openwearables");
  const database = `sqlite:${join(folder, "test.db")}`;
  const email = "dev@example.com";
  const password = randomBytes(16).toString("base64url");
  execFileSync(
    server,
    ["developer", "create", "--database", database, "--email", email, "--password-stdin"],
    { input: `${password}\n`, stdio: ["pipe", "ignore", "inherit"] },
  );
  const port = await freePort();
  const limits =
    "key developer user address login login-account refresh refresh-session exchange exchange-user exchange-refused"
      .split(" ")
      .map((name) => `--limit-${name}=1000000`);
  const children: ChildProcess[] = [];
  const started = spawn(
    server,
    [
      "serve",
      "--addr",
      `127.0.0.1:${port}`,
      "--database",
      database,
      "--log-level",
      "error",
      ...limits,
      ...(options.origins ? ["--allowed-origins", options.origins.join(",")] : []),
      ...(options.args ?? []),
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  children.push(started);
  await firstLine(started);
  const url = `http://127.0.0.1:${port}`;
  const auth = developerLogin({ email, password });
  createClient({ baseUrl: url, auth });
  return {
    server: url,
    developerToken: (await auth.token()).token.reveal(),
    email,
    password,
    folder,
    async proxy() {
      const p = spawn(join(bin, "faultproxy"), ["-target", url], {
        stdio: ["pipe", "pipe", "inherit"],
      });
      children.push(p);
      return firstLine(p);
    },
    async close() {
      await Promise.all(
        children.map(
          (p) =>
            new Promise((resolve) => {
              p.once("exit", resolve);
              p === started ? p.kill("SIGTERM") : p.stdin?.end();
            }),
        ),
      );
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
