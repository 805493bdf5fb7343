import { useMutation, useQuery } from "@connectrpc/connect-query";
import { TokenService, type User, UserService } from "@openwearables/sdk/connect";
import { ConfirmByName } from "../../parts/ConfirmByName";
import { plural } from "../../parts/number";
import { toast } from "../../parts/Toast";
import { usersChanged } from "./changes";
import { nameOf } from "./person";

interface DeleteUserProps {
  open: boolean;
  user: User;
  onClose: () => void;
  onDeleted?: (() => void) | undefined;
}

/** Deletes a user, once the name was typed. */
export function DeleteUser({ open, user, onClose, onDeleted }: DeleteUserProps) {
  const remove = useMutation(UserService.method.deleteUser);
  const name = nameOf(user);
  return (
    <ConfirmByName
      open={open}
      onClose={onClose}
      title={`Delete ${name}?`}
      name={name}
      verb="Delete user"
      busy="Deleting…"
      onConfirm={async () => {
        await remove.mutateAsync({ id: user.id });
        onDeleted?.();
        void usersChanged();
        toast({ text: `${name} deleted` });
      }}
    >
      <p>The profile and all workouts are deleted. Nobody can bring them back.</p>
      <SignedIn id={user.id} />
      <p>The access log stays: it goes on to show who read the data while it was there.</p>
    </ConfirmByName>
  );
}

/** Says what stops working at once. */
function SignedIn({ id }: { id: string }) {
  const { data } = useQuery(TokenService.method.listUserSessions, { userId: id, limit: 100 });
  if (!data) return <p>Every device is signed out.</p>;
  const { length } = data.sessions;
  if (length === 0) return <p>The person is signed in nowhere.</p>;
  const sessions = data.nextCursor ? "more than 100 sessions" : plural(length, "session");
  return <p>The person is signed out at once, of {sessions}.</p>;
}
