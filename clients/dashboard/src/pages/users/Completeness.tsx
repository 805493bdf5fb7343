import { useQuery } from "@connectrpc/connect-query";
import { type Access, AlertService } from "@openwearables/sdk/connect";
import { CircleAlert, ShieldCheck } from "lucide-react";
import { Banner } from "../../parts/Banner";
import { Link } from "../../parts/Link";
import { count } from "../../parts/number";
import { gaps } from "./accesses";

const rule = "ledger_broken";

export interface CompletenessProps {
  /** Whose record it is. */
  id: string;
  /** What was read of it, newest first. */
  read: readonly Access[];
  /** It was read to its beginning. */
  whole: boolean;
}

/** Says whether anything is missing in the record of who read the data. */
export function Completeness({ id, read, whole }: CompletenessProps) {
  const alerts = useQuery(AlertService.method.listAlerts, {
    rule,
    subject: `user:${id}`,
    limit: 10,
  });
  const rules = useQuery(AlertService.method.listAlertRules, {}, { staleTime: 300_000 });
  const broken = alerts.data?.items.find((alert) => alert.state !== "resolved");
  const missing = gaps(read).at(-1);
  const newest = read[0];
  const oldest = read.at(-1);
  if (broken) {
    return (
      <Banner tone="bad" action={<Link href="/alerts">See the alert</Link>}>
        The record was changed by somebody. {broken.message}
      </Banner>
    );
  }
  if (missing) {
    return (
      <Banner tone="bad">
        The record is not complete:{" "}
        {missing.from === missing.to
          ? `read ${count(missing.from)} is missing.`
          : `reads ${count(missing.from)} to ${count(missing.to)} are missing.`}{" "}
        Ask the operator to run <code>openwearables audit verify</code>, and find out who can write
        to the database.
      </Banner>
    );
  }
  if (!newest || !oldest) return null;
  const enabled = rules.data?.items.find((item) => item.rule === rule)?.enabled;
  const unknown = alerts.error !== null || rules.error !== null;
  if (alerts.isPending || rules.isPending) return <p className="completeness quiet">&nbsp;</p>;
  const Icon = enabled && !unknown ? ShieldCheck : CircleAlert;
  return (
    <p className="completeness quiet">
      <Icon size={16} aria-hidden="true" />
      <span>
        {whole && oldest.number > 1 && "Older reads are no longer kept. "}
        {oldest === newest
          ? `Read ${count(newest.number)} is here. `
          : `Reads ${count(oldest.number)} to ${count(newest.number)} are here without a gap. `}
        {unknown
          ? "Whether the server found a change is not known at the moment."
          : enabled
            ? "The server checks the record of every user in turn, and has found no change in this one."
            : "The server’s own check is switched off."}
      </span>
    </p>
  );
}
