import "../record/record.css";
import "./audit.css";
import { callUnaryMethod, useInfiniteQuery } from "@connectrpc/connect-query";
import { AuditEventSchema, AuditService } from "@openwearables/sdk/connect";
import { ScrollText, SearchX, X } from "lucide-react";
import { transport } from "../../app/session";
import { Banner } from "../../parts/Banner";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import { Segments, useClear, useParam } from "../../parts/FilterChips";
import { PageHeader } from "../../parts/PageHeader";
import { byCursor, firstPage, rowsOf } from "../../parts/pages";
import { full } from "../../parts/time";
import { ChipSelect } from "../record/ChipSelect";
import { ExportMenu } from "../record/ExportMenu";
import { write } from "../record/file";
import { called, useNames } from "../record/names";
import { periods, usePeriod } from "../record/period";
import { Events } from "./Events";
import { actionOptions, outcomeOptions } from "./words";

const method = AuditService.method.listAuditEvents;

/** What happened in the installation, and what was refused. */
export default function Audit() {
  const names = useNames();
  const filters = useFilters();
  const query = useInfiniteQuery(method, { ...filters.input, ...firstPage }, byCursor);
  const rows = rowsOf(query, (page) => page.items);
  // A page may hold no event and still have a next one.
  const empty = rows.rows.length === 0 && rows.more;
  const [event] = useParam("event");
  const lost = event !== "" && !query.isFetching && rows.rows.every(({ id }) => id !== event);
  return (
    <div className="page">
      <PageHeader
        title="Audit"
        sub="What was changed, by whom, and what was refused. Newest first."
        actions={
          <ExportMenu
            name="audit"
            rows="events"
            read={async (cursor, signal) => {
              const input = { ...filters.input, limit: 100, cursor };
              const page = await callUnaryMethod(transport, method, input, { signal });
              return { items: page.items, next: page.nextCursor };
            }}
            write={(items, format) => write(AuditEventSchema, items, format)}
          />
        }
      />
      <div className="stack">
        <Filters {...filters} names={names} />
        {lost && !query.error && (
          <Banner>
            The event of this address is not among these: the filters hide it, or it is no longer
            kept.
          </Banner>
        )}
        {empty ? (
          <div className="table-box">
            <Empty
              icon={<SearchX size={20} />}
              title="No event yet with these filters."
              action={
                <Button busy={rows.loadingMore && "Looking…"} onClick={rows.onMore}>
                  Look further back
                </Button>
              }
            >
              The newest events were looked through. There are older ones.
            </Empty>
          </div>
        ) : (
          <Events
            {...rows}
            names={names}
            empty={filters.any ? <NoMatch onClear={filters.clear} /> : <None />}
          />
        )}
      </div>
    </div>
  );
}

/** The filters of the address, and what they ask the server for. */
function useFilters() {
  const [actor, setActor] = useParam("actor");
  const [subject, setSubject] = useParam("subject");
  const [action, setAction] = useParam("action");
  const [outcome, setOutcome] = useParam("outcome");
  const [until, setUntil] = useParam("until");
  const { period, setPeriod, since } = usePeriod("all");
  const clear = useClear("actor", "subject", "action", "outcome", "until", "period", "event");
  const end = until && !Number.isNaN(Date.parse(until)) ? new Date(until) : undefined;
  const input = {
    ...(actor && { actor }),
    ...(subject && { subject }),
    ...(action && { action }),
    ...(outcome && { outcome }),
    ...(since && { start: stamp(since) }),
    ...(end && { end: stamp(end) }),
  };
  const any = Object.keys(input).length > 0;
  return {
    actor,
    setActor,
    subject,
    setSubject,
    action,
    setAction,
    outcome,
    setOutcome,
    end,
    setUntil,
    period,
    setPeriod,
    clear,
    input,
    any,
  };
}

function stamp(at: Date) {
  const ms = at.getTime();
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}

interface FiltersProps extends ReturnType<typeof useFilters> {
  names: ReturnType<typeof useNames>;
}

function Filters(props: FiltersProps) {
  const { names, actor, subject, end, any } = props;
  const options = [
    ...names.map((named) => ({ value: named.actor, label: named.name })),
    ...["operator", "server", "anonymous"].map((value) => ({ value, label: called(value, names) })),
  ];
  const known = !actor || options.some((option) => option.value === actor);
  return (
    <div className="filters">
      <Segments label="Period" value={props.period} onChange={props.setPeriod} options={periods} />
      <ChipSelect
        label="Actor"
        value={actor}
        onChange={props.setActor}
        options={known ? options : [{ value: actor, label: called(actor, names) }, ...options]}
      />
      <ChipSelect
        label="Action"
        value={props.action}
        onChange={props.setAction}
        options={actionOptions}
      />
      <ChipSelect
        label="Outcome"
        value={props.outcome}
        onChange={props.setOutcome}
        options={outcomeOptions}
      />
      {subject && (
        <Chosen label="On" value={called(subject, names)} onRemove={() => props.setSubject("")} />
      )}
      {end && <Chosen label="Before" value={full(end)} onRemove={() => props.setUntil("")} />}
      {any && (
        <Button kind="quiet" small onClick={props.clear}>
          Clear all
        </Button>
      )}
    </div>
  );
}

/** A filter that only a link sets. */
function Chosen(props: { label: string; value: string; onRemove: () => void }) {
  const { label, value, onRemove } = props;
  return (
    <span className="chip-select chip-select-on">
      <span className="chip-chosen">
        <span>{label}</span> <b className="cut">{value}</b>
      </span>
      <button type="button" className="chip-remove" title="Clear" onClick={onRemove}>
        <X size={14} aria-hidden="true" />
        <span className="sr">
          Clear {label} {value}
        </span>
      </button>
    </span>
  );
}

function None() {
  return (
    <Empty icon={<ScrollText size={20} />} title="Nothing has happened yet">
      Every change of a developer, a key, an application or a user stands here, and every refused
      login.
    </Empty>
  );
}

function NoMatch({ onClear }: { onClear: () => void }) {
  return (
    <Empty
      icon={<SearchX size={20} />}
      title="No event in this period with these filters."
      action={<Button onClick={onClear}>Clear filters</Button>}
    >
      Events are kept for 400 days, unless the operator chose another time.
    </Empty>
  );
}
