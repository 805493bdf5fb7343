import { createConnectQueryKey, useMutation, useQuery } from "@connectrpc/connect-query";
import { type Developer, SessionService } from "@openwearables/sdk/connect";
import { useUnsaved } from "../../app/guard";
import { change } from "../../app/queries";
import { Card } from "../../parts/Card";
import { ErrorNote } from "../../parts/ErrorNote";
import { Form, useForm } from "../../parts/Form";
import { PasswordField } from "../../parts/PasswordField";
import { Skeleton } from "../../parts/Skeleton";
import { TextField } from "../../parts/TextField";
import { toast } from "../../parts/Toast";

const me = createConnectQueryKey({ schema: SessionService.method.getMe, cardinality: "finite" });

/** The name and the email of the person who is signed in. */
export function AccountCard() {
  const { data, error, refetch } = useQuery(
    SessionService.method.getMe,
    {},
    { staleTime: 300_000 },
  );
  return (
    <Card title="Account" sub="Other developers see your name and email in the audit trail.">
      {data?.developer ? (
        <Edit key={version(data.developer)} of={data.developer} />
      ) : error ? (
        <ErrorNote error={error} onRetry={() => void refetch()} />
      ) : (
        <Skeleton height="262px" />
      )}
    </Card>
  );
}

/** Changes with the account, so that the form begins anew with what was saved. */
const version = ({ updatedAt: at }: Developer) => `${at?.seconds}.${at?.nanos}`;

function Edit({ of }: { of: Developer }) {
  const update = useMutation(SessionService.method.updateMe, { gcTime: 0 });
  const form = useForm({
    initial: {
      email: of.email,
      firstName: of.firstName ?? "",
      lastName: of.lastName ?? "",
      currentPassword: "",
    },
    check: (values) => ({
      email: values.email.includes("@") ? "" : "Type an email address, such as ada@example.com.",
      currentPassword:
        moves(values.email) && !values.currentPassword
          ? "Type your password to change the email."
          : "",
    }),
    async submit({ email, firstName, lastName, currentPassword }) {
      const { developer } = await update.mutateAsync({
        email: email.trim(),
        ...(firstName.trim() && { firstName }),
        ...(lastName.trim() && { lastName }),
        ...(moves(email) && { currentPassword }),
        updateMask: { paths: ["email", "first_name", "last_name"] },
      });
      update.reset();
      change<object>(me, (old) => ({ ...old, developer }));
      toast({ text: "Account saved" });
    },
  });
  useUnsaved(form.dirty);
  function moves(email: string): boolean {
    return email.trim().toLowerCase() !== of.email.toLowerCase();
  }
  return (
    <Form form={form} verb="Save" busy="Saving…">
      <TextField
        label="Email"
        type="email"
        required
        maxLength={254}
        autoComplete="email"
        {...form.field("email")}
      />
      {moves(form.values.email) && (
        <PasswordField
          label="Your password"
          hint="You log in with the new email from now on."
          {...form.field("currentPassword")}
        />
      )}
      <TextField
        label="First name"
        optional
        maxLength={100}
        autoComplete="given-name"
        {...form.field("firstName")}
      />
      <TextField
        label="Last name"
        optional
        maxLength={100}
        autoComplete="family-name"
        {...form.field("lastName")}
      />
    </Form>
  );
}
