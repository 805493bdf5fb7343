import { type ReactNode, useState } from "react";
import { useUnsaved } from "../../app/guard";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { SecretOnce } from "../../parts/SecretOnce";

/** A secret, and what to know of it. */
export interface Issued {
  secret: string;
  note: ReactNode;
}

interface IssueProps {
  /** What the secret is called. */
  label: string;
  /** Makes the secret, and leaves it in no cache. */
  issue: () => Promise<Issued>;
  /** The button that makes it. */
  verb: string;
  /** Says what the secret is good for, before there is one. */
  children: ReactNode;
}

interface IssueSecretProps extends IssueProps {
  /** The button that opens the dialog. */
  button: string;
  /** The title of the dialog before there is a secret. */
  question: string;
  /** The title of the dialog that shows the secret. */
  task: string;
}

/** A button that asks before it makes a secret, and shows that once. */
export function IssueSecret({ button, question, task, ...steps }: IssueSecretProps) {
  const [open, setOpen] = useState(false);
  const [shown, setShown] = useState(false);
  const close = () => {
    setOpen(false);
    setShown(false);
  };
  return (
    <>
      <Button onClick={() => setOpen(true)}>{button}</Button>
      <Dialog open={open} onClose={close} dismissable={!shown} title={shown ? task : question}>
        <Steps {...steps} onShown={() => setShown(true)} onClose={close} />
      </Dialog>
    </>
  );
}

interface StepsProps extends IssueProps {
  onShown: () => void;
  onClose: () => void;
}

function Steps({ label, issue, verb, children, onShown, onClose }: StepsProps) {
  const [issued, setIssued] = useState<Issued>();
  const form = useForm({
    initial: {},
    async submit() {
      setIssued(await issue());
      onShown();
    },
  });
  useUnsaved(issued !== undefined);
  if (issued) {
    return (
      <SecretOnce label={label} secret={issued.secret} onStored={onClose}>
        {issued.note}
      </SecretOnce>
    );
  }
  return (
    <Form form={form} verb={verb} busy="Creating…" onCancel={onClose}>
      <div className="prose">{children}</div>
    </Form>
  );
}
