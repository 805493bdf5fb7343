import assert from "node:assert/strict";
import { misfits } from "./fit.js";
import { axe, login, type Stage, scenario, shot } from "./stage.js";
import { until } from "./wait.js";

/** Opens a page of the documentation and returns the routes that its contents list. */
async function routes({ page, go }: Stage): Promise<string[]> {
  await go("/docs");
  const links = await page
    .locator(".side .contents a")
    .evaluateAll((all) => all.map((link) => link.getAttribute("href") ?? ""));
  return links.filter((route) => route.startsWith("/docs/"));
}

scenario("the documentation is found, read and searched", {}, async (stage) => {
  const { page } = stage;
  await login(stage);
  const link = page.getByRole("link", { name: /Documentation/ });
  assert.equal(await link.getAttribute("href"), "/docs");
  await stage.go("/docs");
  await axe(page);
  await shot(page, "docs");

  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
  const search = page.getByRole("combobox", { name: "Search the documentation" });
  assert.ok(
    !loaded.some((path) => path.includes("search")),
    "the index is loaded before it is used",
  );
  await page.keyboard.press("/");
  await search.fill("rotat overlap");
  await page
    .getByRole("option", { name: /Rotation/ })
    .first()
    .waitFor();
  assert.ok(loaded.some((path) => path.includes("search")));
  await axe(page);
  await shot(page, "docs-search");
  await search.fill("nothing at all like zzz");
  await page.getByText("Nothing found.").waitFor();
  await search.fill("CreateKey");
  await page
    .getByRole("option", { name: /CreateKey/ })
    .first()
    .waitFor();
  await search.press("Enter");
  await page.waitForURL(/\/docs\/reference#\/API%20keys\/CreateKey$/);

  await stage.go("/docs/guides/none");
  await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  await axe(page);
  await shot(page, "docs-missing", [390, 1024]);
  await stage.go("/docs#/API%20keys/CreateKey"); // from when the reference was there
  await page.waitForURL(/\/docs\/reference#\/API%20keys\/CreateKey$/);
});

scenario("a block of code is copied, in the language that was chosen", {}, async (stage) => {
  const { page } = stage;
  await stage.go("/docs/guides/backend");
  const group = page.locator(".languages").first();
  await group.getByRole("tab", { name: "TypeScript" }).press("ArrowRight");
  const chosen = group.getByRole("tab", { selected: true });
  const language = await chosen.textContent();
  assert.notEqual(language, "TypeScript");
  const panel = group.getByRole("tabpanel", { name: language ?? "" });
  await panel.getByRole("button", { name: `Copy the ${language}` }).click();
  await panel.getByText("Copied").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, await panel.locator("code").textContent());
  await page.reload();
  assert.equal(await group.getByRole("tab", { selected: true }).textContent(), language);
});

scenario("the documentation has the theme of the dashboard", {}, async (stage) => {
  const { page } = stage;
  await page.emulateMedia({ colorScheme: "light" });
  await stage.go("/docs/guides/concepts");
  const canvas = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await canvas();
  const theme = page.getByRole("button", { name: /^Theme/ });
  while ((await theme.getAttribute("title")) !== "Theme: dark") await theme.click();
  const dark = await canvas();
  assert.notEqual(dark, light);
  await stage.go("/login");
  assert.equal(await canvas(), dark);
});

scenario("each page of the documentation is accessible, and fits", {}, async (stage) => {
  const { page } = stage;
  const all = await routes(stage);
  assert.ok(all.length > 30, `only ${all.length} pages`);
  for (const route of all) {
    await stage.go(route);
    if (route === "/docs/reference") continue; // reference.test.ts, since it is long
    await page.setViewportSize({ width: 1440, height: 900 });
    await axe(page, ["light"]);
    await page.setViewportSize({ width: 320, height: 640 });
    const fits = (found: unknown[]) => found.length === 0;
    await until(`${route} to fit into 320 px`, () => misfits(page), fits);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  for (const name of ["concepts", "lives", "backend"]) {
    await stage.go(`/docs/guides/${name}`);
    await axe(page);
    await shot(page, `docs-${name}`);
  }
});

scenario("the documentation is read without JavaScript", {}, async (stage) => {
  const browser = stage.context.browser();
  assert.ok(browser);
  const context = await browser.newContext({
    javaScriptEnabled: false,
    viewport: { width: 390, height: 844 },
  });
  const page = await context.newPage();
  await page.goto(`${stage.url}/docs/guides/backend`);
  await page.locator(".menu > summary").click();
  await page.locator(".menu").getByRole("link", { name: "Concepts" }).click();
  await page.getByRole("heading", { level: 1, name: "Concepts" }).waitFor();
  assert.ok(!(await page.getByRole("combobox").isVisible()));
  await page.goto(`${stage.url}/docs/guides/backend`);
  for (const code of await page.locator("pre").all()) assert.ok(await code.isVisible());
  await context.close();
});
