import "../credential/credential.css";
import { useInfiniteQuery, useQuery } from "@connectrpc/connect-query";
import { type Key, KeyService, UsageService } from "@openwearables/sdk/connect";
import { KeyRound, Plus } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { useLocation } from "wouter";
import { Button } from "../../parts/Button";
import { Lines } from "../../parts/Cell";
import { type Column, DataTable } from "../../parts/DataTable";
import { Empty } from "../../parts/Empty";
import { FilterChips, useParam } from "../../parts/FilterChips";
import { Menu } from "../../parts/Menu";
import { PageHeader } from "../../parts/PageHeader";
import { byCursor, firstPage, rowsOf } from "../../parts/pages";
import { SearchField } from "../../parts/SearchField";
import { Time } from "../../parts/Time";
import { whereUsed } from "../credential/client";
import { countOf, useAllPages, withoutSecret } from "../credential/search";
import { UsageTrend, useSight } from "../credential/UsageTrend";
import { pointsOf, rangeOf } from "../credential/usage";
import { CreateKey } from "./CreateKey";
import { readKeys } from "./cache";
import { type Asked, KeyDialogs, useKeyMenu } from "./KeyDialogs";
import { KeyTag, states } from "./state";
import { useKey } from "./watch";

/** Every API key: whether, where and by what it is used. */
export default function Keys() {
  const [, go] = useLocation();
  const [creates, setCreates] = useState(false);
  const [made, setMade] = useState<string>();
  const [asked, setAsked] = useState<Asked>();
  const menu = useKeyMenu(setAsked);
  const list = useKeyList();
  const create = (
    <Button
      kind="primary"
      icon={<Plus size={16} aria-hidden="true" />}
      onClick={() => setCreates(true)}
    >
      Create key
    </Button>
  );
  return (
    <div className="page">
      <PageHeader
        title="API keys"
        sub="Your backends use them to reach users and their data."
        actions={list.none ? undefined : create}
      />
      <div className="stack">
        {!list.none && (
          <div className="toolbar">
            <SearchField
              label="Search keys"
              placeholder="Name or prefix"
              value={list.q}
              onChange={list.setQ}
            />
            <FilterChips label="State" name="state" options={states} single />
            <span className="quiet num" role="status">
              {list.said}
            </span>
          </div>
        )}
        <DataTable
          {...list.table}
          label="API keys"
          columns={columns}
          rowKey={(key) => key.id}
          actions={(key) => <Menu label={`Actions of ${key.name}`} items={menu(key)} />}
          empty={list.none ? <NoKeys action={create} /> : <NoMatch {...list} />}
        />
      </div>
      <CreateKey
        open={creates}
        onClose={(id) => {
          setCreates(false);
          setMade(id);
        }}
      />
      {made && <Watch key={made} id={made} />}
      <KeyDialogs
        asked={asked}
        onEnd={() => setAsked((before) => before && { ...before, what: "" })}
        onRotated={({ id }) => go(`/keys/${id}`)}
      />
    </div>
  );
}

/** Reads the keys of a state, and all of them while one is searched for. */
function useKeyList() {
  const [state, setState] = useParam("state");
  const [q, setQ] = useParam("q");
  const known = states.find(({ value }) => value === state);
  const query = useInfiniteQuery(
    KeyService.method.listKeys,
    { ...firstPage, ...(known && { state: known.value }) },
    byCursor,
  );
  const table = rowsOf(query, (page) => page.keys);
  const searching = useAllPages(query, q !== "");
  const rows = table.rows.filter((key) => matches(key, q.toLowerCase()));
  const none = !table.loading && !table.error && table.rows.length === 0 && !known && !q;
  return {
    q,
    setQ: (text: string) => setQ(withoutSecret(text)),
    state: known,
    clear: () => (q ? setQ("") : setState("")),
    none,
    said: table.loading || table.error ? "" : countOf(rows.length, "key", { q, more: table.more }),
    table: {
      ...table,
      rows,
      loading: table.loading || (searching && rows.length === 0),
      more: table.more && !q,
    },
  };
}

function matches({ name, keyPrefix, id }: Key, q: string): boolean {
  return name.toLowerCase().includes(q) || keyPrefix.includes(q) || id === q;
}

const columns: readonly Column<Key>[] = [
  {
    key: "name",
    header: "Name",
    width: "28%",
    cell: (key) => <Lines top={key.name} sub={`${key.keyPrefix}…`} mono href={`/keys/${key.id}`} />,
  },
  {
    key: "state",
    header: "Status",
    width: "150px",
    phone: "aside",
    cell: (key) => <KeyTag of={key} />,
  },
  {
    key: "used",
    header: "Last used",
    cell: (key) =>
      key.lastUsedAt ? (
        <Lines top={<Time at={key.lastUsedAt} />} sub={whereUsed(key)} />
      ) : (
        <span className="quiet">Never used</span>
      ),
  },
  {
    key: "requests",
    header: "Requests, 30 days",
    width: "17%",
    phone: "labelled",
    cell: (key) => <Requests of={key} />,
  },
  {
    key: "created",
    header: "Created",
    width: "128px",
    wide: true,
    phone: "none",
    cell: (key) => <Time at={key.createdAt} />,
  },
];

function Requests({ of }: { of: Key }) {
  const { ref, seen } = useSight();
  const { data, isError } = useQuery(
    UsageService.method.getKeyUsage,
    { id: of.id, ...rangeOf("30d") },
    { enabled: seen, staleTime: 60_000 },
  );
  const usage = data?.usage;
  return <UsageTrend sight={ref} points={usage && pointsOf(usage)} failed={isError} />;
}

/** Looks for the first use of a new key, so that its row says so by itself. */
function Watch({ id }: { id: string }) {
  const { data } = useKey(id);
  const used = data?.key?.lastUsedAt !== undefined;
  useEffect(() => {
    if (used) readKeys();
  }, [used]);
  return null;
}

function NoKeys({ action }: { action: ReactNode }) {
  return (
    <Empty icon={<KeyRound size={20} />} title="No keys yet" action={action}>
      Create one for each service that calls this API. You will see here when, from where and by
      what it was last used.
    </Empty>
  );
}

function NoMatch({
  q,
  state,
  clear,
}: Pick<ReturnType<typeof useKeyList>, "q" | "state" | "clear">) {
  return (
    <Empty
      title={q ? `No key matches “${q}”.` : `No key is ${state?.label.toLowerCase()}.`}
      action={<Button onClick={clear}>{q ? "Clear the search" : "Show all keys"}</Button>}
    >
      {q
        ? "Keys are found by a part of their name or by their prefix."
        : explained[state?.value ?? ""]}
    </Empty>
  );
}

const explained: Record<string, string> = {
  rotating: "Keys appear here while an older secret still works beside the new one.",
  expiring: "Keys appear here when they expire within 14 days.",
  unused: "Keys appear here when they were not used for 90 days, or never.",
  disabled: "Keys appear here when somebody disabled them.",
  expired: "Keys appear here when their time is over.",
};
