import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** What the page of `vite` passes on to a server; the rest of its paths are pages. */
const api = ["/api/", "/openwearables.v1.", "/docs", "/openapi.yaml", "/livez", "/.well-known/"];
const server = process.env.SERVER ?? "http://localhost:8000";

const sdk = fileURLToPath(new URL("../typescript/src", import.meta.url));

/** What of the build differs by its mode. */
function outputOf(mode: string) {
  switch (mode) {
    case "parts":
      return { outDir: "build/parts", rolldownOptions: { input: "parts.html" } };
    case "reference": // one file that the page at /docs loads by its name
      return {
        emptyOutDir: false,
        copyPublicDir: false,
        rolldownOptions: {
          input: "src/reference.ts",
          output: {
            entryFileNames: "reference.js",
            codeSplitting: false,
            comments: { legal: false },
          },
        },
      };
    default:
      return {
        // What is built in keeps its licences in one file instead of a comment in each script.
        license: { fileName: "licenses.md" },
        rolldownOptions: {
          input: "index.html",
          output: {
            comments: { legal: false },
            codeSplitting: { groups },
          },
        },
      };
  }
}

/** What is in the file that every page needs. */
const core = [
  /node_modules\/(react|react-dom|scheduler|wouter|regexparam|use-sync-external-store)\//,
  /node_modules\/(@tanstack|@connectrpc|@bufbuild|lucide-react)\/|preload-helper/,
  /typescript\/src\/(?!gen\/)|\/(session|options|token_pair|error|key|usage)_pb\.ts/,
  /dashboard\/src\/(main|style\/|app\/(?!AlertCount|Relogin|LoginForm)|parts\/(?!overlay|Chart\.))/,
];

/**
 * Each file costs a kilobyte of headers, so that what every page needs, and the parts that several
 * need, are one. The messages of the API hardly compress: but for those of keys they are apart, as
 * are charts and what opens later with its library.
 */
const groups = [
  {
    name: "core",
    test: new RegExp(core.map(({ source }) => source).join("|")),
    includeDependenciesRecursively: false,
    priority: 1,
  },
  {
    name: "messages",
    test: /_pb\.ts/,
    includeDependenciesRecursively: false,
    entriesAware: true,
    entriesAwareMergeThreshold: 3_000,
  },
  {
    name: "shared",
    test: /dashboard\/src\/pages\//,
    includeDependenciesRecursively: false,
    entriesAware: true,
    entriesAwareMergeThreshold: 8_000,
    minShareCount: 2,
  },
];

/**
 * `vite build` makes the dashboard, then `--mode reference` what /docs needs of it.
 * `--mode parts` makes the parts page, which is never shipped.
 */
export default defineConfig(({ mode }) => ({
  plugins: [react()],
  resolve: {
    alias: [
      { find: /^@openwearables\/sdk$/, replacement: `${sdk}/index.ts` },
      { find: /^@openwearables\/sdk\/(.+)$/, replacement: `${sdk}/$1.ts` },
    ],
    // The SDK's source resolves from its own folder: a second copy of these would not know the first one's messages.
    dedupe: ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web", "react"],
  },
  server: {
    fs: { allow: [".", sdk] },
    proxy: Object.fromEntries(api.map((path) => [path, server])),
  },
  build: {
    target: ["chrome125", "safari17.5", "firefox128"],
    // Keeps light-dark() as it is written.
    cssTarget: ["chrome125", "safari17.5", "firefox128"],
    // The policy of the page refuses data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    outDir: "dist",
    emptyOutDir: true,
    ...outputOf(mode),
  },
}));
