import "../credential/credential.css";
import { useInfiniteQuery, useQuery } from "@connectrpc/connect-query";
import { type Application, ApplicationService, UsageService } from "@openwearables/sdk/connect";
import { AppWindow, Plus } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { Button } from "../../parts/Button";
import { Lines } from "../../parts/Cell";
import { type Column, DataTable } from "../../parts/DataTable";
import { Empty } from "../../parts/Empty";
import { useParam } from "../../parts/FilterChips";
import { Menu } from "../../parts/Menu";
import { count } from "../../parts/number";
import { PageHeader } from "../../parts/PageHeader";
import { byCursor, firstPage, rowsOf } from "../../parts/pages";
import { SearchField } from "../../parts/SearchField";
import { Skeleton } from "../../parts/Skeleton";
import { Tag } from "../../parts/Tag";
import { Time } from "../../parts/Time";
import { countOf, useAllPages, withoutSecret } from "../credential/search";
import { UsageTrend, useSight } from "../credential/UsageTrend";
import { pointsOf, rangeOf } from "../credential/usage";
import { ApplicationDialogs, type Asked, menuOf } from "./ApplicationDialogs";
import { CreateApplication } from "./CreateApplication";
import { exchangesOf } from "./exchanges";

/** Every application: whether its backend gets tokens for users. */
export default function Applications() {
  const [, go] = useLocation();
  const [creates, setCreates] = useState(false);
  const [asked, setAsked] = useState<Asked>();
  const list = useApplicationList();
  const create = (
    <Button
      kind="primary"
      icon={<Plus size={16} aria-hidden="true" />}
      onClick={() => setCreates(true)}
    >
      Create application
    </Button>
  );
  return (
    <div className="page">
      <PageHeader
        title="Applications"
        sub="Backends of apps exchange their secret for the tokens of one user."
        actions={list.none ? undefined : create}
      />
      <div className="stack">
        {!list.none && (
          <div className="toolbar">
            <SearchField
              label="Search applications"
              placeholder="Name or id"
              value={list.q}
              onChange={list.setQ}
            />
            <span className="quiet num" role="status">
              {list.said}
            </span>
          </div>
        )}
        <DataTable
          {...list.table}
          label="Applications"
          columns={columns}
          rowKey={(app) => app.id}
          actions={(app) => <Menu label={`Actions of ${app.name}`} items={menuOf(app, setAsked)} />}
          empty={list.none ? <None action={create} /> : <NoMatch {...list} />}
        />
      </div>
      <CreateApplication open={creates} onClose={() => setCreates(false)} />
      <ApplicationDialogs
        asked={asked}
        onEnd={() => setAsked((before) => before && { ...before, what: "" })}
        onRotated={({ appId }) => go(`/applications/${appId}`)}
      />
    </div>
  );
}

/** Reads applications, and all of them while one is searched for. */
function useApplicationList() {
  const [q, setQ] = useParam("q");
  const query = useInfiniteQuery(ApplicationService.method.listApplications, firstPage, byCursor);
  const table = rowsOf(query, (page) => page.applications);
  const searching = useAllPages(query, q !== "");
  const wanted = q.toLowerCase();
  const rows = table.rows.filter(
    ({ name, appId }) => name.toLowerCase().includes(wanted) || appId.includes(wanted),
  );
  return {
    q,
    setQ: (text: string) => setQ(withoutSecret(text)),
    none: !table.loading && !table.error && table.rows.length === 0 && !q,
    said:
      table.loading || table.error
        ? ""
        : countOf(rows.length, "application", { q, more: table.more }),
    table: {
      ...table,
      rows,
      loading: table.loading || (searching && rows.length === 0),
      more: table.more && !q,
    },
  };
}

const columns: readonly Column<Application>[] = [
  {
    key: "name",
    header: "Name",
    cell: (app) => (
      <Lines top={app.name} sub={app.appId} mono href={`/applications/${app.appId}`} />
    ),
  },
  {
    key: "state",
    header: "Status",
    width: "110px",
    phone: "aside",
    cell: (app) => (app.overlap ? <Tag tone="warn">Rotating</Tag> : <Tag tone="good">Active</Tag>),
  },
  {
    key: "exchanges",
    header: "Exchanges, 30 days",
    width: "19%",
    phone: "labelled",
    cell: (app) => <Exchanges appId={app.appId} />,
  },
  {
    key: "requests",
    header: "Requests, 30 days",
    width: "19%",
    phone: "labelled",
    cell: (app) => <Requests appId={app.appId} />,
  },
  {
    key: "created",
    header: "Created",
    width: "128px",
    wide: true,
    phone: "none",
    cell: (app) => <Time at={app.createdAt} />,
  },
];

/** Reads the use of an application once its row is in sight. */
function useRowUsage(appId: string) {
  const { ref, seen } = useSight();
  const { data, isError } = useQuery(
    UsageService.method.getApplicationUsage,
    { appId, ...rangeOf("30d") },
    { enabled: seen, staleTime: 60_000 },
  );
  return { ref, usage: data?.usage, isError };
}

function Exchanges({ appId }: { appId: string }) {
  const { ref, usage, isError } = useRowUsage(appId);
  return (
    <span ref={ref} className="usage-trend num">
      {usage ? (
        count(exchangesOf(usage))
      ) : isError ? (
        <span className="quiet">unknown</span>
      ) : (
        <Skeleton width="4ch" />
      )}
    </span>
  );
}

function Requests({ appId }: { appId: string }) {
  const { ref, usage, isError } = useRowUsage(appId);
  return <UsageTrend sight={ref} points={usage && pointsOf(usage)} failed={isError} />;
}

function None({ action }: { action: ReactNode }) {
  return (
    <Empty icon={<AppWindow size={20} />} title="No applications yet" action={action}>
      Create one for each app whose users sign in. Its backend exchanges the secret for tokens that
      reach one user's data and nothing else.
    </Empty>
  );
}

function NoMatch({ q, setQ }: { q: string; setQ: (q: string) => void }) {
  return (
    <Empty
      title={`No application matches “${q}”.`}
      action={<Button onClick={() => setQ("")}>Clear the search</Button>}
    >
      Applications are found by a part of their name or of their id.
    </Empty>
  );
}
