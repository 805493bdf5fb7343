"use server";
import { apiKey, appCredentials, createClient } from "@openwearables/sdk/node";
import { baseUrl, openClientHere } from "../lib/session";

/** Signs in the user of a name. Your own login comes before this. */
export async function signIn(form: FormData) {
  const { OPENWEARABLES_API_KEY = "", OPENWEARABLES_APP_ID = "" } = process.env;
  const backend = createClient({ baseUrl, auth: apiKey(OPENWEARABLES_API_KEY) });
  const externalUserId = String(form.get("name"));
  const [found] = await backend.users.list({ externalUserId }).toArray({ limit: 1 });
  const user = found ?? (await backend.users.create({ externalUserId }));

  const app = appCredentials({
    baseUrl,
    appId: OPENWEARABLES_APP_ID,
    appSecret: process.env.OPENWEARABLES_APP_SECRET ?? "",
  });
  const ow = await openClientHere();
  await ow.auth.signIn(await app.exchange(user.id));
}

export async function signOut() {
  const ow = await openClientHere();
  await ow.auth.signOut();
}
