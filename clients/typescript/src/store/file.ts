import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, rmSync } from "node:fs";
import { link, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { sleep } from "../clock.js";
import type { Store } from "./store.js";

/** Milliseconds. No renewal takes longer, so the owner of an older lock has crashed. */
const maxLockAge = 45_000;

/**
 * Returns a store in a file that only its owner may read (mode 0600) and that is
 * replaced atomically. Processes that share the file take turns with a lock file,
 * path + ".node-lock", which is removed if its owner is dead. A missing folder is
 * created. Every user and every base URL needs its own file.
 */
export function file(path: string): Store {
  const full = resolve(path);
  const folder = dirname(full);
  const held = () => {
    try {
      return readFileSync(full, "utf8");
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code === "ENOENT") {
        return undefined;
      }
      throw advise(full, e, "make it readable for this user, or give another path");
    }
  };
  return {
    id: `file:${full}`,
    load: async () => held(),
    async save(record, expected) {
      if (held() !== expected) {
        return false;
      }
      const tmp = join(folder, `${basename(full)}.${randomBytes(6).toString("hex")}.tmp`);
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await write(tmp, record);
        // Both are synchronous, so that no other work of this process comes in between.
        if (held() !== expected) {
          rmSync(tmp);
          return false;
        }
        renameSync(tmp, full);
      } catch (e) {
        await rm(tmp, { force: true }).catch(() => {});
        throw advise(full, e, "give a path in a folder that this user may write to");
      }
      await syncFolder(folder);
      return true;
    },
    async clear(expected) {
      if (held() !== expected) {
        return false;
      }
      try {
        rmSync(full, { force: true });
      } catch (e) {
        throw advise(full, e, "remove it by hand");
      }
      await syncFolder(folder);
      return true;
    },
    lock: (signal) => acquire(`${full}.node-lock`, folder, signal),
  };
}

function advise(path: string, e: unknown, advice: string): Error {
  const code = (e as NodeJS.ErrnoException).code;
  return new Error(`${path}: ${code ?? "it failed"}; ${advice}`, { cause: e });
}

async function write(path: string, content: string): Promise<void> {
  const f = await open(path, "wx", 0o600);
  try {
    await f.writeFile(content);
    await f.sync();
  } finally {
    await f.close();
  }
}

/** Makes a rename survive a power cut, if the platform can sync folders. */
async function syncFolder(path: string): Promise<void> {
  try {
    const f = await open(path, "r");
    await f.sync().finally(() => f.close());
  } catch {
    // this platform cannot
  }
}

async function acquire(path: string, folder: string, signal: AbortSignal): Promise<() => void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const mine = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    nonce: randomBytes(8).toString("hex"),
  });
  // Written elsewhere and linked into place, so that it is never read half-written.
  const tmp = `${path}.${randomBytes(6).toString("hex")}`;
  await write(tmp, mine);
  try {
    for (;;) {
      signal.throwIfAborted();
      try {
        await link(tmp, path);
        return () => release(path, mine);
      } catch (e) {
        if ((e as NodeJS.ErrnoException).code !== "EEXIST") {
          throw e;
        }
      }
      if (!(await breakDead(path))) {
        await sleep(20, signal);
      }
    }
  } finally {
    await rm(tmp, { force: true });
  }
}

/** Removes the lock. It is synchronous, so that a process can exit right after it. */
function release(path: string, mine: string): void {
  try {
    if (readFileSync(path, "utf8") === mine) {
      rmSync(path, { force: true });
    }
  } catch {
    // another process removed it
  }
}

/** Removes the lock of a dead owner. A new lock that replaced it meanwhile is put back. */
async function breakDead(path: string): Promise<boolean> {
  const seen = await readFile(path, "utf8").catch(() => "");
  if (!seen) {
    return true;
  }
  if (!(await isDead(path, seen))) {
    return false;
  }
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, "utf8")) !== seen) {
      await link(aside, path);
    }
  } catch {
    // another process removed it
  }
  await rm(aside, { force: true });
  return true;
}

async function isDead(path: string, content: string): Promise<boolean> {
  try {
    const { pid, host } = JSON.parse(content) as { pid: number; host: string };
    if (host === hostname()) {
      process.kill(pid, 0); // throws for a process that is gone
    }
  } catch (e) {
    return (e as NodeJS.ErrnoException).code !== "EPERM";
  }
  const { mtimeMs } = await stat(path);
  return Date.now() - mtimeMs > maxLockAge;
}
