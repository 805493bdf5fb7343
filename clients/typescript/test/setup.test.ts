import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cookieSession } from "../src/browser.js";
import { createClient, isInvalid, isUnauthenticated, userSession } from "../src/node.js";
import { type Rig, startRig } from "./harness.js";

const rigs: Rig[] = [];
before(async () => {
  rigs.push(...(await Promise.all([startRig({ empty: true }), startRig({ empty: true })])));
});
after(() => Promise.all(rigs.map((rig) => rig.close())));

const reason = (e: unknown) => (e as { reason?: string }).reason;

test("the first developer is created with the setup token, which works once", async () => {
  const { server: baseUrl, email, password, setupToken: token } = rigs[0] as Rig;
  const auth = userSession();
  const ow = createClient({ baseUrl, auth });
  const wrong = ow.setup.createFirstDeveloper({ token: `x${token}`, email, password });
  await assert.rejects(wrong, (e) => isUnauthenticated(e) && reason(e) === "invalid_setup_token");
  const weak = ow.setup.createFirstDeveloper({ token, email, password: "short" });
  await assert.rejects(weak, isInvalid);
  await auth.signIn(await ow.setup.createFirstDeveloper({ token, email, password }));
  assert.equal((await ow.sessions.me()).email, email);
  const again = ow.setup.createFirstDeveloper({ token, email, password });
  await assert.rejects(again, (e) => reason(e) === "invalid_setup_token");
});

test("the session of a dashboard is that of the first developer whom it creates", async () => {
  const { server: baseUrl, email, password, setupToken: token } = rigs[1] as Rig;
  const auth = cookieSession({ baseUrl });
  const dash = createClient({ baseUrl, auth });
  await assert.rejects(auth.createFirstDeveloper({ token: "wrong", email, password }), {
    reason: "invalid_setup_token",
  });
  await auth.createFirstDeveloper({ token, email, password });
  const me = await dash.sessions.me();
  assert.deepEqual([auth.state, auth.user()?.id, me.email], ["signedIn", me.id, email]);
  auth.dispose();
});

test("developers invite others, rename and delete each other", async () => {
  const { server: baseUrl, email, password } = rigs[1] as Rig;
  const auth = cookieSession({ baseUrl });
  const dash = createClient({ baseUrl, auth });
  await auth.login({ email, password });
  const [me] = await dash.developers.list().toArray();
  assert.equal(me?.email, email);
  await assert.rejects(dash.developers.delete(me?.id ?? ""), (e) => reason(e) === "last_developer");

  const revoked = await dash.invitations.create("bob@example.com");
  const twice = dash.invitations.create("bob@example.com");
  await assert.rejects(twice, (e) => reason(e) === "invitation_pending");
  assert.equal((await dash.invitations.revoke(revoked.id)).status, "revoked");

  const made = await dash.invitations.create("ada@example.com");
  const sent = await dash.invitations.resend(made.id);
  assert.notEqual(sent.token.reveal(), made.token.reveal());
  const [listed] = await dash.invitations.list().toArray();
  assert.equal(listed?.token.reveal(), sent.token.reveal());
  assert.ok(!JSON.stringify([made, sent, listed]).includes(sent.token.reveal()));

  const anyone = createClient({ baseUrl });
  const answer = { firstName: "Ada", lastName: "L", password: `${password}x` };
  const old = anyone.invitations.accept({ ...answer, token: made.token.reveal() });
  await assert.rejects(old, (e) => reason(e) === "not_found");
  const ada = await anyone.invitations.accept({ ...answer, token: sent.token.reveal() });
  assert.equal(ada.email, "ada@example.com");
  await assert.rejects(
    anyone.invitations.accept({ ...answer, token: sent.token.reveal() }),
    (e) => reason(e) === "invitation_accepted",
  );
  await assert.rejects(
    dash.invitations.create("ada@example.com"),
    (e) => reason(e) === "developer_exists",
  );

  const renamed = await dash.developers.update(ada.id, { firstName: "Bea", lastName: null });
  assert.deepEqual([renamed.firstName, renamed.lastName], ["Bea", null]);
  assert.deepEqual(await dash.developers.get(ada.id), renamed);
  assert.equal((await dash.developers.delete(ada.id)).id, ada.id);
  assert.equal((await dash.developers.list().toArray()).length, 1);
  auth.dispose();
});
