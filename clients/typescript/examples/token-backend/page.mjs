import {
  createClient,
  indexedDb,
  isUnauthenticated,
  userSession,
} from "@openwearables/sdk/browser";

const show = (text) => {
  document.querySelector("output").textContent = text;
};

async function fetchPair(signal) {
  const res = await fetch("/ow-token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    signal,
  });
  if (!res.ok) {
    throw new Error(`the backend answered ${res.status}`);
  }
  return res.json();
}

const first = await fetchPair();
const auth = userSession({
  store: indexedDb("token-backend"),
  tokenProvider: ({ signal }) => fetchPair(signal),
});
const ow = createClient({ baseUrl: first.base_url, auth });
try {
  const user = await ow.users.get(first.user_id);
  let workouts = 0;
  for await (const _ of ow.workouts.list({
    userId: user.id,
    startDate: "2026-01-01",
    endDate: "2026-12-31",
  })) {
    workouts++;
  }
  show(`${user.externalUserId} has ${workouts} workouts`);
} catch (e) {
  show(isUnauthenticated(e) ? "please sign in" : e.message);
}
