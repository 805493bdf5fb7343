import "./webhook.css";
import { useMutation, useQuery } from "@connectrpc/connect-query";
import {
  type TestWebhookEndpointResponse,
  type WebhookEndpoint,
  WebhookService,
} from "@openwearables/sdk/connect";
import { useState } from "react";
import { useParams } from "wouter";
import { NotFound } from "../../app/NotFound";
import { errorOf } from "../../app/queries";
import { Banner } from "../../parts/Banner";
import { Button } from "../../parts/Button";
import { Card, Facts } from "../../parts/Card";
import { Copy } from "../../parts/Copy";
import { ErrorNote } from "../../parts/ErrorNote";
import { Menu } from "../../parts/Menu";
import { PageHeader } from "../../parts/PageHeader";
import { Skeleton } from "../../parts/Skeleton";
import { Time } from "../../parts/Time";
import { useWho } from "../alerts/who";
import { readDeliveries } from "./cache";
import { Deliveries } from "./Deliveries";
import { kindName, nameOf, outcomeOf, WebhookTag } from "./state";
import { type Asked, useTurn, WebhookDialogs } from "./WebhookDialogs";

const back = { href: "/alerts?tab=webhooks", label: "Webhooks" };

/** One endpoint: whether messages reach it, and what was sent. */
export default function Webhook() {
  const { id = "" } = useParams<{ id: string }>();
  const { data, error, refetch } = useQuery(
    WebhookService.method.getWebhookEndpoint,
    { id },
    { refetchInterval: 20_000 },
  );
  if (errorOf(error)?.reason === "not_found") return <NotFound what="webhook" />;
  if (data?.endpoint) return <Shown of={data.endpoint} />;
  return (
    <div className="page" aria-busy={!error}>
      <PageHeader
        title="Webhook"
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

function Shown({ of }: { of: WebhookEndpoint }) {
  const [asked, setAsked] = useState<Asked>();
  const turn = useTurn();
  const test = useMutation(WebhookService.method.testWebhookEndpoint, {
    onSettled: readDeliveries,
  });
  return (
    <div className="page">
      <PageHeader
        title={nameOf(of)}
        back={back}
        tag={<WebhookTag of={of} />}
        actions={
          <>
            <Menu
              label={`Actions of ${nameOf(of)}`}
              bordered
              items={[
                { label: "Edit…", onAction: () => setAsked("edit") },
                { label: "Rotate secret…", onAction: () => setAsked("rotate") },
                {
                  label: of.enabled ? "Disable" : "Enable",
                  onAction: () => void turn(of, !of.enabled),
                },
                { label: "Delete…", danger: true, onAction: () => setAsked("delete") },
              ]}
            />
            <Button
              kind="primary"
              busy={test.isPending && "Sending…"}
              onClick={() => test.mutate({ id: of.id })}
            >
              Send a test
            </Button>
          </>
        }
      />
      <div className="stack">
        <Stopped of={of} onEnable={() => void turn(of, true)} />
        <Tested data={test.data} error={test.error} />
        <Details of={of} />
        <section className="webhook-sent" aria-labelledby="sent">
          <h2 id="sent">Messages, 30 days</h2>
          <Deliveries id={of.id} />
        </section>
      </div>
      <WebhookDialogs of={of} asked={asked} onEnd={() => setAsked(undefined)} />
    </div>
  );
}

/** Says why nothing is sent any more, and how that ends. */
function Stopped({ of, onEnable }: { of: WebhookEndpoint; onEnable: () => void }) {
  if (of.enabled || !of.disabledReason) return null;
  return (
    <Banner
      tone="bad"
      action={
        <Button small onClick={onEnable}>
          Enable
        </Button>
      }
    >
      {of.disabledReason === "gone"
        ? "The server stopped sending: the receiver answered 410, which says that it is gone."
        : "The server stopped sending: the receiver took no message for a day."}{" "}
      Mend it, send a test, then enable it.
    </Banner>
  );
}

/** How the test ended, which may have failed without an error of the call. */
function Tested({
  data,
  error,
}: {
  data: TestWebhookEndpointResponse | undefined;
  error: unknown;
}) {
  if (error) return <ErrorNote error={error} />;
  const delivery = data?.delivery;
  if (!delivery) return null;
  return delivery.state === "delivered" ? (
    <Banner>The test arrived. {outcomeOf(delivery)}.</Banner>
  ) : (
    <Banner tone="warn">The test did not arrive. {sentence(outcomeOf(delivery))}</Banner>
  );
}

const sentence = (text: string) =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

function Details({ of }: { of: WebhookEndpoint }) {
  const who = useWho(true);
  return (
    <Card title="Details">
      <Facts
        items={[
          [
            "Address",
            <span key="url" className="webhook-id">
              <code>{of.url}</code>
              <Copy value={of.url} what="address" />
            </span>,
          ],
          ["Sends", of.kinds.map(kindName).join(" · ")],
          [
            "Old secret",
            of.previousExpiresAt && (
              <span key="old">
                signs too until <Time at={of.previousExpiresAt} exact />
              </span>
            ),
          ],
          ["Created", <Time key="created" at={of.createdAt} exact />],
          ["Created by", who(`developer:${of.createdBy}`)],
          [
            "Id",
            <span key="id" className="webhook-id">
              <code>{of.id}</code>
              <Copy value={of.id} what="id" />
            </span>,
          ],
        ]}
      />
    </Card>
  );
}
