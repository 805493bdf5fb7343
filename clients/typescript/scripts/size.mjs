// Measures what the SDK adds to a page that uses connect-web, and fails if that exceeds
// a limit. Sizes are in bytes, of esbuild's minified output after gzip.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const bare = `
  import { createClient } from "@connectrpc/connect";
  import { createConnectTransport } from "@connectrpc/connect-web";
  import { WorkoutService } from "../dist/gen/openwearables/v1/workout_pb.js";
  import { SessionService } from "../dist/gen/openwearables/v1/session_pb.js";
  const t = createConnectTransport({ baseUrl, useBinaryFormat: true });
  globalThis.out = [createClient(WorkoutService, t), createClient(SessionService, t)];
`;
const wire = `${bare}
  import { TokenRpc } from "../dist/rpc.js";
  import { readPair } from "../dist/pair.js";
  globalThis.wire = [TokenRpc, readPair];
`;
// The source, the entry that it is compared to, and how many bytes it may add.
const entries = {
  "connect-web, bare": [bare, "connect-web, bare", 0],
  "typed errors and token calls": [wire, "connect-web, bare", 3300],
  "token engine, on top of these": [
    `${wire}
    import { createEngine } from "../dist/engine/engine.js";
    import { sharedCore } from "../dist/engine/core.js";
    import { createEmitter } from "../dist/engine/event.js";
    globalThis.engine = [createEngine, sharedCore, createEmitter];`,
    "typed errors and token calls",
    4250,
  ],
  "userSession on a raw client": [
    `import { createClient } from "@connectrpc/connect";
    import { createTransport, userSession, indexedDb, WorkoutService } from "../dist/browser.js";
    const auth = userSession({ store: indexedDb("x") });
    globalThis.out = createClient(WorkoutService, createTransport({ baseUrl, auth }));`,
    "connect-web, bare",
    12250,
  ],
  "whole browser client": [
    `import { createClient, userSession, indexedDb } from "../dist/browser.js";
    globalThis.out = createClient({ baseUrl, auth: userSession({ store: indexedDb("x") }) });`,
    "connect-web, bare",
    17650,
  ],
  "whole dashboard client": [
    `import { createClient, cookieSession } from "../dist/browser.js";
    globalThis.out = createClient({ baseUrl, auth: cookieSession({ baseUrl }) });`,
    "connect-web, bare",
    18650,
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
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const sizes = {};
for (const [name, [source, under, most]] of Object.entries(entries)) {
  sizes[name] = await gzipped(source);
  const added = sizes[name] - sizes[under];
  const verdict = added > most ? "  OVER" : "";
  console.log(`${name.padEnd(31)} ${sizes[name]} B, +${added} of ${most}${verdict}`);
  if (verdict) {
    process.exitCode = 1;
  }
}
