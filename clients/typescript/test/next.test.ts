import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createEnvironment, run } from "./environment.js";
import { printedUrl, stop } from "./harness.js";

const files = {
  "layout.js": `
    export default function Layout({ children }) {
      return <html lang="en"><body>{children}</body></html>;
    }`,
  "ada.js": `
    import { createClient, userSession } from "@openwearables/sdk";
    import { cookieStore } from "@openwearables/sdk/server";
    import { fakeServer } from "@openwearables/sdk/testing";
    export async function ada(jar) {
      const server = fakeServer();
      const store = cookieStore(jar);
      const auth = userSession({ store, tokenProvider: () => server.mint("ada") });
      const ow = createClient({ baseUrl: server.baseUrl, fetch: server.fetch, auth });
      return ow.users.get("ada");
    }`,
  "page.js": `
    import { ada } from "./ada.js";
    import { Status } from "./status.js";
    export const dynamic = "force-dynamic";
    export default async function Page() {
      return <Status since={(await ada({ get: () => undefined, set() {} })).createdAt} />;
    }`,
  "status.js": `"use client";
    import { createClient, userSession } from "@openwearables/sdk/browser";
    import { OpenWearablesProvider, useSession } from "@openwearables/sdk/react";
    const auth = userSession();
    const client = createClient({ baseUrl: "https://api.example.com", auth });
    export function Status({ since }) {
      return (
        <OpenWearablesProvider client={client}>
          <State /> <time>{since.getTime() > 1e12 ? "a Date" : "none"}</time>
        </OpenWearablesProvider>
      );
    }
    function State() {
      return <p>{useSession().state}</p>;
    }`,
  "route.js": `
    import { cookies } from "next/headers";
    import { ada } from "../ada.js";
    export const dynamic = "force-dynamic";
    export async function GET() {
      const jar = await cookies();
      const get = (name) => jar.get(name)?.value;
      return Response.json(await ada({ get, set: (...cookie) => jar.set(...cookie) }));
    }`,
};

test("Next.js renders with it, and answers with what it returns", async () => {
  const { project, modules } = createEnvironment("environments-next");
  const at = project("app", { "package.json": "{}" });
  mkdirSync(join(at, "app", "ada"), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(at, "app", name === "route.js" ? "ada" : "", name), text);
  }
  const next = join(modules, "next", "dist", "bin", "next");
  run(at, process.execPath, [next, "build"], { NEXT_TELEMETRY_DISABLED: "1" });
  const started = spawn(process.execPath, [next, "start", "-p", "0", "-H", "127.0.0.1"], {
    cwd: at,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const url = await printedUrl(started);
    const page = await (await fetch(url)).text();
    assert.match(page, /<p>unknown<\/p>/);
    assert.match(page, /a Date/);
    const res = await fetch(`${url}/ada`);
    const user = (await res.json()) as { id: string; createdAt: string };
    assert.equal(user.id, "ada");
    assert.match(user.createdAt, /^\d{4}-.*Z$/);
    assert.match(res.headers.get("set-cookie") ?? "", /ow_session=.*HttpOnly/i);
  } finally {
    await stop(started, () => started.kill());
  }
});
