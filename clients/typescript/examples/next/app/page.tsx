import { isUnauthenticated } from "@openwearables/sdk";
import { openClientReadOnly } from "../lib/session";
import { signIn, signOut } from "./actions";
import { Workouts } from "./Workouts";

/** A server component: it calls the API, and the browser never sees a token. */
export default async function Page() {
  const workouts = await load();
  if (!workouts) {
    return (
      <>
        <header>
          <h1>My workouts</h1>
        </header>
        <form className="card" action={signIn}>
          <label>
            Your name
            <input name="name" defaultValue="demo" required maxLength={100} />
          </label>
          <button type="submit">Sign in</button>
        </form>
      </>
    );
  }
  return (
    <>
      <header>
        <h1>My workouts</h1>
        <form action={signOut}>
          <button type="submit" className="quiet">
            Sign out
          </button>
        </form>
      </header>
      <Workouts workouts={workouts} />
    </>
  );
}

/** Returns the workouts of the last four weeks, undefined if nobody is signed in. */
async function load() {
  const ow = await openClientReadOnly();
  try {
    await ow.auth.token();
    const userId = ow.auth.user()?.id as string;
    const endDate = new Date();
    const startDate = new Date(endDate.getTime() - 28 * 86_400_000);
    return await ow.workouts.list({ userId, startDate, endDate }).toArray({ limit: 50 });
  } catch (e) {
    if (isUnauthenticated(e)) {
      return undefined;
    }
    throw e;
  }
}
