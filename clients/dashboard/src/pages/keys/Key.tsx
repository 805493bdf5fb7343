import "../credential/credential.css";
import { useMutation, useQuery } from "@connectrpc/connect-query";
import {
  type Key as ApiKey,
  DeveloperService,
  KeyService,
  UsageService,
} from "@openwearables/sdk/connect";
import { RefreshCw } from "lucide-react";
import { useState } from "react";
import { useLocation, useParams } from "wouter";
import { NotFound } from "../../app/NotFound";
import { errorOf } from "../../app/queries";
import { Button } from "../../parts/Button";
import { Card, Facts } from "../../parts/Card";
import { Copy } from "../../parts/Copy";
import { ErrorNote } from "../../parts/ErrorNote";
import { Menu } from "../../parts/Menu";
import { PageHeader } from "../../parts/PageHeader";
import { Skeleton } from "../../parts/Skeleton";
import { Snippet } from "../../parts/Snippet";
import { Time } from "../../parts/Time";
import { AlertsCard } from "../credential/AlertsCard";
import { clientName } from "../credential/client";
import { RotationCard } from "../credential/RotationCard";
import { UsageCard, usePeriod } from "../credential/UsageCard";
import { rangeOf } from "../credential/usage";
import { readKeys, showKey } from "./cache";
import { type Asked, KeyDialogs, useKeyMenu } from "./KeyDialogs";
import { KeyTag } from "./state";
import { useKey } from "./watch";

const back = { href: "/keys", label: "API keys" };
const meterEvery = 5_000;
const watchEvery = 30_000;

/** One API key: its use, its details, and its rotation. */
export default function Key() {
  const { id = "" } = useParams<{ id: string }>();
  const { data, error, refetch } = useKey(id, (key) => (key.overlap ? meterEvery : watchEvery));
  if (errorOf(error)?.reason === "not_found") return <NotFound what="key" />;
  if (data?.key) return <Shown of={data.key} />;
  return (
    <div className="page" aria-busy={!error}>
      <PageHeader
        title="API key"
        back={back}
        sub={error ? undefined : <Skeleton width="16rem" />}
      />
      {error ? (
        <ErrorNote error={error} onRetry={() => void refetch()} page />
      ) : (
        <Skeleton height="420px" />
      )}
    </div>
  );
}

function Shown({ of }: { of: ApiKey }) {
  const [, go] = useLocation();
  const [asked, setAsked] = useState<Asked>();
  const menu = useKeyMenu(setAsked, "edit");
  const finish = useMutation(KeyService.method.finishKeyRotation);
  const end = async () => {
    const { key } = await finish.mutateAsync({ id: of.id });
    if (key) showKey(key);
    readKeys();
  };
  return (
    <div className="page">
      <PageHeader
        title={of.name}
        back={back}
        tag={<KeyTag of={of} />}
        sub={<code>{of.keyPrefix}…</code>}
        actions={
          <>
            <Button
              icon={<RefreshCw size={16} aria-hidden="true" />}
              onClick={() => setAsked({ key: of, what: "rotate" })}
            >
              Rotate
            </Button>
            <Menu
              label={`Actions of ${of.name}`}
              bordered
              items={menu(of).filter(({ label }) => label !== "Rotate…")}
            />
          </>
        }
      />
      <div className="stack">
        {of.overlap && (
          <RotationCard
            overlap={of.overlap}
            last={of}
            subject={`key:${of.id}`}
            action="key.rotate"
            finish={end}
          />
        )}
        <Use of={of} />
        <div className="columns">
          <Details of={of} onEdit={() => setAsked({ key: of, what: "edit" })} />
          <AlertsCard subject={`key:${of.id}`} />
        </div>
      </div>
      <KeyDialogs
        asked={asked}
        onEnd={() => setAsked((before) => before && { ...before, what: "" })}
        onRotated={() => {}}
        onDeleted={() => go("/keys", { replace: true })}
      />
    </div>
  );
}

/** What was only refused is a use too. */
function Use({ of }: { of: ApiKey }) {
  const { data } = useQuery(
    UsageService.method.getKeyUsage,
    { id: of.id, ...rangeOf("30d") },
    { enabled: !of.lastUsedAt, refetchInterval: watchEvery },
  );
  const refused = (data?.usage?.totals?.requests ?? 0n) > 0n;
  return of.lastUsedAt || refused ? <KeyUsage id={of.id} /> : <NotUsed />;
}

function KeyUsage({ id }: { id: string }) {
  const [period, setPeriod] = usePeriod();
  const { data, error, refetch } = useQuery(
    UsageService.method.getKeyUsage,
    { id, ...rangeOf(period) },
    { refetchInterval: watchEvery, refetchOnMount: "always" },
  );
  return (
    <UsageCard
      period={period}
      onPeriod={setPeriod}
      usage={data?.usage}
      error={error}
      onRetry={() => void refetch()}
    />
  );
}

function NotUsed() {
  const code = `export OPENWEARABLES_API_KEY=THE_SECRET_OF_THIS_KEY
curl ${location.origin}/api/v1/users \\
  -H "Authorization: Bearer $OPENWEARABLES_API_KEY"`;
  return (
    <Card
      title="Not used yet"
      sub="Make the first request with its secret. This page will say so by itself."
    >
      <Snippet label="First request" code={{ curl: code }} />
    </Card>
  );
}

function Details({ of, onEdit }: { of: ApiKey; onEdit: () => void }) {
  const developers = useQuery(DeveloperService.method.listDevelopers, {}, { staleTime: 300_000 });
  const by = developers.data?.developers.find(({ id }) => id === of.createdBy);
  return (
    <Card
      title="Details"
      actions={
        <Button small onClick={onEdit}>
          Edit
        </Button>
      }
    >
      <Facts
        items={[
          [
            "Id",
            <span key="id" className="with-copy">
              <code>{of.id}</code>
              <Copy value={of.id} what="id" />
            </span>,
          ],
          ["Environment", of.environment === "test" ? "Test" : "Live"],
          ["Scopes", <Codes key="scopes" of={of.scopes} />],
          [
            "Networks",
            of.allowedNetworks.length > 0 ? (
              <Codes key="networks" of={of.allowedNetworks} />
            ) : (
              "Everywhere"
            ),
          ],
          ["Expires", <Time key="expires" at={of.expiresAt} never="Never" exact />],
          ["Last used", <Time key="used" at={of.lastUsedAt} never="Never used" exact />],
          ["Last client", clientName(of.lastUsedClient)],
          ["Last address", of.lastUsedIp && <code>{of.lastUsedIp}</code>],
          ["Last operation", of.lastUsedOperation && <code>{of.lastUsedOperation}</code>],
          ["Created", <Time key="created" at={of.createdAt} exact />],
          ["Created by", by?.email ?? (developers.data ? <code>{of.createdBy}</code> : undefined)],
        ]}
      />
    </Card>
  );
}

function Codes({ of }: { of: readonly string[] }) {
  return (
    <span className="codes">
      {of.map((code) => (
        <code key={code}>{code}</code>
      ))}
    </span>
  );
}
