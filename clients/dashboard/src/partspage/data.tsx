import { KeyRound } from "lucide-react";
import { useState } from "react";
import { Bars, Trend } from "../parts/Bars";
import { Button } from "../parts/Button";
import { Card, Facts } from "../parts/Card";
import { Lines } from "../parts/Cell";
import { Chart } from "../parts/Chart";
import type { ChartPoint } from "../parts/chartmath";
import { type Column, DataTable, type Sort } from "../parts/DataTable";
import { Empty } from "../parts/Empty";
import { List, ListRow } from "../parts/List";
import { Menu } from "../parts/Menu";
import { Stat, Stats } from "../parts/Stat";
import { Tag } from "../parts/Tag";
import { Time } from "../parts/Time";
import { Part } from "./Part";

interface Key {
  id: string;
  name: string;
  prefix: string;
  state: "Active" | "Rotating" | "Disabled";
  used: Date | undefined;
  by: string;
  trend: number[];
  created: Date;
}

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000);
const wave = (n: number, size: number) =>
  Math.round(size * (1.2 + Math.sin(n * 1.7) * 0.5 + Math.cos(n * 0.6) * 0.4));
const keys: Key[] = [
  {
    id: "1",
    name: "Billing service, production",
    prefix: "ow_live_wbqm…",
    state: "Active",
    used: ago(4),
    by: "203.0.113.72 · curl",
    trend: Array.from({ length: 30 }, (_, n) => wave(n, 3000)),
    created: ago(60 * 30),
  },
  {
    id: "2",
    name: "Coach dashboard backend",
    prefix: "ow_live_y6c7…",
    state: "Rotating",
    used: ago(0.2),
    by: "203.0.113.235 · Node SDK 0.1",
    trend: Array.from({ length: 30 }, (_, n) => wave(n + 5, 2000)),
    created: ago(60 * 24 * 9),
  },
  {
    id: "3",
    name: "A name that a person made far too long, because nobody said that it would be shown in a list",
    prefix: "ow_live_6u2x…",
    state: "Disabled",
    used: undefined,
    by: "",
    trend: [],
    created: ago(60 * 24 * 400),
  },
];

const columns: Column<Key>[] = [
  {
    key: "name",
    header: "Name",
    width: "30%",
    sortable: true,
    cell: (key) => <Lines top={key.name} sub={key.prefix} mono href={`/keys/${key.id}`} />,
  },
  {
    key: "state",
    header: "Status",
    width: "14%",
    phone: "aside",
    cell: (key) => (
      <Tag tone={key.state === "Active" ? "good" : key.state === "Rotating" ? "warn" : "plain"}>
        {key.state}
      </Tag>
    ),
  },
  {
    key: "used",
    header: "Last used",
    sortable: true,
    cell: (key) => <Lines top={<Time at={key.used} never="Never used" />} sub={key.by} />,
  },
  {
    key: "requests",
    header: "Requests, 30 days",
    phone: "labelled",
    cell: (key) => <Trend values={key.trend} />,
  },
  {
    key: "created",
    header: "Created",
    width: "14%",
    wide: true,
    phone: "none",
    cell: (key) => (
      <span className="quiet">
        <Time at={key.created} />
      </span>
    ),
  },
];

const table = {
  columns,
  rowKey: (key: Key) => key.id,
  actions: (key: Key) => (
    <Menu label={`Actions of ${key.name}`} items={[{ label: "Rename…", onAction: () => {} }]} />
  ),
};

export function Data() {
  const [sort, setSort] = useState<Sort>({ key: "used", descending: true });
  return (
    <>
      <Part name="DataTable">
        <DataTable
          {...table}
          label="API keys"
          rows={keys}
          sort={sort}
          onSort={setSort}
          more
          onMore={() => {}}
        />
        <DataTable {...table} label="Keys on their way" rows={[]} loading />
        <DataTable
          {...table}
          label="Keys of which more are on their way"
          rows={keys.slice(0, 1)}
          more
          loadingMore
        />
        <DataTable
          {...table}
          label="Keys that failed"
          rows={[]}
          error={{ rawMessage: "the list of keys cannot be read" }}
          onRetry={() => {}}
        />
        <DataTable
          {...table}
          label="More keys that failed"
          rows={keys.slice(0, 1)}
          error={{ rawMessage: "the list of keys cannot be read" }}
          onRetry={() => {}}
        />
        <DataTable
          {...table}
          label="No keys"
          rows={[]}
          empty={
            <Empty
              icon={<KeyRound size={20} />}
              title="No keys yet"
              action={<Button kind="primary">Create key</Button>}
            >
              Create one for each service that calls this API. You will see here when, from where
              and by what it was last used.
            </Empty>
          }
        />
      </Part>
      <Charts />
      <Cards />
    </>
  );
}

