import assert from "node:assert/strict";
import { axe, fillLogin, login, scenario, shot } from "./stage.js";
import { focusOn } from "./wait.js";

scenario("a deep link leads through the login and back", {}, async (stage) => {
  const { page } = stage;
  await stage.go("/users?search=ada");
  await page.waitForURL(`${stage.url}/login?to=%2Fusers%3Fsearch%3Dada`);
  await page.getByRole("heading", { level: 1, name: "Log in" }).waitFor();
  assert.equal(await page.title(), "Log in · Open Wearables");
  await axe(page);
  await shot(page, "login");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("Enter your email.").waitFor();
  await focusOn(page, "email");
  await fillLogin(stage, page, { password: "wrong wrong wrong" });
  await page.getByText("Email or password is wrong.").waitFor();
  await axe(page);
  await shot(page, "login-wrong", [390]);
  await fillLogin(stage);
  await page.waitForURL(`${stage.url}/users?search=ada`);
  await page.getByRole("heading", { level: 1, name: "Users" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Users" }).waitFor();
  await stage.go("/login");
  await page.waitForURL(`${stage.url}/`);
});

scenario("a login leads to no other server", {}, async (stage) => {
  const { page } = stage;
  for (const to of [
    "//example.com/",
    "/\\example.com",
    "https://example.com/",
    "javascript:alert(1)",
  ]) {
    await stage.context.clearCookies();
    await stage.go(`/login?to=${encodeURIComponent(to)}`);
    await page.evaluate(() => localStorage.clear());
    await fillLogin(stage);
    await page.waitForURL(`${stage.url}/`);
  }
});

scenario("too many tries say when to try again", { flags: ["--limit-login=2"] }, async (stage) => {
  const { page } = stage;
  await stage.go("/login");
  for (let i = 0; i < 4; i++) {
    await fillLogin(stage, page, { password: "wrong wrong wrong" });
    await page.getByText(/is wrong|Too many/).waitFor();
  }
  await page.getByText(/Too many tries\. Try again in \d+ (seconds|minutes)\./).waitFor();
});

scenario("every page has a heading, a title and no finding of axe", {}, async (stage) => {
  const { page } = stage;
  await login(stage);
  for (const [path, title] of [
    ["/", "Overview"],
    ["/keys", "API keys"],
    ["/applications", "Applications"],
    ["/users", "Users"],
    ["/alerts", "Alerts"],
    ["/audit", "Audit"],
    ["/team", "Team"],
    ["/settings", "Settings"],
    ["/nothing", "No such page"],
  ]) {
    await stage.go(path ?? "");
    await page.getByRole("heading", { level: 1, name: title ?? "" }).waitFor();
    assert.match(await page.title(), new RegExp(`${title} · Open Wearables$`));
    await axe(page);
  }
  await shot(page, "not-found");
});

scenario("who is not signed in sees the login and asks for nothing", {}, async (stage) => {
  const { page } = stage;
  const asked: string[] = [];
  page.on("request", (request) => {
    const path = new URL(request.url()).pathname;
    if (path.startsWith("/openwearables.v1.")) asked.push(path);
  });
  await stage.go("/users");
  await page.getByRole("heading", { level: 1, name: "Log in" }).waitFor();
  await page.waitForLoadState("networkidle");
  assert.deepEqual(asked, ["/openwearables.v1.SessionService/RefreshToken"]);
});
