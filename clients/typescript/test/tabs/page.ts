import { session } from "../../src/auth.js";
import { type Client, createClient, indexedDb, responseInfo } from "../../src/browser.js";
import { systemClock } from "../../src/clock.js";
import { type CookieSession, cookieSessionAt } from "../../src/cookie.js";
import { Engine } from "../../src/engine/engine.js";
import type { ExposedTokenPair } from "../../src/pair.js";
import { TokenRpc } from "../../src/rpc.js";

let ahead = 0;
const clock = { wall: () => systemClock.wall() + ahead, mono: () => systemClock.mono() + ahead };
const lost: string[] = [];
let client: Client;
let dashboard: CookieSession;
let user: Awaited<ReturnType<typeof open>>;

function open(name: string) {
  return session(
    (emitter, base) =>
      new Engine(
        base.url,
        indexedDb(name),
        new TokenRpc(base.bare(false), base.url, clock, false),
        clock,
        emitter,
      ),
  ).session;
}

function at(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time - Date.now()));
}

const tab = {
  openUser(baseUrl: string, name: string) {
    user = open(name);
    user.on("sessionExpired", () => lost.push("sessionExpired"));
    user.on("signedOut", () => lost.push("signedOut"));
    client = createClient({ baseUrl, auth: user });
  },
  signIn: (pair: ExposedTokenPair) => user.signIn(pair),
  openDashboard(baseUrl: string) {
    dashboard = cookieSessionAt({ baseUrl }, clock);
    dashboard.on("sessionExpired", () => lost.push("sessionExpired"));
    dashboard.on("signedOut", () => lost.push("signedOut"));
    client = createClient({ baseUrl, auth: dashboard });
  },
  login: (email: string, password: string) => dashboard.login({ email, password }),
  signOut: () => dashboard.signOut(),
  /** Lets the token run out, then makes calls at a moment that all tabs share. */
  async trial(userId: string, moment: number): Promise<string[]> {
    ahead += 3_700_000;
    await at(moment);
    const call = () => (userId ? client.users.get(userId) : client.sessions.me());
    const results = await Promise.allSettled(Array.from({ length: 5 }, call));
    return results.flatMap((r) => (r.status === "rejected" ? [String(r.reason)] : []));
  },
  async rateLimit() {
    let info: ReturnType<typeof responseInfo> | undefined;
    const me = await client.sessions.me({
      onHeader: (h) => {
        info = responseInfo(h);
      },
    });
    return { email: me.email, remaining: info?.rateLimit?.remaining, requestId: info?.requestId };
  },
  async failed() {
    try {
      await client.sessions.me();
      return "";
    } catch (e) {
      return (e as { reason: string }).reason;
    }
  },
  lost: () => lost,
  cookies: () => document.cookie,
  async stored() {
    const found: string[] = [JSON.stringify({ ...localStorage, ...sessionStorage })];
    for (const { name } of await indexedDB.databases()) {
      const db = await new Promise<IDBDatabase>((resolve) => {
        const r = indexedDB.open(name ?? "");
        r.onsuccess = () => resolve(r.result);
      });
      for (const store of db.objectStoreNames) {
        const all = db.transaction(store).objectStore(store).getAll();
        await new Promise((resolve) => {
          all.onsuccess = resolve;
        });
        found.push(JSON.stringify(all.result));
      }
      db.close();
    }
    return found.join("\n");
  },
};

export type Tab = typeof tab;
Object.assign(globalThis, { tab });
