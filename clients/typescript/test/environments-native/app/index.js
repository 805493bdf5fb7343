// An app of React Native. Its host starts it with a job: a user, a token pair and the base
// URL of a server, or nothing, and then the server is the fake one.
import "react-native-get-random-values";
import { createClient, isOffline, keyValueStore, kindOf, userSession } from "@openwearables/sdk";
import { OpenWearablesProvider } from "@openwearables/sdk/react";
import { fakeServer } from "@openwearables/sdk/testing";

const texts = new Map(); // stands for AsyncStorage
const storage = {
  get: async (key) => texts.get(key) ?? null,
  set: async (key, value) => void texts.set(key, value),
  remove: async (key) => void texts.delete(key),
};

globalThis.startApp = async ({ id = "ada", pair, baseUrl }) => {
  const fake = baseUrl ? undefined : fakeServer();
  const { baseUrl: base, fetch } = fake ?? { baseUrl };
  const options = { baseUrl: base, ...(fetch && { fetch }) };
  let asked = 0;
  const tokenProvider = () => {
    asked++;
    return fake ? fake.mint(id) : pair;
  };
  const open = () => {
    const auth = userSession({ store: keyValueStore(storage, "session"), tokenProvider });
    return createClient({ ...options, auth });
  };
  const kind = (call) => call.then(() => "none", kindOf);

  const ow = open();
  const user = await ow.users.get(id);
  const first = (await ow.auth.token()).token.reveal();
  fake?.expire();
  if (!fake) {
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // a token lives for 2 s
  }
  const both = await Promise.all([ow.users.get(id), ow.users.get(id)]);
  const renewed = (await ow.auth.token()).token.reveal() !== first;
  const restarted = await open().users.get(id);

  const c = new AbortController();
  const given = kind(ow.users.get(id, { signal: c.signal }));
  c.abort();
  const { auth } = ow;
  const silent = () => new Promise(() => {});
  const slow = createClient({ baseUrl: base, fetch: silent, auth, timeoutMs: 200 });
  const late = await kind(slow.users.get(id));
  const asking = userSession({ tokenProvider: silent });
  const stuck = createClient({ ...options, auth: asking, timeoutMs: 200 });
  const lateToken = await kind(stuck.users.get(id));
  asking.dispose();

  fake?.fail({ kind: "offline", times: Infinity });
  const provided = userSession({ tokenProvider });
  const away = createClient({
    ...options,
    baseUrl: "http://localhost:1",
    auth: provided,
    retries: 0,
  });
  const offline = await away.users.get(id).catch(isOffline);
  fake?.fail();
  await auth.signOut();
  return {
    provider: typeof OpenWearablesProvider,
    isDate: user.createdAt instanceof Date,
    ids: new Set([user, ...both, restarted].map((u) => u.id)).size,
    renewed,
    asked,
    canceled: await given,
    late,
    lateToken,
    offline,
    after: await kind(ow.users.get(id)),
    kept: texts.size,
  };
};
