import type { Developer, Invitation, ListInvitationsResponse } from "@openwearables/sdk/connect";
import { Ban, Mail, RefreshCw } from "lucide-react";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { Lines } from "../../parts/Cell";
import { Copy } from "../../parts/Copy";
import { type Column, DataTable } from "../../parts/DataTable";
import { Empty } from "../../parts/Empty";
import { Menu } from "../../parts/Menu";
import { Tag } from "../../parts/Tag";
import { Time } from "../../parts/Time";
import { linkOf } from "./invitation";
import type { Doing } from "./Team";

interface InvitationsProps {
  query: {
    data: ListInvitationsResponse | undefined;
    isPending: boolean;
    error: unknown;
    refetch: () => unknown;
  };
  /** Who invited. */
  developers: readonly Developer[];
  onDo: (doing: Doing) => void;
}

/** The invitations that wait, and those that expired not long ago. */
export function Invitations({ query, developers, onDo }: InvitationsProps) {
  const by = (id: string | undefined) =>
    developers.find((developer) => developer.id === id)?.email ?? "somebody who left";
  const columns: Column<Invitation>[] = [
    {
      key: "email",
      header: "Email",
      width: "38%",
      cell: (invitation) => (
        <Lines top={invitation.email} sub={`Invited by ${by(invitation.invitedById)}`} />
      ),
    },
    {
      key: "state",
      header: "State",
      width: "14%",
      phone: "aside",
      cell: ({ status }) =>
        status === "pending" ? <Tag tone="good">Waiting</Tag> : <Tag>Expired</Tag>,
    },
    {
      key: "expires",
      header: "Expires",
      width: "18%",
      phone: "labelled",
      cell: (invitation) => (
        <span className="quiet">
          <Time at={invitation.expiresAt} />
        </span>
      ),
    },
    {
      key: "link",
      header: "Link",
      cell: (invitation) =>
        invitation.status === "pending" ? (
          <Copy value={linkOf(invitation)} what={`for ${invitation.email}`} words="Copy link" />
        ) : (
          <span className="quiet">No longer works</span>
        ),
    },
  ];
  return (
    <Card title="Invitations" flush>
      <DataTable
        label="Invitations"
        columns={columns}
        rows={query.data?.invitations ?? []}
        rowKey={(invitation) => invitation.id}
        loading={query.isPending}
        error={query.error ?? undefined}
        onRetry={() => void query.refetch()}
        actions={(invitation) => <Actions invitation={invitation} onDo={onDo} />}
        empty={
          <Empty
            icon={<Mail size={20} />}
            title="No invitations wait"
            action={<Button onClick={() => onDo({ what: "invite" })}>Invite</Button>}
          >
            An invitation is a link that makes one person a developer. It works once, for 7 days.
          </Empty>
        }
      />
    </Card>
  );
}

function Actions({ invitation, onDo }: { invitation: Invitation; onDo: (doing: Doing) => void }) {
  const pending = invitation.status === "pending";
  return (
    <Menu
      label={`Actions of ${invitation.email}`}
      items={[
        {
          label: "Resend…",
          icon: <RefreshCw size={16} aria-hidden="true" />,
          onAction: () => onDo({ what: "resend", invitation }),
        },
        {
          label: "Revoke…",
          icon: <Ban size={16} aria-hidden="true" />,
          danger: true,
          unavailable: !pending && "It has expired already",
          onAction: () => onDo({ what: "revoke", invitation }),
        },
      ]}
    />
  );
}
