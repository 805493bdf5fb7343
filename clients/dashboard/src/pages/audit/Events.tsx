import type { AuditEvent } from "@openwearables/sdk/connect";
import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "../../parts/Button";
import { ErrorNote } from "../../parts/ErrorNote";
import { useParam } from "../../parts/FilterChips";
import { count } from "../../parts/number";
import { Skeleton } from "../../parts/Skeleton";
import { Tag } from "../../parts/Tag";
import { Time } from "../../parts/Time";
import type { Named } from "../record/names";
import { Who } from "../record/Who";
import { EventRecord } from "./Record";
import { plain, said } from "./words";

export interface EventsProps {
  rows: readonly AuditEvent[];
  names: readonly Named[];
  loading: boolean;
  error: unknown;
  onRetry: () => void;
  more: boolean;
  loadingMore: boolean;
  onMore: () => void;
  empty: ReactNode;
}

/** Events as sentences, each of which opens to its record. */
export function Events(props: EventsProps) {
  const { rows, names, loading, error, onRetry, more, loadingMore, onMore, empty } = props;
  const [open, setOpen] = useParam("event");
  if (error && rows.length === 0) {
    return (
      <div className="table-box">
        <ErrorNote error={error} onRetry={onRetry} page />
      </div>
    );
  }
  if (!loading && rows.length === 0) return <div className="table-box">{empty}</div>;
  return (
    <div className="table-box" aria-busy={loading || undefined}>
      <ul className="events" aria-label="Audit trail">
        {loading
          ? [0, 1, 2, 3, 4, 5].map((n) => (
              <li key={n} className="event event-waiting">
                <Skeleton lines={2} width="60%" />
              </li>
            ))
          : rows.map((event) => (
              <EventRow
                key={event.id}
                event={event}
                names={names}
                open={open === event.id}
                onOpen={(now) => setOpen(now ? event.id : "")}
              />
            ))}
      </ul>
      {error ? <ErrorNote error={error} onRetry={onRetry} /> : null}
      {more && !error && (
        <div className="table-end">
          <Button busy={loadingMore && "Loading…"} onClick={onMore}>
            Show more
          </Button>
        </div>
      )}
    </div>
  );
}

interface EventRowProps {
  event: AuditEvent;
  names: readonly Named[];
  open: boolean;
  onOpen: (open: boolean) => void;
}

function EventRow({ event, names, open, onOpen }: EventRowProps) {
  const { actor, subject, action, outcome, occurrences } = event;
  const { text, named } = said(action, outcome, actor === subject);
  return (
    <li className={open ? "event event-open" : "event"}>
      <div className="event-head">
        <button
          type="button"
          className="event-toggle"
          aria-expanded={open}
          aria-labelledby={`label-${event.id} text-${event.id}`}
          aria-controls={open ? `record-${event.id}` : undefined}
          onClick={() => onOpen(!open)}
        >
          <ChevronRight size={16} aria-hidden="true" />
          <span className="sr" id={`label-${event.id}`}>
            Record:
          </span>
        </button>
        <div className="event-text">
          <p className="sentence" id={`text-${event.id}`}>
            <Who actor={actor} names={names} /> {text}{" "}
            {named && subject && <Who actor={subject} names={names} before={text} />}
            {occurrences > 1 && <span className="num">, {count(occurrences)} times</span>}
          </p>
          <p className="lines-sub cut">
            <code>{action}</code>
            {event.ip && ` · ${event.ip}`}
            {event.client && ` · ${event.client}`}
          </p>
        </div>
        {outcome !== "ok" && <Tag tone="warn">{`Refused: ${plain(outcome)}`}</Tag>}
        <span className="event-time quiet">
          <Time at={event.at} />
        </span>
      </div>
      {open && (
        <div id={`record-${event.id}`}>
          <EventRecord event={event} />
        </div>
      )}
    </li>
  );
}
