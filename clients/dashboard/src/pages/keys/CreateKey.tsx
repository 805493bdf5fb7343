import { useMutation } from "@connectrpc/connect-query";
import { KeyService } from "@openwearables/sdk/connect";
import { useState } from "react";
import { useUnsaved } from "../../app/guard";
import { Button } from "../../parts/Button";
import { RadioGroup } from "../../parts/Checkbox";
import { Dialog, DialogEnd } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { TextField } from "../../parts/TextField";
import type { NewKey } from "../setup/KeyStep";
import { TryStep } from "../setup/TryStep";
import { readKeys } from "./cache";
import { checkKey, KeyFields, newKey, toRequest } from "./KeyFields";

const environments = [
  { value: "live", label: "Live", hint: "For real users" },
  { value: "test", label: "Test", hint: "For trying out; it reaches the same data" },
] as const;

interface CreateKeyProps {
  open: boolean;
  /** Ends it; with the id of the key that was made, if one was. */
  onClose: (id?: string) => void;
}

/** Creates a key, shows its secret once, then how to use it. */
export function CreateKey({ open, onClose }: CreateKeyProps) {
  const [made, setMade] = useState<NewKey>();
  const [stored, setStored] = useState(false);
  const close = () => {
    onClose(made?.id);
    setMade(undefined);
    setStored(false);
  };
  return (
    <Dialog
      open={open}
      onClose={close}
      title={!made ? "Create key" : stored ? "Make the first request" : "Store your key"}
      dismissable={!made}
      size={stored ? "large" : "medium"}
    >
      {made ? (
        <TryStep made={made} stored={stored} onStored={() => setStored(true)}>
          <DialogEnd>
            <Button kind="primary" onClick={close}>
              Done
            </Button>
          </DialogEnd>
        </TryStep>
      ) : (
        <Ask onMade={setMade} onCancel={close} />
      )}
    </Dialog>
  );
}

function Ask({ onMade, onCancel }: { onMade: (made: NewKey) => void; onCancel: () => void }) {
  const create = useMutation(KeyService.method.createKey, { gcTime: 0 });
  const form = useForm({
    initial: { ...newKey, environment: "live" as "live" | "test" },
    check: checkKey,
    async submit(values) {
      const { environment } = values;
      const { key, secret } = await create.mutateAsync({ ...toRequest(values), environment });
      create.reset();
      readKeys();
      if (key) onMade({ id: key.id, secret });
    },
  });
  useUnsaved(form.dirty);
  return (
    <Form form={form} verb="Create key" busy="Creating…" onCancel={onCancel} focus>
      <TextField
        label="Name"
        required
        maxLength={100}
        hint="After the service that uses it."
        {...form.field("name")}
      />
      <RadioGroup
        label="Environment"
        options={environments}
        columns
        {...form.field("environment")}
      />
      <KeyFields form={form} />
    </Form>
  );
}
