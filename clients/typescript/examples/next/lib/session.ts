import { createClient, userSession } from "@openwearables/sdk";
import { type CookieJar, cookieStore } from "@openwearables/sdk/server";
import { cookies } from "next/headers";

export const baseUrl = process.env.OPENWEARABLES_BASE_URL ?? "http://localhost:8000";
const secure = process.env.NODE_ENV === "production";

/** Returns the client of the user of one request, whose session is in an httpOnly cookie. */
export function openClient(jar: CookieJar) {
  return createClient({ baseUrl, auth: userSession({ store: cookieStore(jar, { secure }) }) });
}

/** The same for server actions and route handlers, which can set cookies. */
export async function openClientHere() {
  const jar = await cookies();
  return openClient({
    get: (name) => jar.get(name)?.value,
    set: (name, value, options) => jar.set(name, value, options),
  });
}

/** The same for server components, which cannot: the session is used and not renewed. */
export async function openClientReadOnly() {
  const jar = await cookies();
  return openClient({ get: (name) => jar.get(name)?.value });
}
