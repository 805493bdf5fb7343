import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createKey, long, use } from "./credential.js";
import { misfits } from "./fit.js";
import { api, axe, login, type Stage, scenario, shot } from "./stage.js";
import { focusOn, until } from "./wait.js";

const heading = { level: 1 } as const;

scenario("a page is a step in the history, with its title and the focus", {}, async (stage) => {
  const { page } = stage;
  await login(stage);
  const side = page.getByRole("complementary");
  await side.getByRole("link", { name: "API keys" }).click();
  await page.getByRole("heading", { ...heading, name: "API keys" }).waitFor();
  assert.equal(page.url(), `${stage.url}/keys`);
  await focusOn(page, "H1");
  assert.equal(
    await side.getByRole("link", { name: "API keys" }).getAttribute("aria-current"),
    "page",
  );
  await page.goBack();
  await page.getByRole("heading", { ...heading, name: "Overview" }).waitFor();
  await page.keyboard.press("Tab");
  await page.goto(`${stage.url}/keys/`); // with a slash at the end
  await page.getByRole("heading", { ...heading, name: "API keys" }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter"); // "Skip to the page"
  await focusOn(page, "main");
});

scenario("a link loads its page before the click", {}, async (stage) => {
  const { page } = stage;
  await login(stage);
  const loaded = page.waitForRequest(/\/assets\/Team-/);
  await page.getByRole("link", { name: "Team" }).hover();
  await loaded;
});

scenario("on a phone the side bar is a drawer", {}, async (stage) => {
  const { page } = stage;
  await page.setViewportSize({ width: 390, height: 844 });
  await login(stage);
  await page.getByRole("button", { name: "Open menu" }).click();
  const drawer = page.getByRole("dialog", { name: "Menu" });
  await drawer.waitFor();
  await axe(page);
  await shot(page, "drawer", [390]);
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Open menu" }).click();
  await drawer.getByRole("link", { name: "Users" }).click();
  await page.getByRole("heading", { ...heading, name: "Users" }).waitFor();
  await drawer.waitFor({ state: "hidden" });
});

scenario("the theme is that of the system until one is chosen", {}, async (stage) => {
  const { page } = stage;
  await page.emulateMedia({ colorScheme: "dark" });
  await login(stage);
  const canvas = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await canvas();
  await page.getByRole("button", { name: "Theme" }).click();
  await axe(page);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.getByRole("menuitem", { name: "Light" }).click();
  const light = await until("the light canvas", canvas, (colour) => colour !== dark);
  await page.reload();
  await page.getByRole("heading", heading).waitFor();
  assert.equal(await canvas(), light);
  await page.getByRole("button", { name: "Theme" }).click();
  await page.getByRole("menuitem", { name: "As the system" }).click();
  await until("the dark canvas", canvas, (colour) => colour === dark);
});

scenario("a part that cannot be loaded is told, and tried again", {}, async (stage) => {
  const { page } = stage;
  await login(stage);
  await page.route(/\/assets\/Team-/, (route) => route.abort());
  await page.getByRole("link", { name: "Team" }).click();
  await page.getByText("A part of this page could not be loaded.").waitFor();
  stage.faults.length = 0; // React says so on the console
  await axe(page);
  await shot(page, "failed-part", [390, 1024]);
  await page.unroute(/\/assets\/Team-/);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { ...heading, name: "Team" }).waitFor();
});

scenario("what a page throws is told in its place, and the rest goes on", {}, async (stage) => {
  const { page } = stage;
  await login(stage);
  await page.route(/\/assets\/Team-/, (route) =>
    route.fulfill({
      contentType: "text/javascript",
      body: 'export default function Team() { throw new Error("undefined is not an object"); }',
    }),
  );
  await page.getByRole("link", { name: "Team" }).click();
  await page
    .getByText("Something in this page went wrong. Try again, or reload the page.")
    .waitFor();
  stage.faults.length = 0; // React says so on the console
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("Something in this page went wrong.").waitFor();
  stage.faults.length = 0;
  await page.getByRole("link", { name: "Settings" }).first().click();
  await page.getByRole("heading", { ...heading, name: "Settings" }).waitFor();
});

scenario("an address where browsers keep no session says so", {}, async (stage) => {
  const { page } = stage;
  await page.goto(stage.url.replace("localhost", "dashboard.test"));
  await page
    .getByText("A browser keeps a login only where nobody on the way can read it.")
    .waitFor();
  await axe(page);
  await shot(page, "insecure", [390, 1024]);
  stage.faults.length = 0; // Chromium says that it ignores a header there
});

scenario("a new version of the dashboard asks for a reload", {}, async (stage) => {
  const { page } = stage;
  await login(stage);
  const look = () => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  const asked = page.waitForResponse((res) => new URL(res.url()).pathname === "/");
  await look();
  await asked;
  assert.equal(await page.getByText("A new version is ready.").count(), 0);
  await page.clock.install();
  await page.clock.fastForward(61_000);
  await page.route(`${stage.url}/`, async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace(/assets\/core-[\w-]+/g, "assets/core-newer");
    await route.fulfill({ response, body });
  });
  await look();
  await page.getByText("A new version is ready.").waitFor();
  await axe(page);
  await shot(page, "new-version", [390, 1024]);
  await page.unroute(`${stage.url}/`);
  await page.getByRole("button", { name: "Reload" }).click();
  await page.getByRole("heading", { ...heading, name: "Overview" }).waitFor();
  await page.getByText("A new version is ready.").waitFor({ state: "detached" });
});

