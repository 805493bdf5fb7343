// usage: node scripts/pack.mjs [--check] BUILT
// Compresses the built files into the folder that the server embeds. With --check it writes nothing
// and fails, naming the files, unless that folder holds the same bytes. It compares them unpacked:
// another version of the compressor may pack them in another way.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";
import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  gunzipSync,
  gzipSync,
} from "node:zlib";

const site = fileURLToPath(new URL("../../../gen/dashboard/site", import.meta.url));
const packedAlready = [".woff2", ".png"];
const check = argv[2] === "--check";
const built = argv[check ? 3 : 2];

const brotli = (data) =>
  brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: data.length } }); // of quality 11
const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

/** Returns the files to commit for the built ones, by their names. */
function packed() {
  const files = new Map();
  for (const name of filesOf(built)) {
    const data = readFileSync(join(built, name));
    if (packedAlready.includes(extname(name))) {
      files.set(name, data);
    } else {
      files.set(`${name}.br`, brotli(data)).set(`${name}.gz`, gzipSync(data, { level: 9 }));
    }
  }
  return files;
}

function unpack(name, data) {
  return { ".br": brotliDecompressSync, ".gz": gunzipSync }[extname(name)]?.(data) ?? data;
}

const files = packed();
if (check) {
  const there = new Set(filesOf(site));
  const differs = ([name, data]) =>
    !there.has(name) || !unpack(name, data).equals(unpack(name, readFileSync(join(site, name))));
  const wrong = [...files].filter(differs).map(([name]) => name);
  wrong.push(...[...there].filter((name) => !files.has(name)));
  if (wrong.length > 0) {
    console.error("gen/dashboard is not what clients/dashboard builds; run: make dashboard");
    for (const name of wrong.slice(0, 8)) console.error(`  ${name}`);
    if (wrong.length > 8) console.error(`  and ${wrong.length - 8} more`);
    exit(1);
  }
} else {
  rmSync(site, { recursive: true, force: true });
  for (const [name, data] of files) {
    mkdirSync(dirname(join(site, name)), { recursive: true });
    writeFileSync(join(site, name), data);
  }
}
