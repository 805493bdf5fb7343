import { useMutation } from "@connectrpc/connect-query";
import { type WebhookEndpoint, WebhookService } from "@openwearables/sdk/connect";
import { useState } from "react";
import { useUnsaved } from "../../app/guard";
import { Banner } from "../../parts/Banner";
import { Dialog } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { SecretOnce } from "../../parts/SecretOnce";
import { Select } from "../../parts/Select";
import { showWebhook } from "./cache";

/** How long the old secret signs beside the new one, in seconds. */
const overlaps = [
  { value: "86400", label: "24 hours" },
  { value: "3600", label: "1 hour" },
  { value: "604800", label: "7 days" },
  { value: "0", label: "Not at all: end it now" },
] as const;

interface RotateProps {
  open: boolean;
  of: WebhookEndpoint;
  onClose: () => void;
}

/** Asks for how long the old secret signs too, then shows the new one once. */
export function RotateSecret({ open, of, onClose }: RotateProps) {
  const [secret, setSecret] = useState("");
  useUnsaved(secret !== "");
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={secret ? "Store the new signing secret" : "Rotate the signing secret"}
      dismissable={!secret}
    >
      {secret ? (
        <SecretOnce
          label="Signing secret"
          secret={secret}
          onStored={() => {
            setSecret("");
            onClose();
          }}
        >
          Put it where your receiver reads its secrets.
        </SecretOnce>
      ) : (
        <Ask of={of} onSecret={setSecret} onCancel={onClose} />
      )}
    </Dialog>
  );
}

interface AskProps {
  of: WebhookEndpoint;
  onSecret: (secret: string) => void;
  onCancel: () => void;
}

function Ask({ of, onSecret, onCancel }: AskProps) {
  const rotate = useMutation(WebhookService.method.rotateWebhookSecret, { gcTime: 0 });
  const form = useForm<{ overlapSeconds: string }>({
    initial: { overlapSeconds: overlaps[0].value },
    async submit({ overlapSeconds }) {
      const { endpoint, secret } = await rotate.mutateAsync({
        id: of.id,
        overlapSeconds: Number(overlapSeconds),
      });
      rotate.reset();
      if (endpoint) showWebhook(endpoint);
      onSecret(secret);
    },
  });
  return (
    <Form form={form} verb="Rotate" busy="Rotating…" onCancel={onCancel} focus>
      {of.previousExpiresAt && (
        <Banner tone="warn">
          An older secret still signs since the last rotation. It ends now if you rotate again.
        </Banner>
      )}
      <Select
        label="The old secret signs too for"
        options={overlaps}
        hint={
          form.values.overlapSeconds === "0"
            ? "A receiver that has only the old secret refuses messages at once."
            : "Give your receiver the new secret in this time."
        }
        {...form.field("overlapSeconds")}
      />
    </Form>
  );
}
