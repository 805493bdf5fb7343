import assert from "node:assert/strict";
import { test } from "node:test";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { createClient, isInvalid, userSession } from "../src/index.js";
import { OpenWearablesProvider, useOpenWearables, useSession } from "../src/react.js";
import { fakeServer } from "../src/testing.js";

function Status() {
  const { state, user } = useSession();
  return createElement("p", {}, `${useOpenWearables().baseUrl} ${state} ${user?.id}`);
}

test("while a server renders, the state is unknown and nothing is asked", async () => {
  const server = fakeServer();
  const auth = userSession({ tokenProvider: () => server.mint("ada") });
  const client = createClient({ baseUrl: server.baseUrl, fetch: server.fetch, auth });
  const page = createElement(OpenWearablesProvider, { client }, createElement(Status));
  assert.equal(renderToString(page), `<p>${server.baseUrl} unknown undefined</p>`);
  assert.equal(auth.state, "unknown");
});

test("a component without a provider above says so", () => {
  assert.throws(
    () => renderToString(createElement(Status)),
    (e) => isInvalid(e),
  );
});
