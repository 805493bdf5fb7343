import { isUnauthenticated } from "@openwearables/sdk";
import { openClientHere } from "../../../lib/session";

/** Stores a run of the last half an hour. A route handler can renew the session and set its cookie. */
export async function POST() {
  const ow = await openClientHere();
  try {
    await ow.auth.token();
    const userId = ow.auth.user()?.id as string;
    const endTime = new Date();
    const startTime = new Date(endTime.getTime() - 30 * 60_000);
    const externalId = `run-${crypto.randomUUID()}`;
    const source = { provider: "next-example" };
    const run = { externalId, type: "running", startTime, endTime, source };
    return Response.json(await ow.workouts.upsert(userId, [run]));
  } catch (e) {
    if (isUnauthenticated(e)) {
      return Response.json({ message: "sign in first" }, { status: 401 });
    }
    throw e;
  }
}
