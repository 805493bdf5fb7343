import { useMutation } from "@connectrpc/connect-query";
import { type WebhookEndpoint, WebhookService } from "@openwearables/sdk/connect";
import { useLocation } from "wouter";
import { useUnsaved } from "../../app/guard";
import { Confirm } from "../../parts/ConfirmByName";
import { Dialog } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { problem } from "../../parts/problem";
import { toast } from "../../parts/Toast";
import { readAlerts } from "../alerts/cache";
import { dropWebhook, showWebhook } from "./cache";
import { RotateSecret } from "./RotateSecret";
import { nameOf } from "./state";
import { checkWebhook, WebhookFields, type WebhookValues } from "./WebhookFields";

/** What is asked about an endpoint. */
export type Asked = "edit" | "rotate" | "delete" | undefined;

interface DialogsProps {
  of: WebhookEndpoint;
  asked: Asked;
  onEnd: () => void;
}

/** The dialogs of an endpoint. */
export function WebhookDialogs({ of, asked, onEnd }: DialogsProps) {
  const [, go] = useLocation();
  const remove = useMutation(WebhookService.method.deleteWebhookEndpoint);
  return (
    <>
      <Dialog open={asked === "edit"} onClose={onEnd} title="Edit webhook">
        <Edit of={of} onEnd={onEnd} />
      </Dialog>
      <RotateSecret open={asked === "rotate"} of={of} onClose={onEnd} />
      <Confirm
        open={asked === "delete"}
        onClose={onEnd}
        title={`Delete ${nameOf(of)}?`}
        verb="Delete webhook"
        busy="Deleting…"
        onConfirm={async () => {
          await remove.mutateAsync({ id: of.id });
          go("/alerts?tab=webhooks");
          dropWebhook(of.id);
          toast({ text: "Webhook deleted" });
        }}
      >
        <p>Alerts are no longer sent there, and the record of what was sent is deleted as well.</p>
        <p>This cannot be undone. To stop messages for a while, disable it.</p>
      </Confirm>
    </>
  );
}

function Edit({ of, onEnd }: { of: WebhookEndpoint; onEnd: () => void }) {
  const update = useMutation(WebhookService.method.updateWebhookEndpoint);
  const form = useForm<WebhookValues>({
    initial: { url: of.url, description: of.description ?? "", kinds: of.kinds },
    check: checkWebhook,
    async submit({ url, description, kinds }) {
      const { endpoint } = await update.mutateAsync({
        id: of.id,
        url: url.trim(),
        ...(description.trim() && { description }),
        kinds: [...kinds],
        updateMask: { paths: ["url", "description", "kinds"] },
      });
      if (endpoint) showWebhook(endpoint);
      onEnd();
      toast({ text: "Webhook changed" });
    },
  });
  useUnsaved(form.dirty);
  return (
    <Form form={form} verb="Save" busy="Saving…" onCancel={onEnd} focus>
      <WebhookFields form={form} />
    </Form>
  );
}

/** Returns what enables or disables an endpoint: at once, and back as it was if the server refuses. */
export function useTurn(): (of: WebhookEndpoint, enabled: boolean) => Promise<void> {
  const update = useMutation(WebhookService.method.updateWebhookEndpoint);
  const turn = async (of: WebhookEndpoint, enabled: boolean, back = false): Promise<void> => {
    showWebhook({ ...of, enabled });
    try {
      const { endpoint } = await update.mutateAsync({ id: of.id, enabled });
      if (endpoint) showWebhook(endpoint);
      void readAlerts(); // enabling resolves the alert that the server disabled it
      toast({
        text: enabled ? "Webhook enabled" : "Webhook disabled. It misses what happens meanwhile.",
        ...(!back && endpoint && { undo: () => void turn(endpoint, !enabled, true) }),
      });
    } catch (error) {
      showWebhook(of);
      toast({ text: problem(error).sentence });
    }
  };
  return (of, enabled) => turn(of, enabled);
}
