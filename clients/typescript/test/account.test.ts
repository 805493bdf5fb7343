import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  type Client,
  createClient,
  developerLogin,
  file,
  isNotFound,
  isUnauthenticated,
  memory,
  type Store,
  userSession,
} from "../src/node.js";
import { type Rig, startRig } from "./harness.js";
import { direct, newPerson, type Person, storedRecord } from "./scenario/world.js";

let rig: Rig;
let dev: Client;
let ada: Person;
let bob: Person;
before(async () => {
  rig = await startRig();
  dev = direct(rig.server, rig.developerToken);
  [ada, bob] = await Promise.all([newPerson(dev), newPerson(dev)]);
});
after(() => rig.close());

const reason = (e: unknown) => (e as { reason?: string }).reason;

/** Opens a session of the user on a store, with a count of what its provider was asked. */
function open(store: Store, person: Person | undefined, baseUrl = rig.server) {
  let asked = 0;
  const auth = userSession({
    store,
    ...(person && { userId: person.id }),
    tokenProvider: async () => {
      asked++;
      return dev.tokens.create((person ?? ada).id);
    },
  });
  return { auth, ow: createClient({ baseUrl, auth }), asked: () => asked };
}

const stores: [string, () => Store][] = [
  ["memory", memory],
  ["a file", () => file(join(rig.folder, `${crypto.randomUUID()}.json`))],
];
for (const [name, make] of stores) {
  test(`a second account on the same store gets its own session: ${name}`, async () => {
    const store = make();
    const a = open(store, ada);
    assert.equal((await a.ow.users.get(ada.id)).id, ada.id);
    assert.equal(JSON.parse((await store.load()) ?? "").user_id, ada.id);

    const silent = userSession({ store, userId: "carol" });
    const nobody = createClient({ baseUrl: rig.server, auth: silent });
    const before = await store.load();
    await assert.rejects(nobody.users.get(ada.id), (e) => reason(e) === "signed_out");
    await silent.signOut();
    assert.equal(await store.load(), before, "another user's session is not deleted");
    assert.equal((await direct(rig.server, await token(before)).users.get(ada.id)).id, ada.id);

    const b = open(store, bob);
    assert.equal((await b.ow.users.get(bob.id)).id, bob.id);
    await assert.rejects(b.ow.users.get(ada.id));
    assert.equal(b.asked(), 1);
    assert.equal(JSON.parse((await store.load()) ?? "").user_id, bob.id);

    const again = open(store, bob);
    assert.equal((await again.ow.users.get(bob.id)).id, bob.id);
    assert.equal(again.asked(), 0);
    const any = open(store, undefined);
    assert.equal((await any.ow.users.get(bob.id)).id, bob.id);
  });
}

async function token(raw: string | undefined): Promise<string> {
  return JSON.parse(raw ?? "").access_token;
}

test("a record without a user is that of its token's subject", async () => {
  const store = memory();
  await store.save(storedRecord(rig.server, ada.pair, "fresh"), undefined);
  const mine = open(store, ada);
  assert.equal((await mine.ow.users.get(ada.id)).id, ada.id);
  assert.equal(mine.asked(), 0);
  const other = open(store, bob);
  assert.equal((await other.ow.users.get(bob.id)).id, bob.id);
  assert.equal(other.asked(), 1);

  const opaque = { access_token: "opaque", refresh_token: "x", expires_in: 3600 };
  const old = memory();
  await old.save(storedRecord(rig.server, opaque, "fresh"), undefined);
  assert.equal((await open(old, ada).auth.token()).token.reveal().length > 10, true);
  const any = memory();
  await any.save(storedRecord(rig.server, opaque, "fresh"), undefined);
  assert.equal((await open(any, undefined).auth.token()).token.reveal(), "opaque");
});

