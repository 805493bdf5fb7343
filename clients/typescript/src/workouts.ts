import { check } from "./argument.js";
import { changed, invalidResponse, type OpenWearablesError, toError } from "./error.js";
import { type List, listOf, withMore } from "./list.js";
import { given, methodsOf } from "./method.js";
import * as api from "./schema/schema.js";
import type { Call, Options } from "./transport.js";

/** Which workouts of a user: those that start within a range. */
export interface WorkoutFilter extends Omit<api.ListWorkoutsRequest, "startDate" | "endDate"> {
  /**
   * Inclusive: a Date, or text that is a UTC day such as `2026-03-01`, RFC 3339 or unix
   * seconds.
   */
  startDate: Date | string;
  /** The same; a day is included as a whole, an instant is exclusive. */
  endDate: Date | string;
}

/** How upsert stores. */
export interface UpsertOptions extends Options {
  /** Stores all workouts or none. */
  allOrNone?: boolean;
}

/** What became of the workouts of an upsertAll. */
export interface UpsertReport {
  /** How many of the workouts that were given are dealt with, with those before `resumeAt`. */
  done: number;
  created: number;
  updated: number;
  /** What was left out. `index` counts all workouts that were given, from 0. */
  rejected: api.RejectedWorkout[];
}

/** How upsertAll sends. */
export interface UpsertAllOptions extends UpsertOptions {
  /** How many workouts a call has at most: 1 to 1000, by default 500. */
  batchSize?: number;
  /** How many workouts to pass over, which an earlier call dealt with: its last `done`. */
  resumeAt?: number;
  /** Called after each batch, with how many workouts are stored and left out so far. */
  onProgress?: (progress: { done: number; stored: number; rejected: number }) => void;
}

/** The users' workouts. */
export interface Workouts {
  /** Lists the workouts, newest first, from the page of the filter on. */
  list(filter: WorkoutFilter, options?: Options): List<api.Workout>;
  /** Returns one page. */
  page(filter: WorkoutFilter, options?: Options): Promise<api.WorkoutPage>;
  /**
   * Stores at most 1000 workouts. Those that are wrong are left out: look at `rejected`
   * of the response, which names each by its index and says what is wrong with it. If all
   * are wrong, the call fails. With `allOrNone` it fails if one is.
   */
  upsert(
    userId: string,
    workouts: readonly api.NewWorkout[],
    options?: UpsertOptions,
  ): Promise<api.Upserted>;
  /**
   * Stores any number of workouts, batch after batch. If it fails, the batches before are
   * stored: sending all of them again stores none twice, and `resumeAt` passes over them.
   * With `allOrNone` a batch with a wrong workout is not stored and ends it. The fields of
   * an error count all workouts that were given.
   */
  upsertAll(
    userId: string,
    workouts: Iterable<api.NewWorkout> | AsyncIterable<api.NewWorkout>,
    options?: UpsertAllOptions,
  ): Promise<UpsertReport>;
  delete(userId: string, workoutId: string, options?: Options): Promise<void>;
  /**
   * Deletes at most 1000 workouts by provider and external id. One that is not stored is
   * counted and no error, so the call can be repeated.
   */
  deleteMany(
    userId: string,
    workouts: readonly api.WorkoutReference[],
    options?: Options,
  ): Promise<api.DeletedWorkouts>;
}

export function workouts(call: Call): Workouts {
  const { one, more } = methodsOf(call, api.workoutService);
  const page = more("ListWorkouts") as Workouts["page"]; // a Date is sent as text
  const upsert: Workouts["upsert"] = async (userId, list, { allOrNone, ...o } = {}) => {
    const request = { userId, workouts: list, allOrNone };
    const r = await call(api.workoutService("UpsertWorkouts"), request, o);
    if (r.items.length + r.rejected.length !== list.length) {
      throw invalidResponse("the response lacks what became of some workouts");
    }
    return r;
  };
  return {
    page,
    list: (filter, o) => listOf(async (cursor) => page(withMore(filter, cursor), o)),
    upsert,
    upsertAll: (userId, list, o) => upsertAll(upsert, userId, list, o),
    delete: one("DeleteWorkout", "userId", "workoutId"),
    deleteMany: async (userId, list, o) => {
      const done = await call(api.workoutService("DeleteWorkouts"), { userId, workouts: list }, o);
      given(done.deleted + done.notFound, "deleted");
      return done;
    },
  };
}

async function upsertAll(
  upsert: Workouts["upsert"],
  userId: string,
  list: Iterable<api.NewWorkout> | AsyncIterable<api.NewWorkout>,
  { batchSize = 500, resumeAt = 0, onProgress, ...options }: UpsertAllOptions = {},
): Promise<UpsertReport> {
  const sized = Number.isInteger(batchSize) && batchSize > 0 && batchSize <= 1000;
  check(sized, "it must be 1 to 1000", "batchSize");
  check(Number.isInteger(resumeAt) && resumeAt >= 0, "it must be a whole number", "resumeAt");
  const { [Symbol.iterator]: all, [Symbol.asyncIterator]: later } = Object(list);
  check(all ?? later, "it must be a list", "workouts");
  const report: UpsertReport = { done: 0, created: 0, updated: 0, rejected: [] };
  let held: api.NewWorkout[] = [];
  const send = async () => {
    const failed = (e: unknown) => ({
      created: 0,
      updated: 0,
      rejected: allRejected(toError(e), report.done, options.allOrNone),
    });
    const { created, updated, rejected } = await upsert(userId, held, options).catch(failed);
    report.created += created;
    report.updated += updated;
    for (const r of rejected) {
      report.rejected.push({ ...r, index: report.done + r.index });
    }
    report.done += held.length;
    held = [];
    const stored = report.created + report.updated;
    onProgress?.({ done: report.done, stored, rejected: report.rejected.length });
  };
  for await (const workout of list) {
    if (report.done < resumeAt) {
      report.done++;
    } else if (held.push(workout) === batchSize) {
      await send();
    }
  }
  check(report.done >= resumeAt, `there are only ${report.done} workouts`, "resumeAt");
  if (held.length > 0) {
    await send();
  }
  return report;
}

/**
 * Returns the outcome of a batch of which every workout is wrong.
 *
 * @throws any other error, and every one of an upload of all or none; it names a workout by
 * its place among all that were given
 */
function allRejected(
  e: OpenWearablesError,
  before: number,
  allOrNone: boolean | undefined,
): api.RejectedWorkout[] {
  const rejected = new Map<string, api.RejectedWorkout>();
  for (const { field, message } of e.fields) {
    const [, index = ""] = /^workouts\[(\d+)\]/.exec(field) ?? [];
    rejected.set(index, rejected.get(index) ?? { index: +index, field, message });
  }
  if (allOrNone || !e.requestId || !rejected.size || rejected.has("")) {
    const place = (text: string) =>
      text.replace(/\bworkouts\[(\d+)\]/g, (_, index) => `workouts[${+index + before}]`);
    const fields = e.fields.map((f) => ({ ...f, field: place(f.field) }));
    throw changed(e, { fields }, place(e.message));
  }
  return [...rejected.values()];
}
