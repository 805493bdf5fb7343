import { isUnauthenticated } from "@openwearables/sdk";
import { appCredentials } from "@openwearables/sdk/node";
import { data, redirect } from "react-router";
import { open } from "./session.server.js";

export async function loader({ request }) {
  const { ow, headers } = open(request);
  try {
    await ow.auth.token();
    return data({ user: await ow.users.get(ow.auth.user().id) }, { headers });
  } catch (e) {
    if (!isUnauthenticated(e)) {
      throw e;
    }
    return data({ user: null }, { headers });
  }
}

export async function action({ request }) {
  const { ow, headers } = open(request);
  const user = (await request.formData()).get("user");
  if (user) {
    const app = appCredentials({
      baseUrl: process.env.OPENWEARABLES_BASE_URL,
      appId: process.env.OPENWEARABLES_APP_ID,
      appSecret: process.env.OPENWEARABLES_APP_SECRET,
    });
    await ow.auth.signIn(await app.exchange(user));
  } else {
    await ow.auth.signOut();
  }
  return redirect("/", { headers });
}

export const headers = ({ loaderHeaders }) => loaderHeaders;

export default function Home({ loaderData: { user } }) {
  const date = user?.createdAt instanceof Date ? ", a Date" : "";
  return <p>{`Hello ${user?.firstName ?? "nobody"}${date}`}</p>;
}
