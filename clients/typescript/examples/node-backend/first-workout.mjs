// Stores the workouts of a week, and reads them again.
import {
  apiKey,
  createClient,
  isInvalid,
  isNotFound,
  isRateLimited,
} from "@openwearables/sdk/node";

const ow = createClient({
  baseUrl: process.env.OPENWEARABLES_BASE_URL ?? "http://localhost:8000",
  auth: apiKey(process.env.OPENWEARABLES_API_KEY ?? ""),
  // A call that is safe to repeat is tried three times, and each attempt is told here.
  debug: ({ method, attempt, status, ms }) =>
    console.log(`    ${method}, attempt ${attempt}: ${status} in ${Math.round(ms)} ms`),
});

// 1. Your user's id names them here, too. Nothing is created twice.
const externalUserId = "ada";
const [known] = await ow.users.list({ externalUserId }).toArray({ limit: 1 });
const ada = known ?? (await ow.users.create({ externalUserId, firstName: "Ada" }));
console.log(`Ada is ${ada.id}`);

// 2. The externalId is yours as well: a workout that is sent again replaces itself.
function* week() {
  const day = 86_400_000;
  const today = Math.floor(Date.now() / day) * day;
  for (let ago = 7; ago > 0; ago--) {
    const startTime = new Date(today - ago * day + 7 * 3_600_000);
    yield {
      externalId: `run-${startTime.toISOString().slice(0, 10)}`,
      type: "running",
      startTime,
      endTime: new Date(startTime.getTime() + (25 + ago) * 60_000),
      distanceMeters: 5_000 + 250 * ago,
      source: { provider: "my-app" },
    };
  }
}

// 3. Any number is sent in batches. A workout that is wrong is left out, and the rest is stored.
const wrong = { ...week().next().value, externalId: "wrong", endTime: new Date(0) };
const { created, updated, rejected } = await ow.workouts.upsertAll(ada.id, [...week(), wrong]);
console.log(`${created} created, ${updated} updated`);
for (const { index, field, message } of rejected) {
  console.log(`workout ${index} was left out: ${field} ${message}`);
}

// 4. A list is read page by page while the loop goes on.
const startDate = new Date(Date.now() - 8 * 86_400_000);
for await (const run of ow.workouts.list({ userId: ada.id, startDate, endDate: new Date() })) {
  const km = ((run.distanceMeters ?? 0) / 1000).toFixed(2);
  console.log(`${run.startTime.toDateString()}  ${km} km  ${run.durationSeconds / 60} min`);
}

// 5. An error says what to do. What can be repeated was repeated before you see it.
try {
  await ow.users.get(crypto.randomUUID());
} catch (e) {
  if (isNotFound(e)) {
    console.log(`nobody has this id: ${e.message}`);
  } else if (isRateLimited(e)) {
    console.log(`too many calls: wait for ${e.retryAfterMs} ms`);
  } else if (isInvalid(e)) {
    console.log("change the call:", e.fields);
  } else {
    throw e;
  }
}
