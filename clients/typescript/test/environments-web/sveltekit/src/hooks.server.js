import { createClient, isUnauthenticated, userSession } from "@openwearables/sdk";
import { cookieStore } from "@openwearables/sdk/server";
import { env } from "$env/dynamic/private";

export async function handle({ event, resolve }) {
  const { cookies } = event;
  const jar = {
    get: (name) => cookies.get(name),
    set: (name, value, options) => cookies.set(name, value, options),
  };
  const auth = userSession({ store: cookieStore(jar) });
  event.locals.ow = createClient({ baseUrl: env.OPENWEARABLES_BASE_URL, auth });
  // The response can set a cookie until it is rendered: this is the place to renew.
  await auth.token().catch((e) => {
    if (!isUnauthenticated(e)) {
      throw e;
    }
  });
  return resolve(event);
}
