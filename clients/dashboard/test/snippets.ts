import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";

const dashboard = join(import.meta.dirname, "..", "..");
const root = join(dashboard, "..", "..");

/** Runs what was copied from a page, as a person would, and returns what it prints. */
export const run: Record<string, (code: string) => string | Promise<string>> = {
  curl: (code) =>
    execFileSync("bash", ["-c", code], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
  // In a module of its own, with the SDK of this repository in place of the published one.
  Go: (code) =>
    inFolder((folder) => {
      writeFileSync(join(folder, "main.go"), code);
      writeFileSync(join(folder, "go.mod"), "module first\n\ngo 1.26\n");
      const modules = ["clients/go", "gen/openwearables"];
      const here = (name: string) =>
        `use ${join(root, name)}\nreplace github.com/openwearables/openwearables/${name} v0.1.0 => ${join(root, name)}`;
      writeFileSync(
        join(folder, "go.work"),
        `go 1.26.0\n\nuse .\n${modules.map(here).join("\n")}\n`,
      );
      symlinkSync(join(root, "go.work.sum"), join(folder, "go.work.sum"));
      const env = { ...process.env, GOWORK: join(folder, "go.work"), GOFLAGS: "" };
      return execFileSync("go", ["run", "."], { cwd: folder, env, encoding: "utf8" });
    }),
  TypeScript: (code) =>
    inFolder(async (folder) => {
      const main = join(folder, "main.ts");
      writeFileSync(main, code);
      // The configuration of the dashboard finds the SDK in its source.
      await build({
        root: dashboard,
        logLevel: "error",
        build: {
          ssr: main,
          outDir: join(folder, "out"),
          license: false,
          rolldownOptions: { input: main },
        },
      });
      return execFileSync(process.execPath, [join(folder, "out", "main.js")], { encoding: "utf8" });
    }),
};

async function inFolder<T>(work: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(dashboard, "build", "snippet-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
