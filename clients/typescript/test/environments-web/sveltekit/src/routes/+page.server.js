import { appCredentials } from "@openwearables/sdk/node";
import { env } from "$env/dynamic/private";

export async function load({ locals: { ow } }) {
  const id = ow.auth.user()?.id;
  return { user: id ? await ow.users.get(id) : null };
}

export const actions = {
  async login({ locals: { ow }, request }) {
    const app = appCredentials({
      baseUrl: env.OPENWEARABLES_BASE_URL,
      appId: env.OPENWEARABLES_APP_ID,
      appSecret: env.OPENWEARABLES_APP_SECRET,
    });
    await ow.auth.signIn(await app.exchange((await request.formData()).get("user")));
  },
  logout: ({ locals: { ow } }) => ow.auth.signOut(),
};
