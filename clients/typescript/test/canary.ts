// Preloaded into every process of the tests. A process that prints a secret fails.
import { inspect } from "node:util";
import { secrets } from "./secrets.js";

/** Returns the printed forms of a value in Node. */
export function printed(v: unknown): string {
  const error = v instanceof Error ? `${v.stack} ${v.message}` : "";
  return [
    inspect(v, { depth: 20, showHidden: true }),
    JSON.stringify(v, (_, x) => (typeof x === "bigint" ? Number(x) : x)),
    `${String(v)}${error}`,
  ].join("\n");
}

for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    const found = secrets.exec(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString());
    if (!found) {
      return write(chunk, ...rest);
    }
    process.once("exit", () => {
      process.exitCode = 1;
    });
    return write(`a secret was printed: ${found[0].slice(0, 8)}\n`);
  };
}
