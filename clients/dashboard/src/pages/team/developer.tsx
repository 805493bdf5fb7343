import { useMutation } from "@connectrpc/connect-query";
import { type Developer, DeveloperService } from "@openwearables/sdk/connect";
import { useUnsaved } from "../../app/guard";
import { ConfirmByName } from "../../parts/ConfirmByName";
import { Dialog } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { TextField } from "../../parts/TextField";
import { toast } from "../../parts/Toast";
import { teamChanged } from "./changes";

/** What a developer is called: the name, or else the email. */
export function fullName(developer: Developer): string {
  return [developer.firstName, developer.lastName].filter(Boolean).join(" ") || developer.email;
}

interface DeveloperProps {
  open: boolean;
  developer: Developer;
  onClose: () => void;
}

/** Changes the names of a developer. */
export function EditDeveloper({ open, developer, onClose }: DeveloperProps) {
  return (
    <Dialog open={open} onClose={onClose} title={`Edit ${fullName(developer)}`}>
      <NameForm developer={developer} onClose={onClose} />
    </Dialog>
  );
}

function NameForm({ developer, onClose }: Omit<DeveloperProps, "open">) {
  const update = useMutation(DeveloperService.method.updateDeveloper);
  const form = useForm({
    initial: { firstName: developer.firstName ?? "", lastName: developer.lastName ?? "" },
    async submit({ firstName, lastName }) {
      await update.mutateAsync({
        id: developer.id,
        ...(firstName.trim() && { firstName: firstName.trim() }),
        ...(lastName.trim() && { lastName: lastName.trim() }),
        updateMask: { paths: ["first_name", "last_name"] },
      });
      await teamChanged();
      toast({ text: "Name saved" });
      onClose();
    },
  });
  useUnsaved(form.dirty);
  return (
    <Form form={form} verb="Save" busy="Saving…" onCancel={onClose} focus>
      <TextField label="First name" optional maxLength={100} {...form.field("firstName")} />
      <TextField label="Last name" optional maxLength={100} {...form.field("lastName")} />
    </Form>
  );
}

/** Removes a developer, once the email was typed. */
export function RemoveDeveloper({ open, developer, onClose }: DeveloperProps) {
  const remove = useMutation(DeveloperService.method.deleteDeveloper);
  return (
    <ConfirmByName
      open={open}
      onClose={onClose}
      title={`Remove ${fullName(developer)}?`}
      name={developer.email}
      verb="Remove developer"
      busy="Removing…"
      onConfirm={async () => {
        await remove.mutateAsync({ id: developer.id });
        await teamChanged();
        toast({ text: `${fullName(developer)} removed` });
      }}
    >
      <p>
        This person is logged out everywhere at once, and so are users whose tokens this person made
        by hand. Invitations from this person are revoked, and the links of all others stop working:
        copy their new ones.
      </p>
      <p>
        Keys, applications, webhooks and users stay. If this person knows the secret of a key,
        rotate that key.
      </p>
    </ConfirmByName>
  );
}
