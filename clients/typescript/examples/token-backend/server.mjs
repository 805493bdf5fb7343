// A backend that keeps an application's secret. It sends tokens of its signed-in user
// to a web page, which calls the API with them.
//
//   OPENWEARABLES_BASE_URL  such as http://localhost:8000
//   OPENWEARABLES_APP_ID, OPENWEARABLES_APP_SECRET  of an application
//   OPENWEARABLES_API_KEY   with the scope users:write, to create the user
//
// npm install && npm run build && npm start, then open http://localhost:8080. The build
// also builds the SDK, two folders up.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { apiKey, appCredentials, createClient } from "@openwearables/sdk/node";

const env = (name) => process.env[name] ?? "";
const baseUrl = env("OPENWEARABLES_BASE_URL");
const ow = createClient({ baseUrl, auth: apiKey(env("OPENWEARABLES_API_KEY")) });
const app = appCredentials({
  baseUrl,
  appId: env("OPENWEARABLES_APP_ID"),
  appSecret: env("OPENWEARABLES_APP_SECRET"),
});

// Your own session cookie identifies the user; here everybody is Ada.
const ada = await findOrCreate("ada");

async function findOrCreate(externalUserId) {
  const [found] = await ow.users.list({ externalUserId }).toArray();
  return found ?? (await ow.users.create({ externalUserId }));
}

const files = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/page.js": ["dist/page.js", "text/javascript; charset=utf-8"],
};

const server = createServer(async (req, res) => {
  try {
    if (req.method === "POST" && req.url === "/ow-token") {
      // A page of another site cannot send this type without a preflight.
      if (req.headers["content-type"] !== "application/json") {
        res.writeHead(415).end();
        return;
      }
      const pair = await app.exchange(ada.id);
      res.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" });
      res.end(JSON.stringify({ ...pair.expose(), user_id: ada.id, base_url: baseUrl }));
      return;
    }
    const [name, type] = files[req.url] ?? [];
    if (!name) {
      res.writeHead(404).end();
      return;
    }
    const body = await readFile(new URL(name, import.meta.url));
    res.writeHead(200, { "Content-Type": type }).end(body);
  } catch (e) {
    console.error(e);
    res.writeHead(502).end();
  }
});
server.listen(Number(env("PORT") || 8080), "127.0.0.1", () => {
  console.log(`http://localhost:${server.address().port}`);
});
