import { callUnaryMethod } from "@connectrpc/connect-query";
import { type Access, AccessSchema, AuditService } from "@openwearables/sdk/connect";
import { Eye, SearchX } from "lucide-react";
import { transport } from "../../app/session";
import { Button } from "../../parts/Button";
import { Lines } from "../../parts/Cell";
import { type Column, DataTable } from "../../parts/DataTable";
import { Empty } from "../../parts/Empty";
import { Segments, useClear, useParam } from "../../parts/FilterChips";
import { count, plural } from "../../parts/number";
import { Time } from "../../parts/Time";
import { day, type Moment, toDate } from "../../parts/time";
import { ChipSelect } from "../record/ChipSelect";
import { ExportMenu } from "../record/ExportMenu";
import { write } from "../record/file";
import { called, type Named, useNames } from "../record/names";
import { periods, usePeriod } from "../record/period";
import { Who } from "../record/Who";
import "../record/record.css";
import { isBefore, isChosen, useAccesses } from "./accesses";
import { Completeness } from "./Completeness";

/** Who read the data of a user, when and from where. */
export function AccessLog({ id }: { id: string }) {
  const names = useNames();
  const [reader, setReader] = useParam("reader");
  const { period, setPeriod, since } = usePeriod("all");
  const chosen = { reader, since };
  const { read, whole, table } = useAccesses(id, chosen);
  const filtered = reader !== "" || since !== undefined;
  const clear = useClear("reader", "period");
  return (
    <div className="stack">
      <Completeness id={id} read={read} whole={whole} />
      <div className="filters">
        <Segments label="Period" value={period} onChange={setPeriod} options={periods} />
        <ChipSelect
          label="Reader"
          value={reader}
          onChange={setReader}
          options={readers(id, read, names)}
        />
        <span className="quiet num" role="status">
          {counted(table)}
        </span>
        <div className="filters-end">
          <ExportMenu
            name={`access-log-${id}`}
            rows="reads"
            read={async (cursor, signal) => {
              const method = AuditService.method.listUserAccesses;
              const input = { userId: id, limit: 100, cursor };
              const { items, nextCursor } = await callUnaryMethod(transport, method, input, {
                signal,
              });
              const last = items.at(-1);
              return {
                items: items.filter((access) => isChosen(access, chosen)),
                next: last && isBefore(last, since) ? undefined : nextCursor,
              };
            }}
            write={(rows, format) => write(AccessSchema, rows, format)}
          />
        </div>
      </div>
      <DataTable
        {...table}
        label="Access log"
        columns={columns(id, names)}
        rowKey={(access) => String(access.number)}
        more={table.more && table.rows.length > 0}
        empty={
          table.more ? (
            <Further read={read.length} busy={table.loadingMore} onMore={table.onMore} />
          ) : filtered && read.length > 0 ? (
            <NoMatch onClear={clear} />
          ) : (
            <Nobody />
          )
        }
      />
    </div>
  );
}

/** How many are shown; nothing while that is not known. */
function counted(table: ReturnType<typeof useAccesses>["table"]): string | undefined {
  const { length } = table.rows;
  if (table.loading || table.error || (length === 0 && table.more)) return undefined;
  return table.more ? `${count(length)} reads or more` : plural(length, "read");
}

/** Who can be chosen: those who were seen, and everybody who could have read. */
function readers(id: string, read: readonly Access[], names: readonly Named[]) {
  const able = names.map(({ actor }) => actor).filter((actor) => /^(key|developer):/.test(actor));
  const all = new Set([...read.map((access) => access.actor), ...able]);
  return [...all].map((actor) => ({ value: actor, label: reader(actor, id, names) }));
}

function reader(actor: string, id: string, names: readonly Named[]): string {
  return actor === `user:${id}` ? "The person" : called(actor, names);
}

function columns(id: string, names: readonly Named[]): Column<Access>[] {
  return [
    {
      key: "read",
      header: "Read",
      width: "62%",
      cell: (access) => (
        <Lines
          top={
            <span className="sentence">
              {access.actor === `user:${id}` ? (
                <b className="who">The person</b>
              ) : (
                <Who actor={access.actor} names={names} />
              )}{" "}
              {what(access)}
            </span>
          }
          sub={[access.ip, access.client].filter(Boolean).join(" · ") || "Erased with the user"}
        />
      ),
    },
    {
      key: "at",
      header: "When",
      width: "18%",
      cell: (access) => <Time at={access.at} />,
    },
    {
      key: "number",
      header: "Number",
      number: true,
      wide: true,
      phone: "none",
      cell: (access) => <span className="quiet num">{count(access.number)}</span>,
    },
  ];
}

/** "read 42 workouts, Mar 1 to Mar 7": the end of a range is not in it. */
function what(access: Access): string {
  const things = access.operation === "ListWorkouts" ? "workout" : "record";
  return `read ${plural(access.records, things)}${range(access)}`;
}

function range({ start, end }: Access): string {
  if (!start || !end) return "";
  const from = toDate(start as Moment);
  const to = new Date(toDate(end as Moment).getTime() - 1);
  const early = from.getUTCFullYear() <= 1;
  const late = to.getUTCFullYear() >= 9999;
  if (early && late) return ", of all time";
  if (early) return `, until ${day(to)}`;
  if (late) return `, since ${day(from)}`;
  return day(from) === day(to) ? `, ${day(from)}` : `, ${day(from)} to ${day(to)}`;
}

function Nobody() {
  return (
    <Empty icon={<Eye size={20} />} title="Nobody has read this person’s data.">
      Each read of health data is listed here within a second: who read, how much, and from where.
    </Empty>
  );
}

/** None of many matches, and there are older ones. */
function Further(props: { read: number; busy: boolean; onMore: () => void }) {
  return (
    <Empty
      icon={<SearchX size={20} />}
      title={`None of the newest ${count(props.read)} reads matches.`}
      action={
        <Button busy={props.busy && "Looking…"} onClick={props.onMore}>
          Look further back
        </Button>
      }
    >
      There are older reads, which were not looked through yet.
    </Empty>
  );
}

function NoMatch({ onClear }: { onClear: () => void }) {
  return (
    <Empty
      icon={<SearchX size={20} />}
      title="No read with these filters."
      action={<Button onClick={onClear}>Clear filters</Button>}
    >
      Others have read this person’s data, or at another time.
    </Empty>
  );
}
