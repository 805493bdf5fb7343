import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { api, axe, login, type Stage, scenario, shot } from "./stage.js";
import { focusOn, many } from "./wait.js";

const heading = { level: 1 } as const;

/** Creates users by the API, many at a time. */
async function createUsers(stage: Stage, bodies: unknown[]): Promise<void> {
  const key = stage.env.OPENWEARABLES_API_KEY ?? "";
  const waiting = [...bodies];
  const work = async () => {
    for (let body = waiting.pop(); body; body = waiting.pop()) {
      const res = await fetch(`${stage.url}/api/v1/users`, {
        method: "POST",
        headers: { "X-Open-Wearables-API-Key": key, "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      const answer = await res.text();
      assert.ok(res.ok, `${res.status}: ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: 64 }, work));
}

async function act(page: Page, name: string, item: string): Promise<void> {
  await page.getByRole("button", { name: `Actions of ${name}` }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

scenario("a user is created, edited and deleted by name", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/users");
  await page.getByRole("link", { name: "Demo Runner" }).waitFor();
  await page.getByRole("button", { name: "Create user" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Create user" }).click();
  await dialog.getByText("Fill in one field at least").waitFor();
  await axe(page);
  await shot(page, "users-create");
  await dialog.getByLabel("External id").fill("demo");
  await dialog.getByRole("button", { name: "Create user" }).click();
  await dialog.getByRole("alert").waitFor(); // another user has it
  await axe(page);
  await dialog.getByLabel("First name").fill("Ada");
  await dialog.getByLabel("Email").fill("ada@example.com");
  await dialog.getByLabel("External id").fill("ada-1");
  await dialog.getByRole("button", { name: "Create user" }).click();
  await page.getByRole("link", { name: "Ada", exact: true }).waitFor();
  await dialog.waitFor({ state: "hidden" });
  await focusOn(page, /Create user/);

  await act(page, "Ada", "Edit…");
  await dialog.getByRole("button", { name: "Save" }).click(); // nothing was changed
  await dialog.waitFor({ state: "hidden" });
  await act(page, "Ada", "Edit…");
  await dialog.getByLabel("Last name").fill("Lovelace");
  await dialog.getByLabel("External id").fill("");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("link", { name: "Ada Lovelace" }).waitFor();
  const { items } = await api<{ items: Record<string, unknown>[] }>(
    stage,
    "GET",
    "/users?search=lovelace",
  );
  assert.equal(items[0]?.email, "ada@example.com");
  assert.equal(items[0]?.external_user_id ?? null, null);

  await act(page, "Ada Lovelace", "Delete…");
  await dialog.getByText("signed in nowhere").waitFor();
  await axe(page);
  await shot(page, "users-delete");
  await dialog.getByRole("button", { name: "Delete user" }).click();
  await dialog.getByText("This is not the name.").waitFor();
  await dialog.getByLabel("to go on").fill("Ada Lovelace");
  await dialog.getByRole("button", { name: "Delete user" }).click();
  await page.getByRole("link", { name: "Ada Lovelace" }).waitFor({ state: "detached" });
  assert.equal((await api<{ total: number }>(stage, "GET", "/users")).total, 1);
});

scenario("a form of a user that is not saved asks before it is left", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/keys");
  await page.getByRole("link", { name: "Users" }).click();
  await page.getByRole("button", { name: "Create user" }).click();
  await page.getByLabel("First name").fill("Ada");
  await page.evaluate(() => history.back());
  await page.getByText("Leave without saving?").waitFor();
  await page.getByRole("button", { name: "Stay" }).click();
  assert.equal(await page.getByLabel("First name").inputValue(), "Ada");
});

scenario("users are searched as one types, and old answers are dropped", {}, async (stage) => {
  const { page } = stage;
  await createUsers(stage, [
    { first_name: "Ada", last_name: "Lovelace", email: "ada@example.com" },
    { first_name: "Grace", last_name: "Hopper" },
  ]);
  await login(stage, "/users");
  await page.getByText("3 users").waitFor();
  // The first search is answered last, with what must not be shown.
  let free = () => {};
  const held = new Promise<void>((resolve) => {
    free = resolve;
  });
  await page.route(/ListUsers/, async (route) => {
    const asked = decodeURIComponent(route.request().url()) + (route.request().postData() ?? "");
    if (asked.includes('"search":"gra"')) await held;
    await route.continue().catch(() => {});
  });
  const search = page.getByLabel("Search users");
  const first = page.waitForRequest((req) =>
    (decodeURIComponent(req.url()) + (req.postData() ?? "")).includes('"search":"gra"'),
  );
  await search.fill("gra");
  const dropped = page.waitForEvent("requestfailed");
  await first;
  await search.fill("ada");
  await page.getByText("1 user", { exact: true }).waitFor();
  await dropped;
  free();
  await page.waitForURL(/q=ada/);
  assert.equal(await page.getByRole("link", { name: "Ada Lovelace" }).count(), 1);
  assert.equal(await page.getByRole("link", { name: "Grace Hopper" }).count(), 0);
  await search.fill("nobody at all");
  await page.getByText("Nobody matches “nobody at all”.").waitFor();
  await axe(page);
  await shot(page, "users-no-match", [390, 1024]);
  await page.getByRole("button", { name: "Clear" }).last().click();
  await page.getByText("3 users").waitFor();
});

scenario("users are sorted, and the address keeps how", {}, async (stage) => {
  const { page } = stage;
  await createUsers(stage, [{ first_name: "Zoë" }, { first_name: "Ada" }]);
  await login(stage, "/users");
  const firstRow = page.getByRole("row").nth(1);
  await page.getByRole("button", { name: "Name" }).click();
  await page.waitForURL(/sort=first_name/);
  await firstRow.getByRole("link", { name: "Ada" }).waitFor();
  await page.getByRole("button", { name: "Name" }).click();
  await firstRow.getByRole("link", { name: "Zoë" }).waitFor();
  await page.reload();
  await firstRow.getByRole("link", { name: "Zoë" }).waitFor();
  assert.equal(
    await page.getByRole("columnheader", { name: "Name" }).getAttribute("aria-sort"),
    "descending",
  );
  await page.getByRole("button", { name: "Last data" }).click();
  await page.getByRole("button", { name: "Last data" }).click();
  await firstRow.getByRole("link", { name: "Demo Runner" }).waitFor();
});

scenario("odd and long names keep the list in shape", {}, async (stage) => {
  const { page } = stage;
  await createUsers(stage, [
    { first_name: "N".repeat(100), last_name: "a ".repeat(49), external_user_id: "x".repeat(255) },
    { first_name: "מרים", last_name: "לוי", email: "miriam@example.com" },
    { email: `${"long".repeat(15)}@${"example.".repeat(20)}com` },
    { external_user_id: "only-an-id" },
  ]);
  await login(stage, "/users");
  await page.getByRole("link", { name: "מרים לוי" }).waitFor();
  await axe(page);
  await shot(page, "users");
  await page.getByRole("link", { name: /^NNN/ }).click();
  await page.getByRole("heading", { ...heading, name: /^NNN/ }).waitFor();
  await axe(page);
  await shot(page, "user-long");
});

scenario(
  "what fails is told, and tried again",
  { flags: ["--limit-developer=30"] },
  async (stage) => {
    const { page } = stage;
    await login(stage, "/users");
    const again = page.getByRole("main").getByRole("button", { name: "Try again" });
    for (let n = 0; n < 30 && (await again.count()) === 0; n++) {
      await page.reload();
      await page.getByRole("status").or(again).first().waitFor({ state: "attached" });
      await page.waitForLoadState("networkidle");
    }
    await page.getByText("Too many tries. Try again in").waitFor();
    await axe(page);
    await shot(page, "users-error", [390, 1024]);
    await stage.stop(); // a start counts anew
    await stage.again();
    await again.click({ timeout: 2_000 }).catch(() => {}); // the page may have tried by itself
    await page.getByRole("link", { name: "Demo Runner" }).waitFor();
  },
);

scenario("a user more than allowed is refused", { flags: ["--quota-users=1"] }, async (stage) => {
  const { page } = stage;
  await login(stage, "/users");
  await page.getByRole("button", { name: "Create user" }).click();
  await page.getByLabel("First name").fill("Ada");
  await page.getByRole("dialog").getByRole("button", { name: "Create user" }).click();
  const alert = page.getByRole("dialog").getByRole("alert");
  await alert.waitFor();
  assert.match((await alert.textContent()) ?? "", /remove some, or ask the operator for more/);
  assert.equal(await page.getByLabel("First name").inputValue(), "Ada");
  await axe(page);
});

scenario("who was deleted meanwhile cannot be saved", {}, async (stage) => {
  const { page } = stage;
  await login(stage, "/users");
  await act(page, "Demo Runner", "Edit…");
  await page.getByLabel("Last name").fill("Walker");
  await api(stage, "DELETE", `/users/${stage.env.USER_ID}`);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").getByRole("alert").waitFor();
  assert.equal(await page.getByLabel("Last name").inputValue(), "Walker");
  await axe(page);
});

scenario("a list of 10,000 users stays cheap", {}, async (stage) => {
  const { page } = stage;
  const all = Array.from({ length: 9_999 }, (_, n) => ({
    first_name: `User ${n}`,
    email: `user-${n}@example.com`,
  }));
  await createUsers(stage, all);
  await login(stage, "/users");
  await page.getByText("10,000 users").waitFor();
  const [empty, list] = [await script(stage, "/no-such-page"), await script(stage, "/users")];
  console.log(
    `script: ${list.toFixed(0)} ms with 100 of 10,000 users, ${empty.toFixed(0)} ms on an empty page`,
  );
  assert.ok(list < 4 * empty, `the list takes ${list} ms of script, an empty page ${empty} ms`);
  await page.getByRole("button", { name: "Show more" }).click();
  await page.getByRole("row").nth(200).waitFor();
  await many(page.getByRole("row"), 201);
  await page.getByLabel("Search users").fill("user 42");
  await page.getByRole("link", { name: "User 4242" }).waitFor();
});

/** Returns how many milliseconds of script a page takes until it is still, the least of 5. */
async function script(stage: Stage, path: string): Promise<number> {
  const { page } = stage;
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const taken: number[] = [];
  for (let n = 0; n < 5; n++) {
    await stage.go(path);
    await page.getByRole("heading", heading).waitFor();
    await page.waitForLoadState("networkidle");
    const { metrics } = await devtools.send("Performance.getMetrics");
    taken.push((metrics.find(({ name }) => name === "ScriptDuration")?.value ?? 0) * 1000);
  }
  await devtools.detach();
  return Math.min(...taken);
}
