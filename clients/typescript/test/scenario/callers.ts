import type { Client } from "../../src/client.js";
import type { Step } from "./scenario.js";

/** Concurrent calls. */
export interface Callers {
  /** The error of each call, undefined for a success, and the time of all in milliseconds. */
  outcomes: Promise<{ errors: unknown[]; took: number }>;
  /** Aborts every call. */
  cancel(): void;
}

/** Makes the calls of a step for a user, each with its own signal. */
export function startCalls(client: Client, step: Step, userId: string): Callers {
  const began = performance.now();
  const controllers = Array.from({ length: step.count ?? 1 }, () => new AbortController());
  const calls = controllers.map(({ signal }) =>
    failure(
      call(client, step.rpc ?? "GetUser", userId, { signal, timeoutMs: step.timeout_ms ?? 60_000 }),
    ),
  );
  return {
    outcomes: Promise.all(calls).then((errors) => ({ errors, took: performance.now() - began })),
    cancel() {
      for (const c of controllers) {
        c.abort();
      }
    },
  };
}

async function call(
  client: Client,
  rpc: string,
  id: string,
  o: { signal: AbortSignal; timeoutMs: number },
): Promise<unknown> {
  switch (rpc) {
    case "GetUser":
      return client.users.get(id, o);
    case "ListWorkouts":
      return client.workouts.page(
        { userId: id, startDate: "2026-03-01", endDate: "2026-03-07" },
        o,
      );
    case "UpsertWorkouts": {
      const time = new Date();
      const workout = { externalId: "w1", type: "running", startTime: time, endTime: time };
      return client.workouts.upsert(id, [{ ...workout, source: { provider: "test" } }], o);
    }
    case "CreateUser":
      return client.users.create({ externalUserId: `friend-of-${id}` }, o);
    case "CreateUserToken":
      return client.tokens.create(id, o);
    default:
      throw new Error(`unknown rpc ${rpc}`);
  }
}

/** Resolves with the error of the work, undefined for a success. */
export async function failure(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (e) {
    return e ?? new Error("rejected with nothing");
  }
}
