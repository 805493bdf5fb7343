import {
  apiKey,
  createClient,
  type ExposedTokenPair,
  kindOf,
  memory,
  OpenWearablesError,
  userSession,
} from "../../src/index.js";
import { storedRecord } from "../scenario/world.js";

/** What a Worker is to do. */
export interface Job {
  baseUrl: string;
  /** A URL that redirects. */
  moved: string;
  key: string;
  id: string;
  pair: ExposedTokenPair;
}

/** What came of it: ids, and the kinds or reasons of errors. */
export interface Outcome {
  byKey: string;
  bySession: string;
  renewed: string;
  afterSignOut: string;
  refused: string;
  moved: string;
}

const failed = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (e) => e,
  );

async function run({ baseUrl, moved, key, id, pair }: Job): Promise<Outcome> {
  const byKey = (await createClient({ baseUrl, auth: apiKey(key) }).users.get(id)).id;
  const store = memory();
  await store.save(storedRecord(baseUrl, pair, "expired"), undefined);
  const auth = userSession({ store });
  const ow = createClient({ baseUrl, auth });
  const bySession = (await ow.users.get(id)).id;
  const same = (await auth.token()).token.reveal() === pair.access_token;
  await auth.signOut();
  const closed = createClient({ baseUrl: "http://127.0.0.1:9", auth: apiKey(key), retries: 0 });
  const away = createClient({ baseUrl: moved, auth: apiKey(key) });
  const left = await failed(away.users.get(id));
  return {
    byKey,
    bySession,
    renewed: same ? "it is the old token" : "",
    afterSignOut: kindOf(await failed(ow.users.get(id))),
    refused: kindOf(await failed(closed.users.get(id))),
    moved: left instanceof OpenWearablesError ? left.reason : String(left),
  };
}

export default {
  async fetch(request: Request): Promise<Response> {
    try {
      return Response.json(await run(await request.json()));
    } catch (e) {
      return Response.json({ error: String((e as Error).stack) });
    }
  },
};
