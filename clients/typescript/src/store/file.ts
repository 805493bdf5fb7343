import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
} from "node:fs";
import { link, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { sleep, throwIfAborted } from "../clock.js";
import type { Store } from "./store.js";

/** Milliseconds. No renewal takes longer, so the owner of an older lock has crashed. */
const maxLockAge = 45_000;

/** Bytes. No record is as long. */
const maxRecord = 64 << 10;

/**
 * Returns a store in a file that only its owner may read (mode 0600) and that is
 * replaced atomically. A file of another user, one that others may read or write, a
 * symbolic link and anything else than a regular file is refused; Windows has no such
 * owners and modes. Processes that share the file take turns with a lock file,
 * path + ".node-lock", which is removed if its owner is dead. A missing folder is
 * created. A file holds one session.
 */
export function file(path: string): Store {
  const full = resolve(path);
  const folder = dirname(full);
  const attempt = <T>(advice: string, work: () => T): T => {
    try {
      return work();
    } catch (e) {
      throw advise(full, e, advice);
    }
  };
  const held = () =>
    attempt("make it a file of this user with mode 0600, or give another path", () =>
      readOwn(full),
    );
  const writable = "give a path in a folder that this user may write to";
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
      } catch (e) {
        throw advise(full, e, writable);
      }
      try {
        // Both are synchronous, so that no other work of this process comes in between.
        if (held() !== expected) {
          return false;
        }
        attempt(writable, () => renameSync(tmp, full));
      } finally {
        rmSync(tmp, { force: true });
      }
      await syncFolder(folder);
      return true;
    },
    async clear(expected) {
      if (held() !== expected) {
        return false;
      }
      attempt("remove it by hand", () => rmSync(full, { force: true }));
      await syncFolder(folder);
      return true;
    },
    lock: (signal) => acquire(`${full}.node-lock`, folder, signal),
  };
}

function advise(path: string, e: unknown, advice: string): Error {
  const { code, message } = e as NodeJS.ErrnoException;
  return new Error(`${path}: ${code ?? message}; ${advice}`, { cause: e });
}

/**
 * Returns the content of a regular file that only this user may access, undefined if
 * there is none. It never waits for another process, as opening a FIFO would.
 *
 * @throws Error that says what is wrong with the file
 */
function readOwn(path: string): string | undefined {
  const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants; // Windows lacks two
  let fd: number | undefined;
  try {
    fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    const wrong = fault(fstatSync(fd));
    if (wrong) {
      throw new Error(wrong);
    }
    return readFileSync(fd, "utf8");
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw e;
  } finally {
    if (fd !== undefined) {
      closeSync(fd);
    }
  }
}

/** Returns why a file cannot be one of this package, undefined if it can. */
function fault(info: Stats): string | undefined {
  const user = process.geteuid?.(); // undefined on Windows
  if (!info.isFile()) {
    return "it is not a regular file";
  }
  if (info.size > maxRecord) {
    return "it is too large for a session";
  }
  if (user !== undefined && info.uid !== user) {
    return "it belongs to another user";
  }
  if (user !== undefined && info.mode & 0o077) {
    return "other users may read or write it";
  }
  return undefined;
}

/** Writes a new file. It removes the file again if that fails. */
async function write(path: string, content: string): Promise<void> {
  const f = await open(path, "wx", 0o600);
  try {
    await f.writeFile(content);
    await f.sync();
  } catch (e) {
    await rm(path, { force: true });
    throw e;
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
      throwIfAborted(signal);
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
    if (readOwn(path) === mine) {
      rmSync(path, { force: true });
    }
  } catch {
    // another process removed it
  }
}

/**
 * Removes the lock of a dead owner. A new lock that replaced it meanwhile is put back.
 * Resolves with true if the lock may be free. It rejects for a lock of another user.
 */
async function breakDead(path: string): Promise<boolean> {
  const seen = readOwn(path);
  if (seen === undefined) {
    return true;
  }
  if (!(await isDead(path, seen))) {
    return false;
  }
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(path, aside);
    if (readOwn(aside) !== seen) {
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
