import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { invalidArgument } from "./error.js";
import type { ListWorkoutsRequestSchema } from "./gen/openwearables/v1/workout_pb.js";

/**
 * Workouts that start within a range. A Timestamp, such as a workout's own start, keeps
 * the microseconds of the server, which a Date does not have.
 */
export type WorkoutRange =
  | MessageInitShape<typeof ListWorkoutsRequestSchema>
  | {
      userId: string;
      /** Inclusive. Text may be a UTC day, RFC 3339 or unix seconds. */
      startDate: string | Date | Timestamp;
      /** The same; a day is included as a whole, an instant is exclusive. */
      endDate: string | Date | Timestamp;
      recordType?: string;
      cursor?: string;
      limit?: number;
    };

/** Returns the request of a range, which has all instants that the server keeps in it. */
export function ranged(range: WorkoutRange): MessageInitShape<typeof ListWorkoutsRequestSchema> {
  const { startDate, endDate, ...rest } = plain(range);
  return {
    ...rest,
    startDate: text("start_date", startDate, Math.floor),
    endDate: text("end_date", endDate, Math.ceil),
  };
}

/** Returns an instant in RFC 3339, with whole microseconds. */
function text(
  field: string,
  of: string | Date | Timestamp | undefined,
  round: (n: number) => number,
): string {
  if (Object(of) !== of) {
    return of as string;
  }
  try {
    if (of instanceof Date) {
      return of.toISOString();
    }
    const { seconds, nanos = 0 } = of as Timestamp;
    const micros = round(nanos / 1_000);
    const whole = new Date(
      (Number(BigInt.asIntN(64, seconds)) + Math.floor(micros / 1e6)) * 1_000,
    ).toISOString();
    return `${whole.slice(0, -4)}${String(micros % 1e6).padStart(6, "0")}Z`;
  } catch {
    throw invalidArgument(field, "it is no date");
  }
}

/** Returns the fields of a request without its message type. */
export function plain<T extends object>(request: T): Plain<T> {
  if (Object(request) !== request && request != null) {
    throw invalidArgument("request", `it is a ${typeof request} and must be a message`);
  }
  const {
    $typeName: _,
    $unknown: __,
    ...fields
  } = Object(request) as T & { $typeName?: unknown; $unknown?: unknown };
  return fields as Plain<T>;
}

type Plain<T> = T extends unknown ? Omit<T, "$typeName" | "$unknown"> : never;