function points(length: number, hours: number): ChartPoint[] {
  const end = new Date("2026-11-26T00:00:00").getTime();
  return Array.from({ length }, (_, n) => ({
    at: new Date(end - (length - 1 - n) * hours * 3_600_000),
    ok: wave(n, 1800),
    refused: n % 9 === 4 ? wave(n, 300) : 12,
    limited: n % 11 === 7 ? 90 : 0,
    failed: n % 13 === 0 ? 10 : 0,
  }));
}

function Charts() {
  return (
    <Part name="Chart">
      <Card title="Usage" flush>
        <Stats>
          <Stat label="OK" outcome="ok" value={68452} aside="97.8 %" period="30 days" />
          <Stat label="Refused" outcome="refused" value={1004} aside="1.4 %" period="30 days" />
          <Stat label="Limited" outcome="limited" value={391} aside="0.6 %" period="30 days" />
          <Stat label="Failed" outcome="failed" value={164} aside="0.2 %" period="30 days" />
        </Stats>
        <div className="card-body">
          <Chart bare label="Requests a day, 30 days" unit="day" points={points(30, 24)} />
        </div>
      </Card>
      <Card title="By hour">
        <Chart label="Requests an hour, 24 hours" unit="hour" points={points(24, 1)} />
        <Chart label="Requests an hour, 30 days" unit="hour" points={points(720, 1)} />
        <Chart
          label="Requests a day, 7 quiet days"
          unit="day"
          points={points(7, 24).map((point) => ({
            ...point,
            ok: 0,
            refused: 0,
            limited: 0,
            failed: 0,
          }))}
        />
      </Card>
    </Part>
  );
}

function Cards() {
  return (
    <Part name="Card">
      <Card flush>
        <Stats>
          <Stat label="Requests" value={1204} period="today, yesterday 1,310" href="/audit" />
          <Stat
            label="Refused"
            value={18}
            period="today, yesterday 0"
            href="/audit?outcome=refused"
          />
          <Stat label="Open alerts" value={2} period="now" href="/alerts" />
          <Stat label="Users" value={undefined} period="in all" />
        </Stats>
      </Card>
      <div className="columns">
        <Card title="Operations">
          <Bars
            label="Operations, 30 days"
            mono
            bars={[
              { label: "ListWorkouts", value: 61204 },
              { label: "GetUser", value: 28110 },
              { label: "AnOperationWithAVeryLongNameThatDoesNotFitAnywhere", value: 12 },
            ]}
          />
        </Card>
        <Card title="Needs attention" flush>
          <List label="Needs attention">
            <ListRow
              href="/keys/2"
              title="Coach dashboard backend"
              sub="The old secret is still in use"
              lead={<Tag tone="warn">Rotating</Tag>}
            />
            <ListRow
              wrap
              title="592 requests of Billing service were refused, 40 times as many as on a usual day"
              sub="203.0.113.24"
              aside={<Time at={ago(90)} />}
            />
          </List>
        </Card>
        <Card
          title="Rotation under way"
          tone="warn"
          tag={<Tag tone="warn">Old secret in use</Tag>}
          sub="Move every client to the new secret."
          actions={<Button>End old secret</Button>}
        >
          <Facts
            items={[
              ["Created", <Time key="created" at={new Date("2026-11-18T13:20:05Z")} exact />],
              ["Scopes", <code key="scopes">users:read workouts:read</code>],
              ["Note", ""],
            ]}
          />
        </Card>
      </div>
    </Part>
  );
}
