import { useMutation } from "@connectrpc/connect-query";
import { TokenService, type User } from "@openwearables/sdk/connect";
import { plural } from "../../parts/number";
import { sessionsChanged } from "./changes";
import { IssueSecret } from "./IssueSecret";
import { nameOf } from "./person";

/** Makes a token of a user, to try an app with. */
export function TestToken({ user }: { user: User }) {
  const create = useMutation(TokenService.method.createUserToken, { gcTime: 0 });
  const issue = async () => {
    const { tokens } = await create.mutateAsync({ userId: user.id });
    create.reset();
    void sessionsChanged();
    const minutes = Math.round(Number(tokens?.expiresIn ?? 0) / 60);
    return {
      secret: tokens?.accessToken ?? "",
      note: (
        <>
          It works for {plural(minutes, "minute")}. Send it as <code>Authorization: Bearer …</code>
        </>
      ),
    };
  };
  return (
    <IssueSecret
      button="Create test token"
      question="Create a test token?"
      task="Copy the token"
      label="Access token"
      verb="Create test token"
      issue={issue}
    >
      <p>
        With it, you can call the API as {nameOf(user)} does, and reach the data of this person
        alone. It begins a session, which you can end in the list.
      </p>
    </IssueSecret>
  );
}
