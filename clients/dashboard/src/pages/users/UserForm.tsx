import { useMutation } from "@connectrpc/connect-query";
import { type User, UserService } from "@openwearables/sdk/connect";
import { useUnsaved } from "../../app/guard";
import { Dialog } from "../../parts/Dialog";
import { Form, useForm } from "../../parts/Form";
import { TextField } from "../../parts/TextField";
import { toast } from "../../parts/Toast";
import { usersChanged } from "./changes";
import { nameOf } from "./person";

export interface UserDialogProps {
  open: boolean;
  onClose: () => void;
  /** Who is edited; a new user without. */
  user?: User | undefined;
}

/** Creates a user, or edits one. */
export function UserDialog({ open, onClose, user }: UserDialogProps) {
  return (
    <Dialog open={open} onClose={onClose} title={user ? `Edit ${nameOf(user)}` : "Create user"}>
      <UserForm user={user} onClose={onClose} />
    </Dialog>
  );
}

/** The members of a user that a person writes, by their names in the API. */
const members = {
  firstName: "first_name",
  lastName: "last_name",
  email: "email",
  externalUserId: "external_user_id",
} as const;
type Member = keyof typeof members;
const names = Object.keys(members) as Member[];

function UserForm({ user, onClose }: Omit<UserDialogProps, "open">) {
  const create = useMutation(UserService.method.createUser);
  const update = useMutation(UserService.method.updateUser);
  const initial: Record<Member, string> = {
    firstName: user?.firstName ?? "",
    lastName: user?.lastName ?? "",
    email: user?.email ?? "",
    externalUserId: user?.externalUserId ?? "",
  };
  const form = useForm({
    initial,
    check: (values): Partial<Record<Member, string>> =>
      !user && names.every((name) => !values[name].trim())
        ? { firstName: "Fill in one field at least, so that you can tell this user from others." }
        : {},
    async submit(values) {
      const given = (name: Member) => values[name].trim() || undefined;
      const changed = user ? names.filter((name) => given(name) !== user[name]) : names;
      if (changed.length === 0) return onClose();
      const said = Object.fromEntries(
        changed.flatMap((name) => (given(name) ? [[name, given(name)]] : [])),
      );
      const answer = user
        ? await update.mutateAsync({
            id: user.id,
            ...said,
            updateMask: { paths: changed.map((name) => members[name]) },
          })
        : await create.mutateAsync(said);
      await usersChanged();
      const who = answer.user ? nameOf(answer.user) : "User";
      toast({ text: user ? `${who} saved` : `${who} created` });
      onClose();
    },
  });
  useUnsaved(form.dirty);
  return (
    <Form
      form={form}
      verb={user ? "Save" : "Create user"}
      busy={user ? "Saving…" : "Creating…"}
      onCancel={onClose}
      focus
    >
      <TextField label="First name" optional maxLength={100} {...form.field("firstName")} />
      <TextField label="Last name" optional maxLength={100} {...form.field("lastName")} />
      <TextField label="Email" optional type="email" maxLength={254} {...form.field("email")} />
      <TextField
        label="External id"
        optional
        mono
        maxLength={255}
        hint="The id of this person in your own backend. No two users have the same."
        {...form.field("externalUserId")}
      />
    </Form>
  );
}
