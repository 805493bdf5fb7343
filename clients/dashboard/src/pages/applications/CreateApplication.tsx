import { useMutation } from "@connectrpc/connect-query";
import { type Application, ApplicationService } from "@openwearables/sdk/connect";
import { useState } from "react";
import { useUnsaved } from "../../app/guard";
import { Button } from "../../parts/Button";
import { Dialog, DialogEnd } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { SecretOnce } from "../../parts/SecretOnce";
import { TextField } from "../../parts/TextField";
import { readApplications } from "./cache";
import { FirstExchange } from "./FirstExchange";

interface Made {
  application: Application;
  secret: string;
}

/** Creates an application, shows its secret once, then how its backend uses it. */
export function CreateApplication({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [made, setMade] = useState<Made>();
  const [stored, setStored] = useState(false);
  useUnsaved(made !== undefined && !stored);
  const close = () => {
    onClose();
    setMade(undefined);
    setStored(false);
    readApplications();
  };
  return (
    <Dialog
      open={open}
      onClose={close}
      title={!made ? "Create application" : stored ? "Make the first exchange" : "Store its secret"}
      dismissable={!made}
      size={stored ? "large" : "medium"}
    >
      {!made ? (
        <Ask onMade={setMade} onCancel={close} />
      ) : !stored ? (
        <SecretOnce
          label="Application secret"
          secret={made.secret}
          onStored={() => setStored(true)}
        >
          Put it where your backend reads its secrets, never into the app.
        </SecretOnce>
      ) : (
        <>
          <p className="quiet">
            Your backend runs this for a user who is signed in to your app, and hands the tokens to
            the app. The secret is filled in until you go on.
          </p>
          <FirstExchange of={made.application} secret={made.secret} />
          <DialogEnd>
            <Button kind="primary" onClick={close}>
              Done
            </Button>
          </DialogEnd>
        </>
      )}
    </Dialog>
  );
}

function Ask({ onMade, onCancel }: { onMade: (made: Made) => void; onCancel: () => void }) {
  const create = useMutation(ApplicationService.method.createApplication, { gcTime: 0 });
  const form = useForm({
    initial: { name: "" },
    check: ({ name }) => ({ name: name.trim() ? "" : "Give the application a name." }),
    async submit({ name }) {
      const { application, appSecret } = await create.mutateAsync({ name });
      create.reset();
      readApplications();
      if (application) onMade({ application, secret: appSecret });
    },
  });
  useUnsaved(form.dirty);
  return (
    <Form form={form} verb="Create application" busy="Creating…" onCancel={onCancel} focus>
      <TextField
        label="Name"
        required
        maxLength={100}
        hint="After the app whose backend uses it."
        {...form.field("name")}
      />
    </Form>
  );
}
