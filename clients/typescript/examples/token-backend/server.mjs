// A backend that keeps an application's secret, and gives each user who is signed in here
// tokens for that user's own data.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { apiKey, appCredentials, createClient } from "@openwearables/sdk/node";

const {
  OPENWEARABLES_BASE_URL: baseUrl = "http://localhost:8000",
  OPENWEARABLES_API_KEY = "",
  OPENWEARABLES_APP_ID = "",
  OPENWEARABLES_APP_SECRET = "",
  PORT = "8080",
} = process.env;
const ow = createClient({ baseUrl, auth: apiKey(OPENWEARABLES_API_KEY) });
const app = appCredentials({
  baseUrl,
  appId: OPENWEARABLES_APP_ID,
  appSecret: OPENWEARABLES_APP_SECRET,
});

/** Who is signed in, by session cookie. Your own login stands here. */
const sessions = new Map();

const routes = {
  "POST /api/login": async (req, res) => {
    const { name } = await read(req);
    const id = randomUUID();
    sessions.set(id, String(name));
    res.setHeader("Set-Cookie", `session=${id}; Path=/api; HttpOnly; SameSite=Strict`);
    return { name };
  },

  "POST /api/logout": (req, res) => {
    sessions.delete(sessionOf(req));
    res.setHeader("Set-Cookie", "session=; Path=/api; Max-Age=0");
    return {};
  },

  // The token provider of the page. It answers 401 if nobody is signed in here.
  "POST /api/ow-token": async (req, res) => {
    const name = sessions.get(sessionOf(req));
    if (name === undefined) {
      res.statusCode = 401;
      return { message: "nobody is signed in" };
    }
    const user = await findOrCreate(name);
    const pair = await app.exchange(user.id);
    return pair.expose();
  },
};

/** Returns the user of Open Wearables for a user of this app. */
async function findOrCreate(externalUserId) {
  const [found] = await ow.users.list({ externalUserId }).toArray({ limit: 1 });
  return found ?? (await ow.users.create({ externalUserId }));
}

const sessionOf = (req) => /(?:^|; )session=([\w-]+)/.exec(req.headers.cookie ?? "")?.[1];

async function read(req) {
  let text = "";
  for await (const chunk of req) {
    text += chunk;
    if (text.length > 1000) {
      throw new Error("the request is too long");
    }
  }
  return JSON.parse(text);
}

const server = createServer(async (req, res) => {
  try {
    const route = routes[`${req.method} ${req.url}`];
    // A page of another site cannot send this type without asking first.
    const isJson = req.headers["content-type"] === "application/json";
    res.statusCode = route ? (isJson ? 200 : 415) : 404;
    const body = route && isJson ? await route(req, res) : {};
    res.setHeader("Content-Type", "application/json");
    res.setHeader("Cache-Control", "no-store");
    res.end(JSON.stringify(body));
  } catch (e) {
    console.error(e);
    res.writeHead(502).end();
  }
});
server.listen(Number(PORT), "localhost", () => {
  console.log(`http://localhost:${server.address().port}`);
});
