import { Dialog } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { TextField } from "../../parts/TextField";

interface RenameProps {
  open: boolean;
  onClose: () => void;
  /** The name so far. */
  name: string;
  /** Renames it. What it throws is shown. */
  rename: (name: string) => Promise<unknown>;
}

/** Asks for another name. */
export function RenameDialog(props: RenameProps) {
  return (
    <Dialog open={props.open} onClose={props.onClose} title={`Rename ${props.name}`} size="small">
      <Ask {...props} />
    </Dialog>
  );
}

function Ask({ name, rename, onClose }: RenameProps) {
  const form = useForm({
    initial: { name },
    check: (values) => ({ name: values.name.trim() ? "" : "Enter a name." }),
    async submit(values) {
      await rename(values.name);
      onClose();
    },
  });
  return (
    <Form form={form} verb="Rename" busy="Renaming…" onCancel={onClose} focus>
      <TextField label="Name" maxLength={100} required {...form.field("name")} />
    </Form>
  );
}
