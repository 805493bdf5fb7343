import { createConnectQueryKey, useMutation, useQuery } from "@connectrpc/connect-query";
import { type Session, SessionService } from "@openwearables/sdk/connect";
import { useState } from "react";
import { queries } from "../../app/queries";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { Confirm } from "../../parts/ConfirmByName";
import { ErrorNote } from "../../parts/ErrorNote";
import { List, ListRow } from "../../parts/List";
import { plural } from "../../parts/number";
import { problem } from "../../parts/problem";
import { Skeleton } from "../../parts/Skeleton";
import { Tag } from "../../parts/Tag";
import { Time } from "../../parts/Time";
import { toast } from "../../parts/Toast";
import { browserName, clientName } from "../credential/client";

const list = createConnectQueryKey({
  schema: SessionService.method.listSessions,
  cardinality: "finite",
});

/** Reads one's sessions again. */
export function readSessions(): void {
  void queries.invalidateQueries({ queryKey: list });
}

const shownAtFirst = 10;

/** Where one is logged in, and how to end that. */
export function SessionsCard() {
  const { data, error, refetch } = useQuery(SessionService.method.listSessions, {});
  const [asks, setAsks] = useState(false);
  const [all, setAll] = useState(false);
  const endOthers = useMutation(SessionService.method.revokeOtherSessions);
  const sessions = data
    ? [...data.sessions].sort((a, b) => Number(b.current) - Number(a.current))
    : [];
  const others = sessions.filter((session) => !session.current).length;
  const rows = all ? sessions : sessions.slice(0, shownAtFirst);
  return (
    <Card
      title="Sessions"
      sub="Each is one login, in a browser or by a program."
      flush
      actions={
        others > 0 && (
          <Button small onClick={() => setAsks(true)}>
            Log out everywhere else
          </Button>
        )
      }
    >
      {error && !data ? (
        <ErrorNote error={error} onRetry={() => void refetch()} page />
      ) : (
        <div aria-busy={!data}>
          <List label="Sessions">
            {data
              ? rows.map((session) => <Row key={session.id} of={session} />)
              : [0, 1].map((n) => <ListRow key={n} title={<Skeleton lines={2} width="40%" />} />)}
          </List>
        </div>
      )}
      {rows.length < sessions.length && (
        <div className="table-end">
          <Button onClick={() => setAll(true)}>Show all {sessions.length}</Button>
        </div>
      )}
      <Confirm
        open={asks}
        onClose={() => setAsks(false)}
        title="Log out everywhere else?"
        verb="Log out everywhere else"
        busy="Logging out…"
        onConfirm={async () => {
          await endOthers.mutateAsync({});
          readSessions();
          toast({ text: "Logged out everywhere else" });
        }}
      >
        <p>
          {plural(others, "other session")} of yours {others === 1 ? "ends" : "end"} at once, and so
          do user tokens that {others === 1 ? "it" : "they"} made. This one goes on.
        </p>
      </Confirm>
    </Card>
  );
}

function Row({ of }: { of: Session }) {
  const end = useMutation(SessionService.method.revokeSession);
  const name = browserName(of.client) || clientName(of.client) || "Unknown client";
  const logOut = async () => {
    try {
      await end.mutateAsync({ id: of.id });
      toast({ text: `${name} logged out` });
    } catch (error) {
      toast({ text: problem(error).sentence });
    }
    readSessions();
  };
  return (
    <ListRow
      title={name}
      sub={
        <span className="session-facts" title={of.client}>
          {of.ip && <span>{of.ip}</span>}
          <span>
            used <Time at={of.lastUsedAt} />
          </span>
          <span>
            logged in <Time at={of.createdAt} />
          </span>
        </span>
      }
      aside={
        of.current ? (
          <Tag tone="good">This one</Tag>
        ) : (
          <Button small busy={end.isPending && "Logging out…"} onClick={() => void logOut()}>
            Log out<span className="sr"> {name}</span>
          </Button>
        )
      }
    />
  );
}
