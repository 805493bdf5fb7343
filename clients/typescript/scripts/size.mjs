// Measures whole pages that use this package, and fails if one exceeds its limit. Sizes
// are in bytes, of esbuild's minified output after gzip.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const user = `
  import { createClient, userSession, indexedDb } from "../dist/esm/browser.js";
  globalThis.out = createClient({ baseUrl, auth: userSession({ store: indexedDb("x") }) });`;
const connectWeb = `
  import { createClient as createRaw } from "@connectrpc/connect";
  import { createConnectTransport } from "@connectrpc/connect-web";
  import { UserService } from "../dist/esm/gen/openwearables/v1/user_pb.js";
  import { KeyService } from "../dist/esm/gen/openwearables/v1/key_pb.js";
  const t = createConnectTransport({ baseUrl });
  globalThis.raw = [createRaw(UserService, t), createRaw(KeyService, t)];`;
// The source of a page, the pages that it is compared to, and how many bytes it may add.
const entries = {
  "userSession and indexedDb": [user, [], 18_900],
  "the same with two services": [
    `import { userSession, indexedDb } from "../dist/esm/browser.js";
    import { createClientWith, users, workouts } from "../dist/esm/with.js";
    const auth = userSession({ store: indexedDb("x") });
    globalThis.out = createClientWith({ baseUrl, auth }, { users, workouts });`,
    [],
    16_150,
  ],
  "the same without a service": [
    `import { userSession, indexedDb } from "../dist/esm/browser.js";
    import { createClientWith } from "../dist/esm/with.js";
    globalThis.out = createClientWith({ baseUrl, auth: userSession({ store: indexedDb("x") }) }, {});`,
    [],
    14_350,
  ],
  cookieSession: [
    `import { createClient, cookieSession } from "../dist/esm/browser.js";
    globalThis.out = createClient({ baseUrl, auth: cookieSession({ baseUrl }) });`,
    [],
    19_950,
  ],
  apiKey: [
    `import { createClient, apiKey } from "../dist/esm/index.js";
    globalThis.out = createClient({ baseUrl, auth: apiKey(key) });`,
    [],
    12_600,
  ],
  "isNotFound alone": [`export { isNotFound } from "../dist/esm/index.js";`, [], 200],
  "with /react": [
    `${user} export * from "../dist/esm/react.js";`,
    ["userSession and indexedDb"],
    250,
  ],
  "with /server": [
    `${user} export * from "../dist/esm/server.js";`,
    ["userSession and indexedDb"],
    450,
  ],
  "connect-web, bare": [connectWeb, [], Infinity],
  "with /connect": [
    `${user} ${connectWeb} export { createTransport } from "../dist/esm/connect.js";`,
    ["userSession and indexedDb", "connect-web, bare"],
    1_000,
  ],
};

async function gzipped(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: "js" },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    platform: "browser",
    legalComments: "none",
    external: ["react", "react/jsx-runtime"],
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const sizes = {};
for (const [name, [source, under, most]] of Object.entries(entries)) {
  sizes[name] = await gzipped(source);
  const added = under.reduce((left, other) => left - sizes[other], sizes[name]);
  const verdict = added > most ? "  OVER" : "";
  console.log(`${name.padEnd(26)} ${sizes[name]} B, +${added} of ${most}${verdict}`);
  if (verdict) {
    process.exitCode = 1;
  }
}
