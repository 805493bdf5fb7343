import { cookieSession } from "@openwearables/sdk/browser";

/**
 * For the page at /docs/reference: its calls of the API use the session of the dashboard, which all
 * tabs share and renew together. Who enters a credential there uses that one.
 */

/** A request of Swagger UI. */
interface Request {
  url: string;
  headers: Record<string, string>;
}

// Elsewhere a browser keeps no session.
const auth = window.isSecureContext ? cookieSession({ baseUrl: location.origin }) : undefined;

/** Adds the session's token to a request of the API without a credential. */
async function withSession(request: Request): Promise<Request> {
  const { origin, pathname } = new URL(request.url, location.href);
  const names = Object.keys(request.headers).map((name) => name.toLowerCase());
  const has = names.includes("authorization") || names.includes("x-open-wearables-api-key");
  if (!auth || has || origin !== location.origin || !pathname.startsWith("/api/")) return request;
  const token = await auth.token({ userInitiated: true }).then(
    (found) => found.token.reveal(),
    () => "", // nobody is signed in: the API says so
  );
  if (token) request.headers.Authorization = `Bearer ${token}`;
  return request;
}

auth?.subscribe((state) => {
  const note = document.getElementById("session");
  if (note) note.hidden = state !== "signedIn";
});

Object.assign(window, { withSession }); // the script of that page calls it
