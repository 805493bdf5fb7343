import type { Alert } from "@openwearables/sdk/connect";
import { Button } from "../../parts/Button";
import { Facts } from "../../parts/Card";
import { DialogEnd, SidePanel } from "../../parts/Dialog";
import { Link } from "../../parts/Link";
import { plural } from "../../parts/number";
import { Tag } from "../../parts/Tag";
import { Time } from "../../parts/Time";
import { AlertUsage } from "./AlertUsage";
import { DisableKey } from "./DisableKey";
import { ruleOf, type Step, toneOf } from "./rules";
import { auditOf, Subject, subjectOf } from "./subject";

interface PanelProps {
  alert: Alert | undefined;
  who: (actor: string) => string;
  onClose: () => void;
  onMute: (alert: Alert) => void;
  onAcknowledge: (alert: Alert) => void;
}

/** What happened, with figures, and what to do about it, step by step. */
export function AlertPanel({ alert, onClose, ...does }: PanelProps) {
  return (
    <SidePanel
      open={Boolean(alert)}
      onClose={onClose}
      title={alert ? ruleOf(alert.rule).name : "Alert"}
    >
      {alert && <About alert={alert} {...does} />}
    </SidePanel>
  );
}

type AboutProps = Omit<PanelProps, "alert" | "onClose"> & { alert: Alert };

function About({ alert, who, onMute, onAcknowledge }: AboutProps) {
  const { severity, steps } = ruleOf(alert.rule);
  const over = alert.state === "resolved";
  return (
    <>
      <div>
        <Tag tone={over ? "plain" : toneOf[severity]}>{severity}</Tag>
      </div>
      <p className="alert-text">{alert.message}</p>
      {!over && (
        <section className="alert-steps" aria-labelledby="alert-steps">
          <h3 id="alert-steps">What to do</h3>
          <ol>
            {steps.map((step) => (
              <li key={step.text}>
                <p>{step.text}</p>
                <Where step={step} subject={alert.subject} />
              </li>
            ))}
            {alert.subject.startsWith("key:") && severity !== "Notice" && (
              <DisableKey id={subjectOf(alert.subject).id} />
            )}
          </ol>
        </section>
      )}
      {!over && (
        <DialogEnd>
          {!alert.mutedUntil && <Button onClick={() => onMute(alert)}>Mute…</Button>}
          {alert.state === "open" && (
            <Button kind="primary" onClick={() => onAcknowledge(alert)}>
              Acknowledge
            </Button>
          )}
        </DialogEnd>
      )}
      <AlertUsage subject={alert.subject} />
      <Facts
        items={[
          ["About", <Subject key="subject" of={alert.subject} />],
          ["Opened", <Time key="opened" at={alert.openedAt} exact />],
          ["Last seen", <Time key="seen" at={alert.lastSeenAt} exact />],
          ["Seen", plural(alert.occurrences, "time")],
          ["Acknowledged by", alert.acknowledgedBy && who(alert.acknowledgedBy)],
          [
            "Acknowledged",
            alert.acknowledgedAt && <Time key="a" at={alert.acknowledgedAt} exact />,
          ],
          ["Resolved", alert.resolvedAt && <Time key="r" at={alert.resolvedAt} exact />],
          ["Muted until", alert.mutedUntil && <Time key="m" at={alert.mutedUntil} exact />],
        ]}
      />
    </>
  );
}

function Where({ step, subject }: { step: Step; subject: string }) {
  if (!step.at) return null;
  const href = {
    subject: subjectOf(subject).href,
    audit: auditOf(subject),
    rules: "/alerts?tab=rules",
    account: "/settings",
  }[step.at];
  return (
    <Link href={href} kind="plain">
      {step.verb}
    </Link>
  );
}
