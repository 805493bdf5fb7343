import { useMutation } from "@connectrpc/connect-query";
import { type Invitation, InvitationService } from "@openwearables/sdk/connect";
import { useId, useState } from "react";
import { useUnsaved } from "../../app/guard";
import { errorOf } from "../../app/queries";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/ConfirmByName";
import { Copy } from "../../parts/Copy";
import { Dialog, DialogEnd } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { TextField } from "../../parts/TextField";
import { toast } from "../../parts/Toast";
import { teamChanged } from "./changes";

/** The address that makes a person a developer. Its token is behind the #, which no server is sent. */
export function linkOf({ token }: Invitation): string {
  return `${location.origin}/accept-invite#token=${token}`;
}

/** Invites a person, and shows the link. */
export function Invite({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title="Invite a developer">
      <InviteSteps onClose={onClose} />
    </Dialog>
  );
}

function InviteSteps({ onClose }: { onClose: () => void }) {
  const create = useMutation(InvitationService.method.createInvitation, { gcTime: 0 });
  const [made, setMade] = useState<Invitation>();
  const form = useForm({
    initial: { email: "" },
    check: ({ email }) => ({ email: email.trim() ? "" : "Enter the email of the person." }),
    async submit({ email }) {
      const { invitation } = await create.mutateAsync({ email: email.trim() });
      create.reset();
      await teamChanged();
      setMade(invitation);
    },
  });
  useUnsaved(form.dirty);
  if (made) return <Link invitation={made} onClose={onClose} />;
  const twice = errorOf(form.failure)?.reason === "invitation_pending";
  return (
    <Form form={form} verb="Invite" busy="Inviting…" onCancel={onClose} focus>
      <p>You get a link to send to the person. The server sends no email.</p>
      <TextField label="Email" type="email" maxLength={254} required {...form.field("email")} />
      {twice && (
        <p className="quiet">Copy the link of that invitation in the list, or resend it.</p>
      )}
    </Form>
  );
}

function Link({ invitation, onClose }: { invitation: Invitation; onClose: () => void }) {
  const id = useId();
  return (
    <div className="secret">
      <p>
        Send this link to {invitation.email}, and to nobody else: whoever opens it becomes a
        developer. It works once, for 7 days.
      </p>
      <div className="field">
        <label className="label" htmlFor={id}>
          Link
        </label>
        <div className="secret-line">
          <textarea
            id={id}
            className="input mono"
            value={linkOf(invitation)}
            readOnly
            rows={1}
            spellCheck={false}
            onFocus={(event) => event.target.select()}
          />
          <Copy value={linkOf(invitation)} what="link" words primary />
        </div>
      </div>
      <DialogEnd>
        <Button onClick={onClose}>Done</Button>
      </DialogEnd>
    </div>
  );
}

interface InvitationProps {
  open: boolean;
  invitation: Invitation;
  onClose: () => void;
}

/** Gives an invitation a new link. */
export function ResendInvitation({ open, invitation, onClose }: InvitationProps) {
  return (
    <Dialog open={open} onClose={onClose} title={`Resend to ${invitation.email}?`}>
      <ResendSteps invitation={invitation} onClose={onClose} />
    </Dialog>
  );
}

function ResendSteps({ invitation, onClose }: Omit<InvitationProps, "open">) {
  const resend = useMutation(InvitationService.method.resendInvitation, { gcTime: 0 });
  const [sent, setSent] = useState<Invitation>();
  const form = useForm({
    initial: {},
    async submit() {
      const answer = await resend.mutateAsync({ id: invitation.id });
      resend.reset();
      await teamChanged();
      setSent(answer.invitation);
    },
  });
  if (sent) return <Link invitation={sent} onClose={onClose} />;
  return (
    <Form form={form} verb="Make a new link" busy="Making it…" onCancel={onClose}>
      <p>A new link is made, which works for 7 days. The old one stops working at once.</p>
    </Form>
  );
}

/** Ends an invitation. */
export function RevokeInvitation({ open, invitation, onClose }: InvitationProps) {
  const revoke = useMutation(InvitationService.method.revokeInvitation, { gcTime: 0 });
  return (
    <Confirm
      open={open}
      onClose={onClose}
      title={`Revoke the invitation of ${invitation.email}?`}
      verb="Revoke invitation"
      busy="Revoking…"
      onConfirm={async () => {
        await revoke.mutateAsync({ id: invitation.id });
        revoke.reset();
        await teamChanged();
        toast({ text: "Invitation revoked" });
      }}
    >
      <p>The link stops working at once. You can invite the person again.</p>
    </Confirm>
  );
}
