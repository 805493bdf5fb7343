import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createClient, developerLogin } from "../src/index.js";
import { createEnvironment, root, run } from "./environment.js";
import { printedUrl, type Rig, startRig, stop } from "./harness.js";
import { pause } from "./scenario/proxy.js";

const { modules, copy } = createEnvironment("environments-web");
const ttl = 2;
let rig: Rig;
let userId: string;
let env: NodeJS.ProcessEnv;
before(async () => {
  rig = await startRig({ args: ["--dev", `--access-token-ttl=${ttl}s`] });
  const { server, email, password } = rig;
  const dev = createClient({ baseUrl: server, auth: developerLogin({ email, password }) });
  userId = (await dev.users.create({ firstName: "Ada" })).id;
  const { application, secret } = await dev.applications.create("site");
  env = {
    ...process.env,
    NO_COLOR: "1",
    OPENWEARABLES_BASE_URL: server,
    OPENWEARABLES_APP_ID: application.appId,
    OPENWEARABLES_APP_SECRET: secret.reveal(),
  };
});
after(() => rig.close());

/** A browser without scripts: it keeps the session's cookie and posts forms. */
class Visitor {
  cookie = "";

  constructor(readonly url: string) {}

  async send(path: string, form?: Record<string, string>): Promise<string> {
    const res = await fetch(`${this.url}${path}`, {
      method: form ? "POST" : "GET",
      headers: { Accept: "text/html", Cookie: this.cookie, Origin: this.url },
      redirect: "manual",
      ...(form && { body: new URLSearchParams(form) }),
    });
    assert.ok(res.status < 400, `${path}: ${res.status} ${await res.clone().text()}`);
    const set = res.headers.getSetCookie().at(-1);
    if (set) {
      assert.match(set, /^ow_session=.*HttpOnly/);
      this.cookie = /Max-Age=0/.test(set) ? "" : (set.split(";")[0] ?? "");
    }
    return res.text();
  }
}

const frameworks: [
  name: string,
  build: string[],
  start: string[],
  login: string,
  logout: string,
][] = [
  [
    "sveltekit",
    ["vite/bin/vite.js", "build"],
    ["vite/bin/vite.js", "preview", "--port=0", "--host=localhost"],
    "/?/login",
    "/?/logout",
  ],
  ["react-router", ["@react-router/dev/bin.js", "build"], [], "/?index", "/?index"],
];
for (const [name, [built = "", ...args], [server, ...more], login, logout] of frameworks) {
  test(`${name} signs in, keeps the session in a cookie and renews it`, async () => {
    const at = copy(join(root, "test", "environments-web", name));
    run(at, process.execPath, [join(modules, built), ...args]);
    const program = server ? join(modules, server) : "server.js";
    const started = spawn(process.execPath, [program, ...more], {
      cwd: at,
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const visitor = new Visitor(await printedUrl(started));
      assert.match(await visitor.send("/"), /Hello nobody/);
      await visitor.send(login, { user: userId });
      const first = visitor.cookie;
      assert.match(await visitor.send("/"), /Hello Ada, a Date/);
      await pause(ttl * 1000 + 500);
      assert.match(await visitor.send("/"), /Hello Ada, a Date/);
      assert.notEqual(visitor.cookie, first);
      await pause(ttl * 1000 + 500);
      assert.match(await visitor.send("/"), /Hello Ada, a Date/);
      await visitor.send(logout, {});
      assert.equal(visitor.cookie, "");
      assert.match(await visitor.send("/"), /Hello nobody/);
    } finally {
      await stop(started, () => started.kill());
    }
  });
}
