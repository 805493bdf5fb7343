import { useMutation } from "@connectrpc/connect-query";
import { InvitationService } from "@openwearables/sdk/connect";
import { useEffect, useReducer, useState } from "react";
import { useLocation } from "wouter";
import { Alone } from "../../app/Alone";
import { forgetToken, linkToken, onToken } from "../../app/fragment";
import { errorOf } from "../../app/queries";
import { auth } from "../../app/session";
import { Banner } from "../../parts/Banner";
import { Form, useForm } from "../../parts/Form";
import { Link } from "../../parts/Link";
import { PasswordField } from "../../parts/PasswordField";
import { TextField } from "../../parts/TextField";

/** Why a link does not work, by the reason of the server. */
const over: Record<string, string> = {
  not_found: "This invitation link is not valid. Ask for a new one.",
  invitation_expired: "This invitation has expired. Ask for a new one.",
  invitation_revoked: "This invitation was taken back. Ask whoever sent it.",
  invitation_accepted: "This invitation was accepted already. Log in with the password you chose.",
  developer_exists: "There is a developer with this address already. Log in.",
};

const toLogin = (
  <>
    Do you have an account? <Link href="/login">Log in</Link>
  </>
);

/** Where the link of an invitation leads: the person becomes a developer. */
export default function Invite() {
  const [, render] = useReducer((n: number) => n + 1, 0);
  useEffect(() => onToken(render), []);
  if (!linkToken()) {
    return (
      <Alone title="Open your invitation" below={toLogin}>
        <p>
          Open the link of your invitation again, whole. If you have lost it, ask for a new one.
        </p>
      </Alone>
    );
  }
  return (
    <Alone
      title="Accept the invitation"
      sub="You will see and manage this installation."
      below={toLogin}
    >
      <AcceptForm />
    </Alone>
  );
}

function AcceptForm() {
  const accept = useMutation(InvitationService.method.acceptInvitation, { gcTime: 0 });
  const [, navigate] = useLocation();
  const [wrong, setWrong] = useState<string>();
  const form = useForm({
    initial: { firstName: "", lastName: "", password: "" },
    check: ({ firstName, lastName, password }) => ({
      firstName: firstName.trim() ? "" : "Enter your first name.",
      lastName: lastName.trim() ? "" : "Enter your last name.",
      password: password ? "" : "Choose a password.",
    }),
    async submit(values) {
      setWrong(undefined);
      try {
        const { developer } = await accept.mutateAsync({ ...values, token: linkToken() });
        await auth.login({ email: developer?.email ?? "", password: values.password });
      } catch (e) {
        const known = over[errorOf(e)?.reason ?? ""];
        if (!known) throw e;
        setWrong(known);
        return;
      }
      accept.reset();
      forgetToken();
      navigate("/", { replace: true });
    },
  });
  return (
    <>
      {wrong && <Banner tone="bad">{wrong}</Banner>}
      <Form form={form} verb="Create account" busy="Creating…" wide focus>
        <TextField
          label="First name"
          autoComplete="given-name"
          maxLength={100}
          required
          {...form.field("firstName")}
        />
        <TextField
          label="Last name"
          autoComplete="family-name"
          maxLength={100}
          required
          {...form.field("lastName")}
        />
        <PasswordField label="Password" fresh {...form.field("password")} />
      </Form>
    </>
  );
}
