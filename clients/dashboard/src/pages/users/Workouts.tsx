import { useInfiniteQuery } from "@connectrpc/connect-query";
import { type Workout, WorkoutService } from "@openwearables/sdk/connect";
import { Activity } from "lucide-react";
import { useEffect } from "react";
import { Card } from "../../parts/Card";
import { Lines } from "../../parts/Cell";
import { type Column, DataTable } from "../../parts/DataTable";
import { Empty } from "../../parts/Empty";
import { plural } from "../../parts/number";
import { firstPage, rowsOf } from "../../parts/pages";
import { Skeleton } from "../../parts/Skeleton";
import { Time } from "../../parts/Time";
import { toDate } from "../../parts/time";
import { WeekBars } from "./WeekBars";
import { byWeek, far, long } from "./weeks";

const weeks = 12;
/** How many pages the bars read by themselves; what is before is read by "Show more". */
const mostPages = 5;

const columns: Column<Workout>[] = [
  {
    key: "name",
    header: "Workout",
    width: "32%",
    cell: (workout) => (
      <Lines
        top={workout.name || words(workout.type)}
        sub={workout.name ? words(workout.type) : undefined}
      />
    ),
  },
  {
    key: "start",
    header: "Start",
    width: "18%",
    cell: (workout) => <Time at={workout.startTime} />,
  },
  {
    key: "duration",
    header: "Duration",
    phone: "aside",
    cell: (workout) => (
      <Lines
        top={<span className="num">{long(workout.durationSeconds)}</span>}
        sub={workout.distanceMeters ? far(workout.distanceMeters) : undefined}
      />
    ),
  },
  {
    key: "heart",
    header: "Heart rate",
    wide: true,
    phone: "none",
    cell: (workout) =>
      workout.avgHeartRateBpm ? (
        <Lines
          top={<span className="num">{Math.round(workout.avgHeartRateBpm)} bpm</span>}
          sub="on average"
        />
      ) : (
        <span className="quiet">Not measured</span>
      ),
  },
  {
    key: "source",
    header: "Source",
    cell: ({ source }) => (
      <Lines
        top={source?.device || source?.source || source?.provider}
        sub={source?.device ? source.provider : undefined}
      />
    ),
  },
];

/** `strength_training` is "Strength training". */
function words(type: string): string {
  const text = type.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The workouts of a user: bars of the last weeks and a list of all. */
export function Workouts({ id }: { id: string }) {
  const query = useInfiniteQuery(
    WorkoutService.method.listWorkouts,
    { userId: id, startDate: "0001-01-01", endDate: "9999-12-31", limit: 100, ...firstPage },
    {
      pageParamKey: "cursor",
      getNextPageParam: (page) => page.pagination?.nextCursor,
      // Each read is an entry in the access log.
      staleTime: 300_000,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
    },
  );
  const rows = rowsOf(query, (page) => page.data);
  const drawn = byWeek(rows.rows, weeks);
  const oldest = rows.rows.at(-1)?.startTime;
  const short =
    rows.more && oldest !== undefined && toDate(oldest) > (drawn[0]?.start ?? new Date(0));
  const goOn =
    short && !query.isFetching && !query.error && (query.data?.pages.length ?? 0) < mostPages;
  const { fetchNextPage } = query;
  useEffect(() => {
    if (goOn) void fetchNextPage();
  }, [goOn, fetchNextPage]);
  const none = query.data && rows.rows.length === 0;
  const inAll = drawn.reduce((sum, week) => sum + week.workouts, 0);
  const label = `Time a week, ${weeks} weeks`;
  return (
    <div className="stack">
      {!none && !(query.error && rows.rows.length === 0) && (
        <Card
          title="Time a week"
          sub={
            query.data
              ? `${plural(inAll, "workout")} in ${weeks} weeks${short ? ", of those that are shown below" : ""}. A number is how many workouts the week has.`
              : "\u00a0"
          }
        >
          {query.data ? <WeekBars label={label} weeks={drawn} /> : <Skeleton height="184px" />}
        </Card>
      )}
      <p className="quiet">
        What you read here is health data: your reads are in the access log, with your name.
      </p>
      <DataTable
        {...rows}
        label="Workouts"
        columns={columns}
        rowKey={(workout) => workout.id}
        empty={
          <Empty icon={<Activity size={20} />} title="No workouts yet">
            They come from the app or the backend that writes them. Once there are some, you see
            them here by week and one by one.
          </Empty>
        }
      />
    </div>
  );
}
