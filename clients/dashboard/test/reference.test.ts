import assert from "node:assert/strict";
import { login, scenario } from "./stage.js";

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
