import type { Transport } from "@connectrpc/connect";
import { isUnauthenticated } from "@openwearables/sdk";
import { type CookieSession, cookieSession } from "@openwearables/sdk/browser";
import { createTransport } from "@openwearables/sdk/connect";
import { useSyncExternalStore } from "react";
import { letGo } from "./guard";
import { queries } from "./queries";

/** The session of the developer who uses the dashboard, in a cookie. */
export let auth: CookieSession;
/** Calls this server with the session. */
export let transport: Transport;

export type SessionState = "unknown" | "signedOut" | "expired" | "signedIn";

let state: SessionState = "unknown";
let whose: string | undefined;
let waited = false;
let chosen = false;
const watchers = new Set<() => void>();

/**
 * Opens the session and begins to find out whether somebody is signed in. It must be called
 * once, before the first render, on a page to whose address a browser sends the cookie.
 */
export function openSession(): void {
  auth = cookieSession({ baseUrl: location.origin });
  transport = createTransport({ baseUrl: location.origin, auth });
  auth.on("sessionExpired", () => move("expired"));
  auth.subscribe((next) => {
    if (next === "signedIn") welcome(auth.user()?.id);
    if (next !== "signedOut") return move(next);
    // That the server ended it is told after this.
    window.setTimeout(() => auth.state === "signedOut" && state !== "expired" && move(next));
  });
  auth.token().catch((e) => {
    if (isUnauthenticated(e)) return; // the state tells
    waited = true;
    tell();
  });
}

/** Notes who is signed in. Somebody else gets nothing to see of the one before. */
function welcome(id: string | undefined): void {
  remember(true);
  chosen = false;
  if (whose && whose !== id) {
    letGo();
    queries.clear();
    location.replace("/");
  } else if (state === "expired") {
    void queries.invalidateQueries();
  }
  whose = id;
}

function move(next: SessionState): void {
  if (next === "signedOut" || next === "expired") remember(false);
  if (next === "signedOut") {
    chosen = whose !== undefined;
    whose = undefined;
    queries.clear();
    letGo();
  }
  state = next;
  tell();
}

function tell(): void {
  for (const watcher of watchers) watcher();
}

/** Keeps for the next load whether somebody was signed in, so that it shows the page or the login at once. */
function remember(known: boolean): void {
  try {
    if (known) localStorage.setItem("known", "1");
    else localStorage.removeItem("known");
  } catch {}
}

function wasKnown(): boolean {
  try {
    return localStorage.getItem("known") === "1";
  } catch {
    return true;
  }
}

const subscribe = (watcher: () => void) => {
  watchers.add(watcher);
  return () => void watchers.delete(watcher);
};

/** Returns the state of the session. `expired` is signed out by the server, not by a person. */
export function useSession(): SessionState {
  return useSyncExternalStore(subscribe, () => state);
}

/** Whether to show pages while it is unknown who is signed in: somebody was, or the server does not answer. */
export function mayShow(): boolean {
  return waited || wasKnown();
}

/** Whether a person logged out, here or in another tab: the next login begins anew. */
export const wasLoggedOut = (): boolean => chosen;

/** Ends the session, in every tab. The server may be out of reach: this browser is signed out in any case. */
export async function logOut(): Promise<void> {
  await auth.signOut().catch(() => {});
  move("signedOut"); // of a session that ended before, too
}
