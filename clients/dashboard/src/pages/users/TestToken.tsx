import { useMutation } from "@connectrpc/connect-query";
import { TokenService, type User } from "@openwearables/sdk/connect";
import { useState } from "react";
import { useUnsaved } from "../../app/guard";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { plural } from "../../parts/number";
import { SecretOnce } from "../../parts/SecretOnce";
import { sessionsChanged } from "./changes";
import { nameOf } from "./person";

/** Makes a token of a user, to try an app with. */
export function TestToken({ user }: { user: User }) {
  const [open, setOpen] = useState(false);
  const [shown, setShown] = useState(false);
  const close = () => {
    setOpen(false);
    setShown(false);
  };
  return (
    <>
      <Button onClick={() => setOpen(true)}>Create test token</Button>
      <Dialog
        open={open}
        onClose={close}
        dismissable={!shown}
        title={shown ? "Copy the token" : "Create a test token?"}
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
  const create = useMutation(TokenService.method.createUserToken, { gcTime: 0 });
  const [token, setToken] = useState<{ text: string; seconds: number }>();
  const form = useForm({
    initial: {},
    async submit() {
      const { tokens } = await create.mutateAsync({ userId: user.id });
      create.reset();
      setToken({ text: tokens?.accessToken ?? "", seconds: Number(tokens?.expiresIn ?? 0) });
      onShown();
      void sessionsChanged();
    },
  });
  useUnsaved(token !== undefined);
  if (token) {
    return (
      <SecretOnce label="Access token" secret={token.text} onStored={onClose}>
        It works for {plural(Math.round(token.seconds / 60), "minute")}. Send it as{" "}
        <code>Authorization: Bearer …</code>
      </SecretOnce>
    );
  }
  return (
    <Form form={form} verb="Create test token" busy="Creating…" onCancel={onClose}>
      <div className="prose">
        <p>
          With it, you can call the API as {nameOf(user)} does, and reach the data of this person
          alone. It begins a session, which you can end in the list.
        </p>
      </div>
    </Form>
  );
}
