import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The folder of the SDK. */
export const root = join(import.meta.dirname, "..", "..");

/** Runs a program, which must succeed, and returns what it printed. */
export function run(
  cwd: string,
  file: string,
  args: string[],
  more: Record<string, string> = {},
): string {
  const env = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", CI: "1", ...more };
  const ended = spawnSync(file, args, { cwd, env, encoding: "utf8", timeout: 590_000 });
  const said = `${ended.stdout}${ended.stderr}`;
  assert.equal(ended.status, 0, `${file} ${args.join(" ")}: ${ended.error ?? ""}${said}`);
  return said;
}

/** A folder with packages and with the packed SDK among them. */
export interface Environment {
  folder: string;
  modules: string;
  /** Writes a project of the given files and returns its folder. */
  project(name: string, files: Record<string, string>): string;
  /** Copies a folder as a clone has it, and returns the copy. */
  copy(from: string): string;
}

/**
 * Installs the packages of a folder beside this file, unless that was done before, and the
 * SDK as it is packed now. Projects in it find them; no other folder above has packages.
 */
export function createEnvironment(name: string): Environment {
  const folder = join(root, "..", "..", ".cache", name);
  const modules = join(folder, "node_modules");
  mkdirSync(folder, { recursive: true });
  const lock = join(root, "test", name, "package-lock.json");
  const installed = join(folder, "installed.json");
  const wanted = readFileSync(lock, "utf8");
  if (!existsSync(installed) || readFileSync(installed, "utf8") !== wanted) {
    for (const file of ["package.json", "package-lock.json"]) {
      cpSync(join(dirname(lock), file), join(folder, file));
    }
    run(folder, "npm", ["ci", "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts"]);
    writeFileSync(installed, wanted);
  }
  const sdk = join(modules, "@openwearables", "sdk");
  rmSync(sdk, { recursive: true, force: true });
  mkdirSync(sdk, { recursive: true });
  const pack = ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder];
  const tarball = join(folder, run(root, "npm", pack).trim());
  run(folder, "tar", ["-xzf", tarball, "-C", sdk, "--strip-components=1"]);
  return {
    folder,
    modules,
    project(project, files) {
      const at = join(folder, project);
      rmSync(at, { recursive: true, force: true });
      mkdirSync(at);
      for (const [file, text] of Object.entries(files)) {
        writeFileSync(join(at, file), text);
      }
      return at;
    },
    copy(from) {
      const at = join(folder, basename(from));
      rmSync(at, { recursive: true, force: true });
      clone(from, at);
      return at;
    },
  };
}

/** Copies what git has, or would have, of a folder. */
export function clone(from: string, to: string): void {
  const files = run(from, "git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  for (const name of files.split("\0").filter((f) => f && existsSync(join(from, f)))) {
    cpSync(join(from, name), join(to, name));
  }
}
