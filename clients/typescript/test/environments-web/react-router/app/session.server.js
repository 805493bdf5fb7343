import { createClient, userSession } from "@openwearables/sdk";
import { cookieStore } from "@openwearables/sdk/server";

/** Returns the client of one request, and the headers that its response needs. */
export function open(request) {
  const headers = new Headers();
  const cookies = request.headers.get("Cookie") ?? "";
  const jar = {
    get: (name) => new RegExp(`(?:^|; )${name}=([^;]*)`).exec(cookies)?.[1],
    set(name, value, { maxAge, path }) {
      const options = `Max-Age=${maxAge}; Path=${path}; HttpOnly; Secure; SameSite=Lax`;
      headers.append("Set-Cookie", `${name}=${value}; ${options}`);
    },
  };
  const auth = userSession({ store: cookieStore(jar) });
  return { ow: createClient({ baseUrl: process.env.OPENWEARABLES_BASE_URL, auth }), headers };
}
