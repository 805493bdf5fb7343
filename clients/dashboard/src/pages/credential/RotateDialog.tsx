import { useState } from "react";
import { flushSync } from "react-dom";
import { useUnsaved } from "../../app/guard";
import { Banner } from "../../parts/Banner";
import { Dialog } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { SecretOnce } from "../../parts/SecretOnce";
import { Select } from "../../parts/Select";

/** How long the old secret works beside the new one, in seconds. */
const overlaps = [
  { value: "86400", label: "24 hours" },
  { value: "3600", label: "1 hour" },
  { value: "604800", label: "7 days" },
  { value: "2592000", label: "30 days" },
  { value: "0", label: "Not at all: end it now" },
] as const;

export interface RotateProps {
  open: boolean;
  onClose: () => void;
  /** What is rotated. */
  name: string;
  /** What the secret is called, such as "API key". */
  label: string;
  /** An older secret still works: it ends by this rotation. */
  rotating: boolean;
  /** Rotates, forgets what it was answered, and returns the secret. */
  rotate: (overlapSeconds: number) => Promise<string>;
  /** The new secret is stored. */
  onDone: () => void;
}

/** Asks for how long the old secret goes on working, then shows the new one once. */
export function RotateDialog(props: RotateProps) {
  const [secret, setSecret] = useState("");
  useUnsaved(secret !== "");
  return (
    <Dialog
      open={props.open}
      onClose={props.onClose}
      title={secret ? "Store the new secret" : `Rotate ${props.name}`}
      dismissable={!secret}
    >
      {secret ? (
        <SecretOnce
          label={props.label}
          secret={secret}
          onStored={() => {
            // Nothing is unsaved any more before the page may change.
            flushSync(() => setSecret(""));
            props.onDone();
          }}
        >
          Put it where your backend reads its secrets.
        </SecretOnce>
      ) : (
        <Ask {...props} onSecret={setSecret} />
      )}
    </Dialog>
  );
}

function Ask({
  onClose,
  rotating,
  rotate,
  onSecret,
}: RotateProps & { onSecret: (secret: string) => void }) {
  const form = useForm<{ overlapSeconds: string }>({
    initial: { overlapSeconds: overlaps[0].value },
    submit: async ({ overlapSeconds }) => onSecret(await rotate(Number(overlapSeconds))),
  });
  return (
    <Form form={form} verb="Rotate" busy="Rotating…" onCancel={onClose} focus>
      <p>A new secret is made. Move every client to it while the old one still works.</p>
      {rotating && (
        <Banner tone="warn">
          An older secret still works from the last rotation. It ends now if you rotate again.
        </Banner>
      )}
      <Select
        label="The old secret goes on working for"
        options={overlaps}
        hint={
          form.values.overlapSeconds === "0"
            ? "Whatever still uses the old secret is refused at once."
            : "You can end it sooner, once nothing uses it any more."
        }
        {...form.field("overlapSeconds")}
      />
    </Form>
  );
}
