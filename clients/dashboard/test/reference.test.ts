import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { misfits } from "./fit.js";
import { axe, login, scenario, shot } from "./stage.js";
import { until } from "./wait.js";

scenario("the reference of the API calls it with the session at hand", {}, async (stage) => {
  const { page } = stage;
  const tryIt = async () => {
    const operation = page.locator("#operations-Sessions-GetMe, [id$=-GetMe]").first();
    const edit = operation.getByRole("button", { name: "Try it out" });
    const execute = operation.getByRole("button", { name: "Execute" });
    await operation.locator(".opblock-summary-control").click();
    await edit.or(execute).first().waitFor();
    if (await edit.isVisible()) await edit.click();
    const answered = page.waitForResponse((res) => res.url().endsWith("/api/v1/auth/me"));
    await execute.click();
    return { status: (await answered).status(), operation };
  };
  await stage.go("/docs/reference");
  assert.equal((await tryIt()).status, 401);

  await login(stage);
  await stage.go("/docs/reference");
  await page.getByText("You are logged in to the dashboard").waitFor();
  const { status, operation } = await tryIt();
  assert.equal(status, 200);
  await operation.getByText("dev@example.com").first().waitFor();
  assert.ok(!/Bearer [\w-]{20}/.test(await page.content()), "the token is in the page");
});

/** Fails unless the page is accessible in both themes and fits into a phone, and takes its pictures. */
async function accessible(page: Page, name: string): Promise<void> {
  await axe(page);
  await page.setViewportSize({ width: 320, height: 640 });
  await until(
    `${name} to fit into 320 px`,
    () => misfits(page),
    (found) => found.length === 0,
  );
  await page.setViewportSize({ width: 1440, height: 900 });
  await shot(page, `reference-${name}`, [390, 1024, 1600], { whole: false });
}

scenario("the reference of the API is accessible, and fits", {}, async (stage) => {
  const { page } = stage;
  await login(stage);
  await stage.go("/docs/reference#/API%20keys/CreateKey");
  await page.getByText("You are logged in to the dashboard").waitFor();
  const operation = page.locator("[id$=-CreateKey]").first();
  await operation.getByRole("button", { name: /^(Try it out|Execute)$/ }).waitFor();
  await accessible(page, "operation");
  await page.getByRole("button", { name: "Authorize", exact: true }).first().click();
  const dialog = page.locator(".dialog-ux");
  await dialog.getByRole("button", { name: "Authorize", exact: true }).first().waitFor();
  await accessible(page, "authorize");
  await dialog.getByRole("button", { name: "Close", exact: true }).first().click();
  await dialog.waitFor({ state: "detached" });

  // By keys alone, an operation is opened and closed with one stop.
  const summary = operation.locator(".opblock-summary-control");
  await summary.focus();
  await page.keyboard.press("Enter");
  await operation.locator(".opblock-body").waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await operation.locator(".opblock-body").waitFor();
  const within = summary.locator("a[href], button, [tabindex]");
  assert.equal(await within.count(), 0);
});
