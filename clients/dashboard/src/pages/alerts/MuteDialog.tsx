import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useMutation } from "@connectrpc/connect-query";
import { type Alert, AlertService } from "@openwearables/sdk/connect";
import { Dialog } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { Select } from "../../parts/Select";
import { toast } from "../../parts/Toast";
import { useUnmute } from "./act";
import { readAlerts } from "./cache";
import { ruleOf } from "./rules";
import { subjectOf } from "./subject";

const hours = [
  { value: "1", label: "1 hour" },
  { value: "24", label: "1 day" },
  { value: "168", label: "7 days" },
  { value: "720", label: "30 days" },
] as const;

interface MuteProps {
  alert: Alert | undefined;
  onClose: () => void;
}

/** Asks for how long a rule says nothing about one subject. */
export function MuteDialog({ alert, onClose }: MuteProps) {
  return (
    <Dialog open={Boolean(alert)} onClose={onClose} title="Mute this alert">
      {alert && <Ask alert={alert} onClose={onClose} />}
    </Dialog>
  );
}

function Ask({ alert, onClose }: { alert: Alert; onClose: () => void }) {
  const mute = useMutation(AlertService.method.muteAlert);
  const unmute = useUnmute();
  const { kind, id } = subjectOf(alert.subject);
  const form = useForm<{ hours: string }>({
    initial: { hours: "24" },
    async submit(values) {
      const until = new Date(Date.now() + Number(values.hours) * 3_600_000);
      await mute.mutateAsync({ id: alert.id, until: timestampFromDate(until) });
      onClose();
      const span = hours.find(({ value }) => value === values.hours)?.label;
      toast({ text: `Muted for ${span}`, undo: () => void unmute(alert) });
      await readAlerts();
    },
  });
  return (
    <Form form={form} verb="Mute" busy="Muting…" onCancel={onClose} focus>
      <p className="alert-text">
        The rule “{ruleOf(alert.rule).name}” then opens no alert about this {kind.toLowerCase()}
        {id && (
          <>
            {" "}
            (<code>{id}</code>)
          </>
        )}
        , and counts nothing. This alert stays as it is.
      </p>
      <Select label="For" options={hours} {...form.field("hours")} />
    </Form>
  );
}