scenario("the first load stays small", {}, async (stage) => {
  await login(stage, "/keys");
  const tab = await stage.tab();
  const devtools = await stage.context.newCDPSession(tab);
  await devtools.send("Network.enable");
  await devtools.send("Network.clearBrowserCache");
  const requests = new Map<string, { begun: number; bytes: number }>();
  devtools.on("Network.requestWillBeSent", ({ requestId, wallTime }) => {
    requests.set(requestId, { begun: wallTime * 1000, bytes: 0 });
  });
  devtools.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const request = requests.get(requestId);
    if (request) request.bytes = encodedDataLength;
  });
  await tab.addInitScript(() => {
    const seen = (_: unknown, observer: MutationObserver) => {
      if (!document.querySelector("tbody a")) return;
      performance.mark("first row");
      observer.disconnect();
    };
    new MutationObserver(seen).observe(document, { childList: true, subtree: true });
  });
  await stage.go("/keys", tab);
  await tab.getByRole("link", { name: "Demo backend" }).waitFor();
  await tab.waitForLoadState("networkidle");
  const shown = await tab.evaluate(
    () => performance.timeOrigin + (performance.getEntriesByName("first row")[0]?.startTime ?? 0),
  );
  const first = [...requests.values()]
    .filter(({ begun }) => begun <= shown) // what nobody waits for comes after it
    .reduce((sum, { bytes }) => sum + bytes, 0);
  console.log(`the first load is ${first} bytes`);
  assert.ok(first > 100_000, `only ${first} bytes were seen`);
  assert.ok(first <= 185 * 1024, `the first load is ${first} bytes, more than 185 KB`);
});

scenario("every page fits at 200 % zoom and on the narrowest phone", {}, async (stage) => {
  const { page } = stage;
  const paths = await prepare(stage);
  const look = async (path: string) => {
    for (const [width, height] of [
      [640, 400], // 1280 by 800 at 200 %
      [320, 640],
    ] as const) {
      await page.setViewportSize({ width, height });
      await until(
        `${path} to fit into ${width} px`, // a chart is drawn anew in the next frame
        () => misfits(page),
        (found) => found.length === 0,
      );
    }
  };
  for (const path of ["/login", "/setup#none", "/accept-invite#none"]) {
    await stage.go(path);
    await page.getByRole("heading", heading).waitFor();
    await look(path);
  }
  await login(stage);
  for (const path of paths) {
    await stage.go(path);
    await page.getByRole("heading", heading).waitFor();
    await page.waitForLoadState("networkidle");
    await look(path);
  }
  await stage.go("/keys");
  await page.getByRole("button", { name: "Create key" }).click();
  await page.getByRole("dialog").getByLabel("Name").waitFor();
  await look("the dialog of a new key");
});

/** Makes one of everything, with long names, and returns the address of every page. */
async function prepare(stage: Stage): Promise<string[]> {
  const key = await createKey(stage, { name: long });
  await use(stage, key.key);
  const { app_id } = await api<{ app_id: string }>(stage, "POST", "/applications", { name: long });
  const { id } = await api<{ id: string }>(stage, "POST", "/webhook-endpoints", {
    url: `https://example.com/${"long/".repeat(40)}`,
    description: long,
  });
  const user = await api<{ id: string }>(stage, "POST", "/users", { first_name: "N".repeat(100) });
  await api(stage, "POST", "/invitations", {
    email: `${"long".repeat(15)}@${"example.".repeat(20)}com`,
  });
  const tabs = ["", "?tab=workouts", "?tab=sessions", "?tab=access"];
  return [
    ...["/", "/keys", "/applications", "/users", "/audit", "/team", "/nothing"],
    ...["", "?tab=rules", "?tab=history", "?tab=webhooks"].map((tab) => `/alerts${tab}`),
    ...["", "?tab=installation"].map((tab) => `/settings${tab}`),
    ...[`/keys/${key.id}`, `/applications/${app_id}`, `/webhooks/${id}`, `/users/${user.id}`],
    ...tabs.map((tab) => `/users/${stage.env.USER_ID}${tab}`),
  ];
}

test("each library is built in once", () => {
  const assets = join(import.meta.dirname, "..", "..", "dist", "assets");
  const scripts = readdirSync(assets)
    .filter((name) => name.endsWith(".js"))
    .map((name) => readFileSync(join(assets, name), "utf8"))
    .join("\n");
  for (const marker of ["illegal tag: field no", "premature EOF"]) {
    const copies = scripts.split(marker).length - 1;
    assert.ok(copies === 1, `"${marker}" is there ${copies} times`);
  }
});
