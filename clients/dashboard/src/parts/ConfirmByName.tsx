import type { ReactNode } from "react";
import { Dialog } from "./Dialog";
import { Form, useForm } from "./Form";
import { TextField } from "./TextField";

export interface ConfirmProps {
  open: boolean;
  onClose: () => void;
  /** The question, such as "Delete Billing service?". */
  title: string;
  /** The verb and the noun of the red button. */
  verb: string;
  /** What the button says meanwhile, such as "Deleting…". */
  busy: string;
  /** What breaks, with figures. */
  children: ReactNode;
  /** Does it. What it throws is shown; the dialog closes when it is done. */
  onConfirm: () => Promise<unknown>;
}

/** Asks before something is taken away that cannot be undone and is small. */
export function Confirm(props: ConfirmProps) {
  return (
    <Dialog open={props.open} onClose={props.onClose} title={props.title}>
      <Ask {...props} />
    </Dialog>
  );
}

export interface ConfirmByNameProps extends ConfirmProps {
  /** The name to type, of the thing that is taken away. */
  name: string;
}

/** Asks for the name of the thing before it is taken away. */
export function ConfirmByName(props: ConfirmByNameProps) {
  return (
    <Dialog open={props.open} onClose={props.onClose} title={props.title}>
      <Ask {...props} />
    </Dialog>
  );
}

function Ask(props: ConfirmProps & { name?: string }) {
  const { name, verb, busy, onClose, onConfirm, children } = props;
  const form = useForm({
    initial: { name: "" },
    check: (values): { name?: string } =>
      name && values.name.trim() !== name.trim()
        ? { name: `This is not the name. Type ${name}.` }
        : {},
    submit: async () => {
      await onConfirm();
      onClose();
    },
  });
  return (
    <Form form={form} verb={verb} busy={busy} onCancel={onClose} danger focus={Boolean(name)}>
      <div className="prose">{children}</div>
      {name && <TextField label={`Type “${name}” to go on`} {...form.field("name")} />}
    </Form>
  );
}
