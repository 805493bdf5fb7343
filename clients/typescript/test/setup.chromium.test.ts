import assert from "node:assert/strict";
import { test } from "node:test";
import { startBrowser } from "./chromium.js";
import { startRig } from "./harness.js";

test("the setup page creates the first developer and a key, under its own policy", async () => {
  const [rig, browser] = await Promise.all([
    startRig({ empty: true }),
    startBrowser({ bypassCSP: false }),
  ]);
  try {
    const page = await browser.context.newPage();
    const faults: string[] = [];
    page.on("pageerror", (e) => faults.push(e.message));
    const message = page.locator("#message");

    await page.goto(`${rig.server}/setup`);
    await message.getByText("Open the setup address").waitFor();

    await page.goto(`${rig.server}/setup#wrong`); // in the page that is open
    await page.getByLabel("Email").waitFor();
    await page.reload(); // the token has left the address
    await message.getByText("Open the setup address").waitFor();

    const other = await browser.context.newPage();
    await other.goto(`${rig.server}/setup#wrong`);
    const create = async (p: typeof page, password: string) => {
      await p.getByLabel("Email").fill(rig.email);
      await p.getByLabel("Password").fill(password);
      await p.getByRole("button", { name: "Create developer" }).click();
    };
    await create(other, rig.password);
    await other.locator("#message").getByText("no longer valid").waitFor();

    const own = await browser.context.newPage();
    own.on("pageerror", (e) => faults.push(e.message));
    await own.goto(`${rig.server}/setup#${rig.setupToken}`);
    assert.equal(own.url(), `${rig.server}/setup`);
    await create(own, "passwordpassword");
    await own.locator("#message").getByText("password:").waitFor();
    await create(own, rig.password);
    await own.getByRole("button", { name: "Create an API key" }).click();
    await own.locator("#made").waitFor();
    const key = await own.locator("#secret").textContent();
    const users = await fetch(`${rig.server}/api/v1/users`, {
      headers: { Authorization: `Bearer ${key}` },
    });
    assert.equal(users.status, 200);
    assert.match(
      (await own.locator("#try").textContent()) ?? "",
      /^curl http.*\/api\/v1\/users -H /,
    );
    assert.equal(await own.getByLabel("Password").inputValue(), "");
    assert.deepEqual([faults, browser.leaks], [[], []]);
  } finally {
    await browser.close();
    await rig.close();
  }
});