test("a record without a user serves the app's own id, and a renewal writes that into it", async () => {
  for (const userId of ["mine", "ada@example.com"]) {
    const store = memory();
    await store.save(storedRecord(rig.server, (await newPairOf(ada)).pair, "expired"), undefined);
    const auth = userSession({ store, userId });
    const ow = createClient({ baseUrl: rig.server, auth });
    assert.equal((await ow.users.get(ada.id)).id, ada.id);
    assert.equal(JSON.parse((await store.load()) ?? "").user_id, userId);
    const other = userSession({ store, userId: "other" });
    createClient({ baseUrl: rig.server, auth: other });
    await assert.rejects(other.token(), (e) => reason(e) === "signed_out");
  }
  const store = memory();
  const old = storedRecord(rig.server, ada.pair, "fresh");
  await store.save(old, undefined);
  for (const userId of [bob.id, bob.id.toUpperCase()]) {
    const other = userSession({ store, userId });
    createClient({ baseUrl: rig.server, auth: other });
    await assert.rejects(other.token(), (e) => reason(e) === "signed_out", userId);
  }
});

test("another base URL finds the store empty, and signs in there", async () => {
  const proxy = await rig.proxy();
  const store = memory();
  const there = open(store, ada, proxy);
  await there.ow.users.get(ada.id);
  const silent = createClient({ baseUrl: rig.server, auth: userSession({ store }) });
  const before = await store.load();
  await assert.rejects(silent.users.get(ada.id), isUnauthenticated);
  assert.equal(await store.load(), before);
  const here = open(store, ada);
  assert.equal((await here.ow.users.get(ada.id)).id, ada.id);
  assert.equal(JSON.parse((await store.load()) ?? "").base_url, rig.server);
  assert.equal(here.asked(), 1);
  await here.auth.signIn(await dev.tokens.create(ada.id));
  await here.auth.signOut();
  assert.equal(await store.load(), undefined);
});

test("a renewal keeps the user of the record, and finds that another one signed in", async () => {
  const store = memory();
  const old = storedRecord(rig.server, (await newPairOf(ada)).pair, "expired");
  await store.save(JSON.stringify({ ...JSON.parse(old), user_id: "mine" }), undefined);
  const auth = userSession({ store });
  let out = 0;
  auth.on("signedOut", () => out++);
  const ow = createClient({ baseUrl: rig.server, auth });
  await ow.users.get(ada.id);
  const renewed = await store.load();
  assert.equal(JSON.parse(renewed ?? "").user_id, "mine");

  const named = userSession({ store, userId: "mine" });
  const mine = createClient({ baseUrl: rig.server, auth: named });
  named.on("signedOut", () => out++);
  await mine.users.get(ada.id);
  const expired = storedRecord(rig.server, bob.pair, "fresh");
  await store.save(JSON.stringify({ ...JSON.parse(expired), user_id: "other" }), renewed);
  assert.equal((await mine.users.get(ada.id)).id, ada.id, "the token in memory still works");
  await dev.tokens.revokeAll(ada.id);
  await assert.rejects(mine.users.get(ada.id), isUnauthenticated);
  assert.equal(out, 1);
  assert.equal(JSON.parse((await store.load()) ?? "").user_id, "other");
});

test("A phone is paired with a code, once, and stays signed in", async () => {
  const made = await dev.tokens.createPairingCode(ada.id);
  assert.equal(made.userId, ada.id);
  assert.ok(!String(made.code).includes(made.code.reveal()));
  const typed = ` ${made.code.reveal().slice(0, 4).toLowerCase()}-${made.code.reveal().slice(4)}`;
  const nobody = createClient({ baseUrl: rig.server });
  const { pair, userId } = await nobody.tokens.redeemPairingCode(typed);
  assert.equal(userId, ada.id);
  const session = userSession({ userId });
  const phone = createClient({ baseUrl: rig.server, auth: session });
  await session.signIn(pair);
  assert.equal((await phone.users.get(ada.id)).id, ada.id);
  await assert.rejects(nobody.tokens.redeemPairingCode(typed), isNotFound);
});

async function newPairOf(person: Person): Promise<Person> {
  return { id: person.id, pair: (await dev.tokens.create(person.id)).expose() };
}

test("developers with different addresses do not share a session", async () => {
  const store = memory();
  const { email, password } = rig;
  const first = developerLogin({ email, password, store });
  await createClient({ baseUrl: rig.server, auth: first }).sessions.me();
  const same = developerLogin({ email: ` ${email.toUpperCase()}`, password: "unused", store });
  assert.equal(
    (await createClient({ baseUrl: rig.server, auth: same }).sessions.me()).email,
    email,
  );
  const other = developerLogin({ email: "other@example.com", password: "wrong", store });
  await assert.rejects(createClient({ baseUrl: rig.server, auth: other }).sessions.me());
});
