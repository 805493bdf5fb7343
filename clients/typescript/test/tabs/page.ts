import { session } from "../../src/auth.js";
import {
  type Client,
  createClient,
  indexedDb,
  type ResponseInfo,
  type Store,
  webStorage,
} from "../../src/browser.js";
import { systemClock } from "../../src/clock.js";
import { type CookieSession, cookieSessionAt } from "../../src/cookie.js";
import { createCore } from "../../src/engine/core.js";
import { createEngine } from "../../src/engine/engine.js";
import type { ExposedTokenPair } from "../../src/pair.js";
import { TokenRpc } from "../../src/rpc.js";
import { contract } from "../stores/contract.js";

let ahead = 0;
const clock = { wall: () => systemClock.wall() + ahead, mono: () => systemClock.mono() + ahead };
const lost: string[] = [];
const storageErrors: string[] = [];
const told: string[] = [];
const states: string[] = [];
let client: Client;
let dashboard: CookieSession;
let user: Awaited<ReturnType<typeof open>>;

const stores = {
  indexedDb,
  localStorage: (name: string) => webStorage(localStorage, name),
  sessionStorage: (name: string) => webStorage(sessionStorage, name),
};

function open(store: Store) {
  return session((emitter, base) =>
    createEngine(
      createCore(base.url, clock),
      store,
      new TokenRpc(base.bare(false), base.url, clock),
      emitter,
    ),
  ).session;
}

function at(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time - Date.now()));
}

const tab = {
  openUser(baseUrl: string, name: string, kind: keyof typeof stores = "indexedDb") {
    user = open(stores[kind](name));
    user.on("storageError", () => storageErrors.push("storageError"));
    user.on("sessionExpired", () => lost.push("sessionExpired"));
    user.on("signedOut", () => lost.push("signedOut"));
    client = createClient({ baseUrl, auth: user });
  },
  contract: (kind: keyof typeof stores) => contract(() => stores[kind]("contract")),
  advance(ms: number) {
    ahead += ms;
  },
  /** Makes the page hidden or visible to the SDK. A headless page is never really hidden. */
  hide(hidden: boolean) {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  },
  get: async (id: string) => (await client.users.get(id)).id,
  storageErrors: () => storageErrors,
  leave: () => user.signOut(),
  dispose: () => user.dispose(),
  /** Fills localStorage. */
  fill() {
    for (let size = 1 << 22; size > 0; size >>= 1) {
      try {
        localStorage.setItem("full", (localStorage.getItem("full") ?? "") + "x".repeat(size));
      } catch {
        // try a smaller piece
      }
    }
  },
  signIn: (pair: ExposedTokenPair) => user.signIn(pair),
  openDashboard(baseUrl: string) {
    dashboard = cookieSessionAt({ baseUrl }, clock);
    dashboard.on("sessionExpired", () => lost.push("sessionExpired"));
    dashboard.on("signedOut", () => lost.push("signedOut"));
    for (const name of ["signedIn", "tokenRefreshed", "signedOut", "sessionExpired"] as const) {
      dashboard.on(name, (e) => void told.push(`${name} ${JSON.stringify(e)}`));
    }
    client = createClient({ baseUrl, auth: dashboard });
  },
  /** Follows the state of the dashboard. */
  watch: () => void dashboard.subscribe((state) => void states.push(state)),
  states: () => states,
  who: () => dashboard.user()?.id,
  login: (email: string, password: string) => dashboard.login({ email, password }),
  signOut: () => dashboard.signOut(),
  /** Makes calls at the same moment as the other tabs, and resolves with the errors. */
  async trial(userId: string, moment: number): Promise<string[]> {
    await at(moment);
    const call = () => (userId ? client.users.get(userId) : client.sessions.me());
    const results = await Promise.allSettled(Array.from({ length: 5 }, call));
    return results.flatMap((r) => (r.status === "rejected" ? [String(r.reason)] : []));
  },
  async rateLimit() {
    let info: ResponseInfo | undefined;
    const me = await client.sessions.me({
      onResponse: (i) => {
        info = i;
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
  /** The events of the dashboard. */
  told: () => told,
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
