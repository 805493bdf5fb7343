import { type AuditEvent, AuditEventSchema } from "@openwearables/sdk/connect";
import { useSearchParams } from "wouter";
import { Button } from "../../parts/Button";
import { Facts } from "../../parts/Card";
import { Copy } from "../../parts/Copy";
import { Snippet } from "../../parts/Snippet";
import { Time } from "../../parts/Time";
import { type Moment, toDate } from "../../parts/time";
import { write } from "../record/file";

/** The address of one event, which shows it at the top with those before it. */
export function addressOf(event: AuditEvent): string {
  const until = new Date(toDate(event.at as Moment).getTime() + 1).toISOString();
  return `/audit?${new URLSearchParams({ period: "all", until, event: event.id })}`;
}

/** All that is known of an event, and what else to look for. */
export function EventRecord({ event }: { event: AuditEvent }) {
  const [, setParams] = useSearchParams();
  const only = (name: string, value: string) =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        next.set(name, value);
        next.delete("event");
        return next;
      },
      { replace: true },
    );
  const json = write(AuditEventSchema, [event], "jsonl");
  return (
    <div className="event-record">
      <Facts
        items={[
          ["Time", <Time key="at" at={event.at} exact />],
          ["From", event.ip],
          ["Client", event.client],
          ["Request", event.requestId && <code key="request">{event.requestId}</code>],
          ["Event", <code key="id">{event.id}</code>],
        ]}
      />
      <Snippet label="Record" code={{ JSON: JSON.stringify(JSON.parse(json), null, 2) }} />
      <div className="filters">
        <Copy
          value={`${location.origin}${addressOf(event)}`}
          what="of this event"
          words="Copy link"
        />
        <Button onClick={() => only("actor", event.actor)}>Only this actor</Button>
        {event.subject && (
          <Button onClick={() => only("subject", event.subject ?? "")}>Only this subject</Button>
        )}
        <Button onClick={() => only("action", event.action)}>Only this action</Button>
      </div>
    </div>
  );
}
