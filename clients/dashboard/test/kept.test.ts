import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { takesPassword } from "./password.js";
import { api, login, scenario } from "./stage.js";

scenario("a password is hidden, shown, pasted and filled in by a manager", {}, async (stage) => {
  const { page } = stage;
  await stage.go("/login");
  const email = page.getByLabel("Email", { exact: true });
  assert.equal(await email.getAttribute("autocomplete"), "username");
  await takesPassword(page, "Password", "current-password");
  const invitation = { email: "ada@example.com" };
  const { token } = await api<{ token: string }>(stage, "POST", "/invitations", invitation);
  await stage.go(`/accept-invite#${token}`);
  await takesPassword(page, "Password", "new-password");
  await stage.go("/login");
  await login(stage, "/settings");
  await takesPassword(page, "Current password", "current-password");
  await takesPassword(page, "New password", "new-password");
  await takesPassword(page, "New password again", "new-password");
  await page.getByLabel("Email", { exact: true }).fill("ada@example.com");
  await takesPassword(page, "Your password", "current-password");
});

/** Returns all that a browser keeps of the server's origin. */
async function kept(page: Page) {
  const inPage = await page.evaluate(async () => {
    const records: [string, unknown][] = [];
    for (const { name = "" } of await indexedDB.databases()) {
      const db = await new Promise<IDBDatabase>((resolve, reject) => {
        const opening = indexedDB.open(name);
        opening.onsuccess = () => resolve(opening.result);
        opening.onerror = () => reject(opening.error);
      });
      for (const store of db.objectStoreNames) {
        const all = db.transaction(store).objectStore(store).getAll();
        await new Promise((resolve) => {
          all.onsuccess = resolve;
        });
        for (const value of all.result) records.push([name, value]);
      }
      db.close();
    }
    return {
      local: { ...localStorage } as Record<string, string>,
      session: { ...sessionStorage },
      records,
      caches: await caches.keys(),
      workers: (await navigator.serviceWorker.getRegistrations()).length,
    };
  });
  return { ...inPage, cookies: await page.context().cookies() };
}

scenario(
  "a browser keeps two cookies, a retry key and choices, and nothing of anybody",
  { fresh: true },
  async (stage) => {
    const { page } = stage;
    const [email, password] = ["ada@example.com", "a violet otter in a canyon"];
    await page.goto(stage.setupUrl);
    await page.getByLabel("Email").fill(email);
    await takesPassword(page, "Password", "new-password");
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Create developer" }).click();
    await page.getByRole("button", { name: "Create key" }).click();
    const key = await page.getByLabel("API key").inputValue();
    await page.getByRole("button", { name: "I have stored it" }).click();
    await page.getByRole("tab", { name: "Go", exact: true }).click();
    page.on("dialog", (dialog) => void dialog.accept());
    await stage.go("/");
    const steps = page.getByRole("region", { name: "First steps" });
    await steps.getByRole("button", { name: "Hide" }).click();
    for (const path of ["/users", "/keys", "/audit", "/team", "/alerts", "/settings"]) {
      await stage.go(path);
      await page.getByRole("heading", { level: 1 }).waitFor();
    }
    await page.getByLabel("Dark").check();
    await stage.go("/docs/guides/backend");
    await page.locator(".languages").first().getByRole("tab", { name: "Go" }).click();
    await stage.go("/docs/reference");
    await page.getByText("You are logged in to the dashboard").waitFor();

    const { local, session, records, caches, workers, cookies } = await kept(page);
    const choices = { theme: "dark", steps: "hidden", language: "Go", snippet: "Go" };
    assert.deepEqual(local, { known: "1", ...choices });
    assert.deepEqual([session, caches, workers], [{}, [], 0]);
    assert.equal(records.length, 1);
    const [database, text] = records[0] ?? [];
    assert.equal(database, `openwearables:cookie:${stage.url}`);
    const marker = JSON.parse(String(text)) as Record<string, unknown>;
    assert.deepEqual(Object.keys(marker).sort(), ["id", "key", "serial"]);
    const names = cookies.map(({ name }) => name).sort();
    assert.deepEqual(names, ["__Host-ow_device", "__Host-ow_refresh"]);
    assert.ok(cookies.every((c) => c.httpOnly && c.secure && c.sameSite === "Strict"));
    const all = JSON.stringify([local, records]);
    for (const secret of [email, password, key, ...cookies.map(({ value }) => value)]) {
      assert.ok(!all.includes(secret), "what scripts can read has what they may not");
    }
  },
);
