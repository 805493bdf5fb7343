import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { AuditService, type Overlap } from "@openwearables/sdk/connect";
import { type ReactNode, useState } from "react";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { Confirm } from "../../parts/ConfirmByName";
import { plural } from "../../parts/number";
import { Tag } from "../../parts/Tag";
import { Time, useNow } from "../../parts/Time";
import { toast } from "../../parts/Toast";
import { type Moment, relative, toDate } from "../../parts/time";
import { type Use, whereUsed } from "./client";

const hour = 3_600_000;

const earlier = (at: Date) => new Date(at.getTime() - 30 * 24 * hour);

/** What the meter says of the old secret. */
export type Silence = "used" | "waiting" | "silent";

/** Tells whether the old secret is still used: it is silent once an hour went by without it. */
export function silence(lastUsed: Date | undefined, rotated: Date | undefined, now: Date): Silence {
  const last = lastUsed ?? rotated;
  if (last && now.getTime() - last.getTime() >= hour) return "silent";
  return lastUsed ? "used" : "waiting";
}

export interface RotationCardProps {
  overlap: Overlap;
  /** The last use of either secret, if the API tells it. */
  last?: (Use & { lastUsedAt?: Moment | undefined }) | undefined;
  /** Whose secret it is, and what the audit trail calls its rotation. */
  subject: string;
  action: "key.rotate" | "application.rotate";
  /** Ends the old secret. */
  finish: () => Promise<unknown>;
}

/** A rotation that is under way: whether anything still uses the old secret, and the way to end it. */
export function RotationCard({ overlap, last, subject, action, finish }: RotationCardProps) {
  useNow();
  const now = new Date();
  const [asks, setAsks] = useState(false);
  // No overlap is longer than 30 days. Each rotation is asked for anew, since its end is another.
  const start = overlap.expiresAt && timestampFromDate(earlier(toDate(overlap.expiresAt)));
  const rotated = useQuery(AuditService.method.listAuditEvents, {
    ...(start && { start }),
    subject,
    action,
    outcome: "ok",
    limit: 1,
  }).data?.items[0]?.at;
  const used = overlap.lastUsedAt && toDate(overlap.lastUsedAt);
  const state = silence(used, rotated && toDate(rotated), now);
  const end = async () => {
    await finish();
    toast({ text: "Old secret ended" });
  };
  return (
    <Card
      title="Rotation under way"
      tone={state === "silent" ? undefined : "warn"}
      tag={<StateTag state={state} used={used} now={now} />}
      sub={
        <>
          Move every client to the new secret. The old one ends by itself{" "}
          <Time at={overlap.expiresAt} />.
        </>
      }
      actions={
        <Button kind={state === "silent" ? "primary" : "plain"} onClick={() => setAsks(true)}>
          End old secret
        </Button>
      }
    >
      <div className="columns meter">
        <OldSecret overlap={overlap} />
        <NewSecret overlap={overlap} last={last} rotated={rotated} />
      </div>
      <Confirm
        open={asks}
        onClose={() => setAsks(false)}
        title="End the old secret?"
        verb="End old secret"
        busy="Ending…"
        onConfirm={end}
      >
        <p>{breaks(overlap, now)}</p>
      </Confirm>
    </Card>
  );
}

function StateTag({ state, used, now }: { state: Silence; used: Date | undefined; now: Date }) {
  if (state === "used") return <Tag tone="warn">Old secret still in use</Tag>;
  if (state === "waiting") return <Tag>Old secret not used yet</Tag>;
  if (!used) return <Tag tone="good">Old secret not used</Tag>;
  const hours = Math.floor((now.getTime() - used.getTime()) / hour);
  const span = hours < 48 ? plural(hours, "hour") : plural(Math.floor(hours / 24), "day");
  return <Tag tone="good">{`Old secret not used for ${span}`}</Tag>;
}

/** Says what stops working, with figures. */
export function breaks(overlap: Overlap, now: Date): string {
  if (overlap.requests === 0)
    return "Nothing used it since the rotation. It is refused from then on.";
  const when = overlap.lastUsedAt ? `, last ${relative(toDate(overlap.lastUsedAt), now)}` : "";
  return `It was used ${times(overlap.requests)} since the rotation${when}, from ${whereUsed(overlap)}. Such requests will be refused.`;
}

const times = (n: number) => (n === 1 ? "once" : plural(n, "time"));

function OldSecret({ overlap }: Pick<RotationCardProps, "overlap">) {
  return (
    <Secret
      title="Old secret"
      figure={plural(overlap.requests, "request")}
      words="since the rotation"
    >
      {overlap.lastUsedAt ? <Last {...overlap} /> : "Nothing used it since the rotation."}
    </Secret>
  );
}

/** The API tells the last use of either secret: it was the new one's if the old one has none as late. */
function NewSecret({
  overlap,
  last,
  rotated,
}: Pick<RotationCardProps, "overlap" | "last"> & { rotated: Moment | undefined }) {
  if (!last) return null;
  const since = overlap.lastUsedAt ?? rotated;
  const used = last.lastUsedAt && since && toDate(last.lastUsedAt) > toDate(since);
  return (
    <Secret title="New secret" figure={used ? "In use" : "Not seen yet"}>
      {used ? (
        <Last {...last} />
      ) : overlap.lastUsedAt ? (
        "The last request was by the old secret."
      ) : (
        "Nothing used it since the rotation."
      )}
    </Secret>
  );
}

function Last(use: Use & { lastUsedAt?: Moment | undefined }) {
  return (
    <>
      <Time at={use.lastUsedAt} />, {whereUsed(use)}
      {use.lastUsedOperation && (
        <>
          , <code>{use.lastUsedOperation}</code>
        </>
      )}
    </>
  );
}

interface SecretProps {
  title: string;
  figure: string;
  words?: string;
  children: ReactNode;
}

function Secret({ title, figure, words, children }: SecretProps) {
  return (
    <div>
      <h3>{title}</h3>
      <p className="num">
        <strong>{figure}</strong> {words}
      </p>
      <p className="quiet">{children}</p>
    </div>
  );
}
