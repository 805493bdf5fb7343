import type { Developer, ListDevelopersResponse } from "@openwearables/sdk/connect";
import { Pencil, UserMinus } from "lucide-react";
import { Card } from "../../parts/Card";
import { Lines } from "../../parts/Cell";
import { type Column, DataTable } from "../../parts/DataTable";
import { Link } from "../../parts/Link";
import { Menu, type MenuItem } from "../../parts/Menu";
import { Tag } from "../../parts/Tag";
import { Time } from "../../parts/Time";
import { fullName } from "./developer";
import type { Doing } from "./Team";

interface DevelopersProps {
  query: {
    data: ListDevelopersResponse | undefined;
    isPending: boolean;
    error: unknown;
    refetch: () => unknown;
  };
  /** The id of who looks. */
  me: string | undefined;
  onDo: (doing: Doing) => void;
}

/** The developers, oldest first. One's own row has no Remove. */
export function Developers({ query, me, onDo }: DevelopersProps) {
  const columns: Column<Developer>[] = [
    {
      key: "name",
      header: "Name",
      width: "44%",
      cell: (developer) => (
        <Lines
          top={<bdi title={fullName(developer)}>{fullName(developer)}</bdi>}
          sub={fullName(developer) === developer.email ? undefined : developer.email}
        />
      ),
    },
    {
      key: "you",
      header: "State",
      width: "14%",
      phone: "aside",
      cell: (developer) => (developer.id === me ? <Tag>You</Tag> : <Tag tone="good">Active</Tag>),
    },
    {
      key: "created",
      header: "Joined",
      width: "18%",
      phone: "labelled",
      cell: (developer) => (
        <span className="quiet">
          <Time at={developer.createdAt} />
        </span>
      ),
    },
    {
      key: "events",
      header: "Activity",
      wide: true,
      phone: "none",
      cell: (developer) => (
        <Link href={`/audit?actor=developer:${developer.id}`}>
          See audit<span className="sr"> of {developer.email}</span>
        </Link>
      ),
    },
  ];
  return (
    <Card title="Developers" flush>
      <DataTable
        label="Developers"
        columns={columns}
        rows={query.data?.developers ?? []}
        rowKey={(developer) => developer.id}
        loading={query.isPending}
        error={query.error ?? undefined}
        onRetry={() => void query.refetch()}
        actions={(developer) => (
          <Menu
            label={`Actions of ${fullName(developer)}`}
            items={actions(developer, developer.id === me, onDo)}
          />
        )}
      />
    </Card>
  );
}

function actions(developer: Developer, own: boolean, onDo: (doing: Doing) => void): MenuItem[] {
  const edit: MenuItem = {
    label: "Edit name…",
    icon: <Pencil size={16} aria-hidden="true" />,
    onAction: () => onDo({ what: "edit", developer }),
  };
  if (own) return [edit];
  return [
    edit,
    {
      label: "Remove…",
      icon: <UserMinus size={16} aria-hidden="true" />,
      danger: true,
      onAction: () => onDo({ what: "remove", developer }),
    },
  ];
}
