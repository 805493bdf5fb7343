import { createClient, indexedDb, userSession, type Workout } from "@openwearables/sdk/browser";
import { fetchTokens, login, logout } from "./backend.js";

// One session for all tabs of this origin. The provider is asked once; from then on the SDK
// renews the tokens by itself, and after a reload they are still there.
const auth = userSession({
  store: indexedDb("web-app"),
  tokenProvider: ({ signal }) => fetchTokens(signal as AbortSignal),
});
const baseUrl = import.meta.env.VITE_OPENWEARABLES_BASE_URL ?? "http://localhost:8000";
const ow = createClient({ baseUrl, auth });

const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const form = find<HTMLFormElement>("sign-in");
const list = find<HTMLUListElement>("workouts");
const message = find("message");
const signOut = find<HTMLButtonElement>("sign-out");

// The listener hears the present state, and each one that follows, also from other tabs. While
// the state is "unknown", neither the form nor the list is shown: a reload does not flicker.
auth.subscribe((state) => {
  form.hidden = state !== "signedOut";
  signOut.hidden = list.hidden = state !== "signedIn";
  if (state === "signedIn") {
    attempt(showWorkouts);
  }
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    await login(String(new FormData(form).get("name")));
    await auth.signIn(await fetchTokens());
  });
});

signOut.addEventListener("click", () =>
  attempt(async () => {
    await logout();
    await auth.signOut();
    list.replaceChildren();
  }),
);

async function showWorkouts(): Promise<void> {
  const userId = auth.user()?.id as string;
  const endDate = new Date();
  const startDate = new Date(endDate.getTime() - 28 * 86_400_000);
  const workouts = await ow.workouts.list({ userId, startDate, endDate }).toArray({ limit: 50 });
  list.replaceChildren(...workouts.map(row));
  if (!workouts.length) {
    say("There are no workouts of the last four weeks.");
  }
}

function row({ name, type, startTime, durationSeconds, distanceMeters }: Workout): HTMLLIElement {
  const item = document.createElement("li");
  const day = startTime.toLocaleDateString("en", {
    weekday: "short",
    month: "short",
    day: "numeric",
  });
  const km = distanceMeters ? `${(distanceMeters / 1000).toFixed(1)} km · ` : "";
  const texts = [
    name ?? type.replaceAll("_", " "),
    day,
    `${km}${Math.round(durationSeconds / 60)} min`,
  ];
  for (const [i, text] of texts.entries()) {
    const part = document.createElement(i ? "span" : "strong");
    part.textContent = text;
    item.append(part);
  }
  return item;
}

/** Runs what a person asked for, and says what went wrong. */
async function attempt(work: () => Promise<void>): Promise<void> {
  say("");
  try {
    await work();
  } catch (e) {
    say(e instanceof Error ? e.message : String(e));
  }
}

function say(text: string): void {
  message.textContent = text;
  message.hidden = !text;
}
