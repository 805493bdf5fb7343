import { useMutation } from "@connectrpc/connect-query";
import { type AlertRule, AlertService, type AlertThreshold } from "@openwearables/sdk/connect";
import { useUnsaved } from "../../app/guard";
import { Dialog } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { NumberField } from "../../parts/NumberField";
import { count } from "../../parts/number";
import { toast } from "../../parts/Toast";
import { showRule } from "./cache";
import { labelOf, ruleOf, unitOf } from "./rules";

interface RuleProps {
  rule: AlertRule | undefined;
  onClose: () => void;
}

/** Changes the numbers on which a rule depends. */
export function RuleDialog({ rule, onClose }: RuleProps) {
  return (
    <Dialog
      open={Boolean(rule)}
      onClose={onClose}
      title={rule ? `Change “${ruleOf(rule.rule).name}”` : "Change"}
    >
      {rule && <Ask rule={rule} onClose={onClose} />}
    </Dialog>
  );
}

type Values = Record<string, number | null>;

function Ask({ rule, onClose }: { rule: AlertRule; onClose: () => void }) {
  const update = useMutation(AlertService.method.updateAlertRule);
  const form = useForm<Values>({
    initial: Object.fromEntries(rule.thresholds.map(({ name, value }) => [name, value])),
    check: (values) =>
      Object.fromEntries(rule.thresholds.map((t) => [t.name, wrong(t, values[t.name])])),
    async submit(values) {
      const thresholds = rule.thresholds.map(({ name, value }) => ({
        name,
        value: values[name] ?? value,
      }));
      const answer = await update.mutateAsync({ rule: rule.rule, thresholds });
      if (answer.rule) showRule(answer.rule);
      onClose();
      toast({ text: "Rule changed" });
    },
  });
  useUnsaved(form.dirty);
  return (
    <Form form={form} verb="Save" busy="Saving…" onCancel={onClose} focus>
      {rule.thresholds.map((t) => (
        <NumberField
          key={t.name}
          label={labelOf(t.name)}
          unit={unitOf(t.name)}
          hint={`${count(t.minimum)} to ${count(t.maximum)}. ${count(t.defaultValue)} by default.`}
          {...form.field(t.name)}
          value={form.values[t.name] ?? null}
        />
      ))}
    </Form>
  );
}

function wrong(t: AlertThreshold, value: number | null | undefined): string {
  const fits = typeof value === "number" && value >= t.minimum && value <= t.maximum;
  return fits ? "" : `Type a whole number from ${count(t.minimum)} to ${count(t.maximum)}.`;
}
