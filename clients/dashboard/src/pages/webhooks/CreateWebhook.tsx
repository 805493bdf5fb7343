import { useMutation } from "@connectrpc/connect-query";
import { WebhookService } from "@openwearables/sdk/connect";
import { useState } from "react";
import { flushSync } from "react-dom";
import { useLocation } from "wouter";
import { useUnsaved } from "../../app/guard";
import { Dialog } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { SecretOnce } from "../../parts/SecretOnce";
import { readWebhooks } from "./cache";
import { kinds } from "./state";
import { checkWebhook, WebhookFields, type WebhookValues } from "./WebhookFields";

interface Made {
  id: string;
  secret: string;
}

interface CreateProps {
  open: boolean;
  onClose: () => void;
}

/** Adds an endpoint, then shows the secret that signs its messages once. */
export function CreateWebhook({ open, onClose }: CreateProps) {
  const [, go] = useLocation();
  const [made, setMade] = useState<Made>();
  useUnsaved(made !== undefined);
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={made ? "Store the signing secret" : "Add webhook"}
      dismissable={!made}
    >
      {made ? (
        <SecretOnce
          label="Signing secret"
          secret={made.secret}
          onStored={() => {
            // Nothing is unsaved any more before the page changes.
            flushSync(() => setMade(undefined));
            onClose();
            go(`/webhooks/${made.id}`);
          }}
        >
          Your receiver checks with it that a message is from this server.
        </SecretOnce>
      ) : (
        <Ask onMade={setMade} onCancel={onClose} />
      )}
    </Dialog>
  );
}

function Ask({ onMade, onCancel }: { onMade: (made: Made) => void; onCancel: () => void }) {
  const create = useMutation(WebhookService.method.createWebhookEndpoint, { gcTime: 0 });
  const form = useForm<WebhookValues>({
    initial: { url: "", description: "", kinds: kinds.map(({ value }) => value) },
    check: checkWebhook,
    async submit({ url, description, kinds }) {
      const { endpoint, secret } = await create.mutateAsync({
        url: url.trim(),
        ...(description.trim() && { description }),
        kinds: [...kinds],
      });
      create.reset();
      readWebhooks();
      if (endpoint) onMade({ id: endpoint.id, secret });
    },
  });
  useUnsaved(form.dirty);
  return (
    <Form form={form} verb="Add webhook" busy="Adding…" onCancel={onCancel} focus>
      <WebhookFields form={form} />
    </Form>
  );
}
