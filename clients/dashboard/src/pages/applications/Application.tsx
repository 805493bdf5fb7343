import "../credential/credential.css";
import { useMutation, useQuery } from "@connectrpc/connect-query";
import {
  type Application as ApiApplication,
  ApplicationService,
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
import { count } from "../../parts/number";
import { PageHeader } from "../../parts/PageHeader";
import { Skeleton } from "../../parts/Skeleton";
import { Tag } from "../../parts/Tag";
import { Time } from "../../parts/Time";
import { AlertsCard } from "../credential/AlertsCard";
import { RotationCard } from "../credential/RotationCard";
import { UsageCard, usePeriod } from "../credential/UsageCard";
import { rangeOf } from "../credential/usage";
import { ApplicationDialogs, type Asked, menuOf } from "./ApplicationDialogs";
import { readApplications, showApplication } from "./cache";
import { useExchanges } from "./exchanges";
import { FirstExchange } from "./FirstExchange";

const back = { href: "/applications", label: "Applications" };
const meterEvery = 5_000;
const watchEvery = 30_000;

/** One application: its exchanges, the use of its users' tokens, and its rotation. */
export default function Application() {
  const { id: appId = "" } = useParams<{ id: string }>();
  const { data, error, refetch } = useQuery(
    ApplicationService.method.getApplication,
    { appId },
    {
      refetchInterval: ({ state: { data } }) => (data?.application?.overlap ? meterEvery : false),
      refetchOnWindowFocus: "always",
    },
  );
  if (errorOf(error)?.reason === "not_found") return <NotFound what="application" />;
  if (data?.application) return <Shown of={data.application} />;
  return (
    <div className="page" aria-busy={!error}>
      <PageHeader
        title="Application"
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

function Shown({ of }: { of: ApiApplication }) {
  const [, go] = useLocation();
  const [asked, setAsked] = useState<Asked>();
  const { exchanges, failed } = useExchanges(of);
  const finish = useMutation(ApplicationService.method.finishApplicationRotation);
  const end = async () => {
    const { application } = await finish.mutateAsync({ appId: of.appId });
    if (application) showApplication(application);
    readApplications();
  };
  return (
    <div className="page">
      <PageHeader
        title={of.name}
        back={back}
        tag={of.overlap ? <Tag tone="warn">Rotating</Tag> : <Tag tone="good">Active</Tag>}
        sub={<code>{of.appId}</code>}
        actions={
          <>
            <Button
              icon={<RefreshCw size={16} aria-hidden="true" />}
              onClick={() => setAsked({ of, what: "rotate" })}
            >
              Rotate
            </Button>
            <Menu
              label={`Actions of ${of.name}`}
              bordered
              items={menuOf(of, setAsked).filter(({ label }) => label !== "Rotate…")}
            />
          </>
        }
      />
      <div className="stack">
        {of.overlap && (
          <RotationCard
            overlap={of.overlap}
            subject={`application:${of.appId}`}
            action="application.rotate"
            finish={end}
          />
        )}
        {exchanges === 0 && (
          <Card
            title="Not used yet"
            sub="Your backend runs this for a user who is signed in to your app, and hands the tokens to the app."
          >
            <FirstExchange of={of} />
          </Card>
        )}
        {exchanges === undefined && !failed && <Skeleton height="420px" />}
        {(exchanges || failed) && <ApplicationUsage appId={of.appId} />}
        <div className="columns">
          <Details of={of} exchanges={exchanges} />
          <AlertsCard subject={`application:${of.appId}`} />
        </div>
      </div>
      <ApplicationDialogs
        asked={asked}
        onEnd={() => setAsked((before) => before && { ...before, what: "" })}
        onRotated={() => {}}
        onDeleted={() => go("/applications", { replace: true })}
      />
    </div>
  );
}

function ApplicationUsage({ appId }: { appId: string }) {
  const [period, setPeriod] = usePeriod();
  const { data, error, refetch } = useQuery(
    UsageService.method.getApplicationUsage,
    { appId, ...rangeOf(period) },
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

function Details({ of, exchanges }: { of: ApiApplication; exchanges: number | undefined }) {
  return (
    <Card title="Details">
      <Facts
        items={[
          [
            "App id",
            <span key="id" className="with-copy">
              <code>{of.appId}</code>
              <Copy value={of.appId} what="app id" />
            </span>,
          ],
          ["Exchanges", exchanges === undefined ? undefined : `${count(exchanges)} so far`],
          ["Created", <Time key="created" at={of.createdAt} exact />],
        ]}
      />
    </Card>
  );
}
