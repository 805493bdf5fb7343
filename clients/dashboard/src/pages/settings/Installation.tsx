import { useQuery } from "@connectrpc/connect-query";
import {
  type InstallationLimit,
  InstallationService,
  type InstallationSetting,
  type Installation as Installed,
  type SigningKey,
} from "@openwearables/sdk/connect";
import { Banner } from "../../parts/Banner";
import { Button } from "../../parts/Button";
import { Card, Facts } from "../../parts/Card";
import { Lines } from "../../parts/Cell";
import { Copy } from "../../parts/Copy";
import { type Column, DataTable } from "../../parts/DataTable";
import { ErrorNote } from "../../parts/ErrorNote";
import { count } from "../../parts/number";
import { Skeleton } from "../../parts/Skeleton";
import { Tag, type TagProps } from "../../parts/Tag";
import { Time } from "../../parts/Time";
import { bound, limitName, settingName, spell } from "./words";

/** What runs, what is wrong with it, and what it is set to. It is changed by the flags of the server. */
export function Installation() {
  const { data, error, refetch, isFetching } = useQuery(
    InstallationService.method.getInstallation,
    {},
  );
  const of = data?.installation;
  if (error && !of) return <ErrorNote error={error} onRetry={() => void refetch()} page />;
  if (!of) {
    return (
      <div className="stack" aria-busy="true">
        <Skeleton height="196px" />
        <Skeleton height="240px" />
        <Skeleton height="420px" />
      </div>
    );
  }
  return (
    <div className="stack">
      <Card
        title="Health"
        tag={of.findings.length === 0 ? <Tag tone="good">All checks passed</Tag> : undefined}
        sub={
          <>
            Checked <Time at={of.checkedAt} /> by the server that answered.
          </>
        }
        actions={
          <Button small busy={isFetching && "Checking…"} onClick={() => void refetch()}>
            Check again
          </Button>
        }
      >
        <Findings of={of} />
        <Facts
          items={[
            ["Version", of.version],
            ["API", of.apiVersion],
            ["Database", of.database === "postgres" ? "PostgreSQL" : "SQLite"],
            ["Redis", of.redis ? "shared by the servers" : "not used"],
            ["Servers", `${count(of.nodes)} running`],
          ]}
        />
      </Card>
      <Card title="Signing keys" sub={`Access tokens are signed by ${of.signingAlgorithm}.`} flush>
        <DataTable
          label="Signing keys"
          columns={keyColumns}
          rows={of.signingKeys}
          rowKey={({ id }) => id}
          dense
        />
      </Card>
      <div className="settings-tables">
        <Card title="Limits" sub="Whoever runs the server sets them with these flags." flush>
          <DataTable
            label="Limits"
            columns={limitColumns}
            rows={of.limits}
            rowKey={({ name }) => name}
          />
        </Card>
        <Card title="Times and lengths" sub="They are set with these flags as well." flush>
          <DataTable
            label="Times and lengths"
            columns={settingColumns}
            rows={of.settings}
            rowKey={({ name }) => name}
          />
        </Card>
      </div>
    </div>
  );
}

function Findings({ of }: { of: Installed }) {
  return (
    <div className="findings">
      {of.findings.map(({ severity, message }) => (
        <Banner key={message} tone={severity === "error" ? "bad" : "warn"}>
          {message}
        </Banner>
      ))}
      <p className="quiet">
        <code>openwearables doctor</code> on the server checks more than a running server can.
      </p>
    </div>
  );
}

const keyStates: Record<string, readonly [TagProps["tone"], string]> = {
  next: ["plain", "Next"],
  active: ["good", "Signs now"],
  retiring: ["warn", "Ends soon"],
};

const keyColumns: Column<SigningKey>[] = [
  {
    key: "id",
    header: "Key id",
    cell: ({ id }) => (
      <span className="key-id">
        <code className="cut" title={id}>
          {id}
        </code>
        <Copy value={id} what="key id" />
      </span>
    ),
  },
  {
    key: "state",
    header: "State",
    width: "140px",
    phone: "aside",
    cell: ({ state }) => {
      const [tone, word] = keyStates[state] ?? ["plain", state];
      return <Tag tone={tone}>{word}</Tag>;
    },
  },
  { key: "algorithm", header: "Algorithm", width: "120px", cell: ({ algorithm }) => algorithm },
  {
    key: "created",
    header: "Created",
    width: "140px",
    phone: "labelled",
    cell: ({ createdAt }) => <Time at={createdAt} />,
  },
  {
    key: "ends",
    header: "Ends",
    width: "140px",
    phone: "labelled",
    cell: ({ endsAt }) => <Time at={endsAt} never="Not yet" />,
  },
];

const limitColumns: Column<InstallationLimit>[] = [
  {
    key: "name",
    header: "Limit",
    cell: ({ name, flag }) => <Lines top={limitName(name)} sub={flag} mono />,
  },
  {
    key: "value",
    header: "At most",
    width: "40%",
    number: true,
    phone: "aside",
    cell: (limit) => bound(limit),
  },
];

const settingColumns: Column<InstallationSetting>[] = [
  {
    key: "name",
    header: "Setting",
    cell: ({ name, flag }) => <Lines top={settingName(name)} sub={flag} mono />,
  },
  {
    key: "value",
    header: "Value",
    width: "40%",
    number: true,
    phone: "aside",
    cell: ({ value, unit }) => {
      if (value === undefined) return "no end";
      return unit === "seconds" ? spell(Number(value)) : `${count(value)} ${unit}`;
    },
  },
];
