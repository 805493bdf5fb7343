import { useInfiniteQuery, useMutation } from "@connectrpc/connect-query";
import { TokenService, type TokenSession, type User } from "@openwearables/sdk/connect";
import { Smartphone } from "lucide-react";
import { useState } from "react";
import { Button } from "../../parts/Button";
import { Lines } from "../../parts/Cell";
import { Confirm } from "../../parts/ConfirmByName";
import { type Column, DataTable } from "../../parts/DataTable";
import { Empty } from "../../parts/Empty";
import { plural } from "../../parts/number";
import { byCursor, firstPage, rowsOf } from "../../parts/pages";
import { Time } from "../../parts/Time";
import { toast } from "../../parts/Toast";
import { sessionsChanged } from "./changes";
import { PairPhone } from "./PairPhone";
import { nameOf } from "./person";
import { TestToken } from "./TestToken";

const kinds: Record<string, string> = {
  application: "application",
  key: "API key",
  developer: "developer",
};

const columns: Column<TokenSession>[] = [
  {
    key: "client",
    header: "Device",
    width: "34%",
    cell: (session) => (
      <Lines top={session.client || "Unknown device"} sub={session.ip || "Unknown address"} />
    ),
  },
  {
    key: "minted",
    header: "Signed in by",
    cell: (session) => (
      <Lines
        top={session.minterName || session.minterId}
        sub={`${kinds[session.mintedBy] ?? session.mintedBy}${session.minterName ? "" : ", deleted"}`}
      />
    ),
  },
  {
    key: "used",
    header: "Last used",
    width: "17%",
    phone: "labelled",
    cell: (session) => <Time at={session.lastUsedAt} />,
  },
  {
    key: "expires",
    header: "Ends",
    width: "17%",
    wide: true,
    phone: "labelled",
    cell: (session) => (
      <span className="quiet">
        <Time at={session.expiresAt} />
      </span>
    ),
  },
];

/** Where a user is signed in, and what ends it. */
export function Sessions({ user }: { user: User }) {
  const query = useInfiniteQuery(
    TokenService.method.listUserSessions,
    { userId: user.id, ...firstPage },
    byCursor,
  );
  const [ending, setEnding] = useState<TokenSession | "all">();
  const rows = rowsOf(query, (page) => page.sessions);
  const { length } = rows.rows;
  return (
    <div className="stack">
      <div className="toolbar">
        <span className="quiet num">
          {query.data && (rows.more ? `More than ${length} sessions` : plural(length, "session"))}
        </span>
        <div className="filters filters-end">
          <PairPhone user={user} />
          <TestToken user={user} />
          {length > 0 && <Button onClick={() => setEnding("all")}>End all sessions</Button>}
        </div>
      </div>
      <DataTable
        {...rows}
        label="Sessions"
        columns={columns}
        rowKey={(session) => session.id}
        actions={(session) => (
          <Button small onClick={() => setEnding(session)}>
            End<span className="sr"> the session of {session.client || session.id}</span>
          </Button>
        )}
        empty={
          <Empty icon={<Smartphone size={20} />} title="Signed in nowhere">
            A session begins when your backend asks for a token of this user, or a phone is paired,
            and stays while the app renews it.
          </Empty>
        }
      />
      <EndSession
        user={user}
        session={ending === "all" ? undefined : ending}
        onClose={() => setEnding(undefined)}
      />
      <EndAll
        open={ending === "all"}
        user={user}
        said={rows.more ? `more than ${length} sessions` : plural(length, "session")}
        onClose={() => setEnding(undefined)}
      />
    </div>
  );
}

function EndSession(props: { user: User; session: TokenSession | undefined; onClose: () => void }) {
  const { user, session, onClose } = props;
  const revoke = useMutation(TokenService.method.revokeUserSession);
  return (
    <Confirm
      open={session !== undefined}
      onClose={onClose}
      title="End this session?"
      verb="End session"
      busy="Ending…"
      onConfirm={async () => {
        await revoke.mutateAsync({ userId: user.id, sessionId: session?.id ?? "" });
        await sessionsChanged();
        toast({ text: "Session ended" });
      }}
    >
      <p>
        {session?.client || "A device"}, last used <Time at={session?.lastUsedAt} />. The person
        must sign in again on this device.
      </p>
    </Confirm>
  );
}

function EndAll(props: { open: boolean; user: User; said: string; onClose: () => void }) {
  const { open, user, said, onClose } = props;
  const revoke = useMutation(TokenService.method.revokeUserTokens);
  return (
    <Confirm
      open={open}
      onClose={onClose}
      title={`End all sessions of ${nameOf(user)}?`}
      verb="End all sessions"
      busy="Ending…"
      onConfirm={async () => {
        await revoke.mutateAsync({ userId: user.id });
        await sessionsChanged();
        toast({ text: "All sessions ended" });
      }}
    >
      <p>The person must sign in again on every device. This ends {said}.</p>
    </Confirm>
  );
}
