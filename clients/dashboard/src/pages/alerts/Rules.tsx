import { useMutation, useQuery } from "@connectrpc/connect-query";
import { type AlertMute, type AlertRule, AlertService } from "@openwearables/sdk/connect";
import { useState } from "react";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { Switch } from "../../parts/Checkbox";
import { ErrorNote } from "../../parts/ErrorNote";
import { List, ListRow } from "../../parts/List";
import { problem } from "../../parts/problem";
import { Skeleton } from "../../parts/Skeleton";
import { Time } from "../../parts/Time";
import { toast } from "../../parts/Toast";
import { useEndMute } from "./act";
import { showRule } from "./cache";
import { RuleDialog } from "./RuleDialog";
import { describe, ruleOf } from "./rules";
import { Subject } from "./subject";

/** What is looked for, which of it, and with which numbers; and what is muted. */
export function Rules() {
  const [changes, setChanges] = useState<AlertRule>();
  const { data, error, refetch } = useQuery(AlertService.method.listAlertRules, {});
  const turn = useTurn();
  if (error && !data) {
    return (
      <div className="table-box">
        <ErrorNote error={error} onRetry={() => void refetch()} page />
      </div>
    );
  }
  return (
    <div className="stack">
      {data && data.mutes.length > 0 && <Mutes of={data.mutes} />}
      <Card title="Rules" flush>
        {data ? (
          <ul aria-label="Rules">
            {[...data.items].sort(byName).map((rule) => (
              <li key={rule.rule} className="rule">
                <Switch
                  label={ruleOf(rule.rule).name}
                  hint={describe(rule)}
                  checked={rule.enabled}
                  onChange={(on) => void turn(rule, on)}
                />
                {rule.thresholds.length > 0 && (
                  <Button small onClick={() => setChanges(rule)}>
                    Change<span className="sr"> {ruleOf(rule.rule).name}</span>
                  </Button>
                )}
              </li>
            ))}
          </ul>
        ) : (
          <div aria-busy="true">
            {[0, 1, 2, 3, 4, 5, 6, 7].map((n) => (
              <div key={n} className="rule">
                <Skeleton lines={2} width="30%" />
              </div>
            ))}
          </div>
        )}
      </Card>
      <RuleDialog rule={changes} onClose={() => setChanges(undefined)} />
    </div>
  );
}

const byName = (a: AlertRule, b: AlertRule) =>
  ruleOf(a.rule).name.localeCompare(ruleOf(b.rule).name, "en");

/** Returns what turns a rule on or off: at once, and back as it was if the server refuses. */
function useTurn() {
  const update = useMutation(AlertService.method.updateAlertRule);
  return async (rule: AlertRule, enabled: boolean) => {
    showRule({ ...rule, enabled });
    try {
      await update.mutateAsync({ rule: rule.rule, enabled });
    } catch (error) {
      showRule(rule);
      toast({ text: problem(error).sentence });
    }
  };
}

function Mutes({ of }: { of: readonly AlertMute[] }) {
  const end = useEndMute();
  return (
    <Card title="Muted" sub="About these, a rule opens no alert for a while." flush>
      <List label="Muted">
        {of.map((mute) => (
          <ListRow
            key={`${mute.rule} ${mute.subject}`}
            wrap
            title={ruleOf(mute.rule).name}
            sub={
              <span className="alert-facts">
                <Subject of={mute.subject} />
                <span>
                  ends <Time at={mute.until} />
                </span>
              </span>
            }
            aside={
              <Button small onClick={() => void end(mute)}>
                End mute
              </Button>
            }
          />
        ))}
      </List>
    </Card>
  );
}
