import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { alerts, flags, leak } from "./alerts.js";
import { assertGone } from "./secrets.js";
import { api, axe, login, scenario, shot } from "./stage.js";

interface Message {
  headers: IncomingHttpHeaders;
  body: string;
}

/** A service on this machine that receives messages, and answers as it is told. */
async function receiver() {
  const messages: Message[] = [];
  const answer = { status: 204 };
  const server = createServer(async (req, res) => {
    let body = "";
    for await (const data of req) body += data;
    messages.push({ headers: req.headers, body });
    res.writeHead(answer.status).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/alerts`,
    messages,
    answer,
    close: () => server.close(),
  };
}

/** Whether a message was signed with a secret, as Standard Webhooks says. */
function signed({ headers, body }: Message, secret: string): boolean {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const text = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const mac = createHmac("sha256", key).update(text).digest("base64");
  return String(headers["webhook-signature"]).split(" ").includes(`v1,${mac}`);
}

scenario("a webhook is added, and receives a test and alerts", { flags }, async (stage) => {
  const { page } = stage;
  const to = await receiver();
  try {
    await login(stage, "/alerts?tab=webhooks");
    await page.getByText("No webhooks yet").waitFor();
    await axe(page);
    await shot(page, "webhooks-none", [390, 1024]);
    await page.getByRole("button", { name: "Add webhook" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Address").fill("example.com");
    await dialog.getByRole("button", { name: "Add webhook" }).click();
    await dialog.getByText("Type a whole address, such as https://example.com/alerts.").waitFor();
    await dialog.getByLabel("Address").fill("http://example.com/alerts");
    await dialog.getByRole("button", { name: "Add webhook" }).click();
    await dialog.locator("[aria-invalid]").waitFor(); // the server's own words, in the field
    await axe(page);
    await shot(page, "webhook-create", [390, 1024]);
    await dialog.getByLabel("Address").fill(to.url);
    await dialog.getByLabel("Description").fill("On-call channel");
    await dialog.getByRole("button", { name: "Add webhook" }).click();
    const secret = await dialog.getByLabel("Signing secret").inputValue();
    assert.match(secret, /^whsec_/);
    await page.keyboard.press("Escape"); // it must not be lost
    await axe(page);
    await dialog.getByRole("button", { name: "I have stored it" }).click();
    await page.getByRole("heading", { level: 1, name: "On-call channel" }).waitFor();
    await assertGone(page, secret);
    assert.ok(!stage.log().includes(secret), "the secret is in the log");
    await page.getByText("Nothing was sent yet").waitFor();
    await axe(page);

    await page.getByRole("button", { name: "Send a test" }).click();
    await page.getByText(/The test arrived. Answered 204 in \d+ ms./).waitFor();
    await page.getByRole("cell", { name: "Delivered" }).waitFor();
    assert.equal(to.messages.length, 1);
    assert.ok(to.messages[0] && signed(to.messages[0], secret), "the test is not signed");
    to.answer.status = 503;
    await page.getByRole("button", { name: "Send a test" }).click();
    await page.getByText(/The test did not arrive. .*503/).waitFor();
    await page.getByRole("cell", { name: "Failed" }).waitFor();
    to.answer.status = 204;
    await leak(stage, ["Billing service"]);
    await page.getByText("An alert opened").nth(1).waitFor({ timeout: 40_000 }); // by itself
    await axe(page);
    await shot(page, "webhook");
  } finally {
    to.close();
  }
});

scenario("a webhook is rotated, changed, disabled and deleted", {}, async (stage) => {
  const { page } = stage;
  const to = await receiver();
  try {
    const { id, secret } = await api<{ id: string; secret: string }>(
      stage,
      "POST",
      "/webhook-endpoints",
      { url: to.url, description: "On-call channel" },
    );
    await login(stage, `/webhooks/${id}`);
    const dialog = page.getByRole("dialog");
    await page.getByRole("button", { name: "Actions of On-call channel" }).click();
    await page.getByRole("menuitem", { name: "Rotate secret…" }).click();
    await axe(page);
    await shot(page, "webhook-rotate", [390, 1024]);
    await dialog.getByRole("button", { name: "Rotate" }).click();
    const next = await dialog.getByLabel("Signing secret").inputValue();
    assert.notEqual(next, secret);
    await page.evaluate(() => history.pushState(null, "", "/team"));
    await page.getByText("Leave without saving?").waitFor(); // the secret is on the screen
    await page.getByRole("button", { name: "Stay" }).click();
    await dialog.getByRole("button", { name: "I have stored it" }).click();
    await dialog.waitFor({ state: "detached" });
    await assertGone(page, next);
    await page.getByText(/signs too until/).waitFor();
    await page.getByRole("button", { name: "Send a test" }).click();
    await page.getByText(/The test arrived/).waitFor();
    const last = to.messages.at(-1);
    assert.ok(last && signed(last, secret) && signed(last, next), "not signed by both secrets");

    await page.getByRole("button", { name: "Actions of On-call channel" }).click();
    await page.getByRole("menuitem", { name: "Edit…" }).click();
    await dialog.getByLabel("Description").fill("");
    await dialog.getByLabel("An alert was resolved").uncheck();
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { level: 1, name: new URL(to.url).host }).waitFor();
    await page.getByRole("button", { name: /^Actions of/ }).click();
    await page.getByRole("menuitem", { name: "Disable" }).click();
    await page.getByText("Disabled", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("Active", { exact: true }).waitFor();

    await page.getByRole("link", { name: "Webhooks" }).click();
    await page.getByText(/Answered 204/).waitFor();
    await axe(page);
    await shot(page, "webhooks");
    await page.getByRole("link", { name: new URL(to.url).host }).click();
    await page.getByRole("button", { name: /^Actions of/ }).click();
    await page.getByRole("menuitem", { name: "Delete…" }).click();
    await axe(page);
    await shot(page, "webhook-delete", [390, 1024]);
    await dialog.getByRole("button", { name: "Delete webhook" }).click();
    await page.getByText("No webhooks yet").waitFor();
  } finally {
    to.close();
  }
});

scenario("a webhook that is gone says so, and is enabled again", { flags }, async (stage) => {
  const { page } = stage;
  const to = await receiver();
  try {
    to.answer.status = 410;
    const made = await api<{ id: string }>(stage, "POST", "/webhook-endpoints", { url: to.url });
    await leak(stage, ["Billing service"]);
    await alerts(stage, 2);
    await login(stage, "/alerts");
    const row = page.getByRole("row").filter({ hasText: made.id });
    await row.getByRole("button", { name: "What to do" }).click();
    await page.getByRole("dialog").getByRole("link", { name: "Open the webhook" }).click();
    await page.waitForURL(`${stage.url}/webhooks/${made.id}`);
    await page.getByText(/the receiver answered 410/).waitFor();
    await axe(page);
    await shot(page, "webhook-gone");
    await page.getByRole("button", { name: "Enable" }).click();
    await page.getByText("Active", { exact: true }).waitFor();
    await stage.go("/alerts?tab=history");
    await page.getByRole("row").filter({ hasText: made.id }).waitFor(); // it was resolved by that
  } finally {
    to.close();
  }
});

scenario(
  "a webhook too many is refused in words, and an unknown one is not found",
  {},
  async (stage) => {
    const { page } = stage;
    for (let n = 0; n < 20; n++) {
      await api(stage, "POST", "/webhook-endpoints", {
        url: `https://example.com/${"long/".repeat(n * 4)}${n}`,
        description:
          n === 0 ? `${"A very long description ".repeat(4)}אב`.slice(0, 100) : `Team ${n}`,
      });
    }
    await login(stage, "/alerts?tab=webhooks");
    await page.getByText("Team 19").waitFor();
    await axe(page);
    await shot(page, "webhooks-many", [390, 1600]);
    await page.getByRole("button", { name: "Add webhook" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Address").fill("https://example.com/one-more");
    await dialog.getByRole("button", { name: "Add webhook" }).click();
    await dialog.getByText(/remove some, or ask the operator for more/).waitFor();
    await axe(page);
    await page.keyboard.press("Escape");
    await page.getByRole("row").filter({ hasText: "Team 7" }).getByRole("link").click();
    await page.getByRole("heading", { level: 1, name: "Team 7" }).waitFor();
    await stage.go("/webhooks/we_unknown");
    await page.getByText("There is no such webhook.").waitFor();
    await axe(page);
  },
);
