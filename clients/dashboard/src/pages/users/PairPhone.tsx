import { useMutation } from "@connectrpc/connect-query";
import { type PairingCode, TokenService, type User } from "@openwearables/sdk/connect";
import { useState } from "react";
import { useUnsaved } from "../../app/guard";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { SecretOnce } from "../../parts/SecretOnce";
import { full, toDate } from "../../parts/time";
import { nameOf } from "./person";

/** Makes a code that a person types into an app, which signs the user in there. */
export function PairPhone({ user }: { user: User }) {
  const [open, setOpen] = useState(false);
  const [shown, setShown] = useState(false);
  const close = () => {
    setOpen(false);
    setShown(false);
  };
  return (
    <>
      <Button onClick={() => setOpen(true)}>Pair a phone</Button>
      <Dialog
        open={open}
        onClose={close}
        dismissable={!shown}
        title={shown ? "Type this code into the app" : "Pair a phone?"}
      >
        <Steps user={user} onShown={() => setShown(true)} onClose={close} />
      </Dialog>
    </>
  );
}

interface StepsProps {
  user: User;
  onShown: () => void;
  onClose: () => void;
}

function Steps({ user, onShown, onClose }: StepsProps) {
  const create = useMutation(TokenService.method.createPairingCode, { gcTime: 0 });
  const [made, setMade] = useState<Pick<PairingCode, "code" | "expiresAt">>();
  const form = useForm({
    initial: {},
    async submit() {
      const { pairingCode } = await create.mutateAsync({ userId: user.id });
      create.reset();
      setMade({ code: pairingCode?.code ?? "", expiresAt: pairingCode?.expiresAt });
      onShown();
    },
  });
  useUnsaved(made !== undefined);
  if (made) {
    const code = `${made.code.slice(0, 4)}-${made.code.slice(4)}`;
    return (
      <SecretOnce label="Pairing code" secret={code} onStored={onClose}>
        It works once, until {made.expiresAt && full(toDate(made.expiresAt))}. Capitals, spaces and
        the dash do not matter.
      </SecretOnce>
    );
  }
  return (
    <Form form={form} verb="Create code" busy="Creating…" onCancel={onClose}>
      <div className="prose">
        <p>
          Whoever types the code into your app is signed in as {nameOf(user)} there, and reaches the
          data of this person alone. A code that was made before and not used stops working.
        </p>
      </div>
    </Form>
  );
}
