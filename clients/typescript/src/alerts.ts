import type { List } from "./list.js";
import { given, having, methodsOf, then } from "./method.js";
import * as api from "./schema/schema.js";
import type { Call, Options } from "./transport.js";

/** What in the installation needs a look. Only a developer may call it. */
export interface Alerts {
  /** Lists the alerts, those that opened last first, from the page of the filter on. */
  list(filter?: api.AlertFilter, options?: Options): List<api.Alert>;
  /** Returns one page. */
  page(filter?: api.AlertFilter, options?: Options): Promise<api.AlertPage>;
  /** Records that the caller has seen an alert. That of an event is resolved by it. */
  acknowledge(id: string, options?: Options): Promise<api.Alert>;
  /** Mutes the rule of an alert for its subject until the time. */
  mute(id: string, until: Date | string, options?: Options): Promise<api.Alert>;
  /** Ends what `mute` began. */
  unmute(id: string, options?: Options): Promise<api.Alert>;
  /** Returns every rule with its settings, and what is muted. */
  rules(options?: Options): Promise<api.AlertRules>;
  /** Changes the settings of a rule. Thresholds that are not named stay. */
  updateRule(rule: string, patch: api.AlertRulePatch, options?: Options): Promise<api.AlertRule>;
}

export function alerts(call: Call): Alerts {
  const { one, more, filtered } = methodsOf(call, api.alertService);
  return {
    list: filtered("ListAlerts"),
    page: more("ListAlerts"),
    acknowledge: one("AcknowledgeAlert", "id"),
    mute: one("MuteAlert", "id", "until"),
    unmute: one("MuteAlert", "id"),
    rules: then(one("ListAlertRules"), (rules) => {
      given(rules.items.length, "items");
      return rules;
    }),
    updateRule: then(more("UpdateAlertRule", "rule"), having("rule")),
  };
}
