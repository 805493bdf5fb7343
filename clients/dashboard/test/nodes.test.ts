import assert from "node:assert/strict";
import { test } from "node:test";
import { type Nodes, startNodes } from "./nodes.js";
import { account, fillLogin, finish, start } from "./stage.js";

const email = "ada@example.com";
const password = "a violet otter in a canyon";

test("three nodes on PostgreSQL are one server to the dashboard", async () => {
  const nodes = await startNodes(3, { fresh: true });
  const stage = await start({ server: Promise.resolve(nodes) });
  try {
    await walk(stage, nodes);
  } finally {
    await finish(stage);
  }
});

async function walk(stage: Awaited<ReturnType<typeof start>>, { nodes, sent }: Nodes) {
  const { page } = stage;
  await page.goto(stage.setupUrl); // that of one node, and any may answer
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Create developer" }).click();
  await page.getByRole("button", { name: "Create key" }).click();
  const secret = await page.getByLabel("API key").inputValue();
  await page.getByRole("button", { name: "I have stored it" }).click();
  const res = await fetch(`${stage.url}/api/v1/users`, {
    headers: { Authorization: `Bearer ${secret}`, "User-Agent": "curl/8.0" },
  });
  assert.equal(res.status, 200);
  await page.getByText("It works: GET /users by curl").waitFor(); // another node was asked
  await page.getByRole("link", { name: "Go to the dashboard" }).click();

  await nodes[0]?.stop();
  const side = page.getByRole("complementary");
  for (const name of ["API keys", "Users", "Team", "Settings"]) {
    await side.getByRole("link", { name, exact: true }).click();
    await page.getByRole("heading", { level: 1, name }).waitFor();
    await page.reload(); // the session is renewed at whichever node
    await account(page, email).waitFor();
  }
  await account(page, email).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await page.waitForURL(`${stage.url}/login`);
  stage.env.EMAIL = email;
  stage.env.PASSWORD = password;
  await fillLogin(stage);
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  assert.ok(
    sent.every((n) => n > 5),
    `the nodes were sent ${sent} requests`,
  );
}
