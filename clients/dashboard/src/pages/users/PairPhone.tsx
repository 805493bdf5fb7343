import { useMutation } from "@connectrpc/connect-query";
import { TokenService, type User } from "@openwearables/sdk/connect";
import { full, toDate } from "../../parts/time";
import { IssueSecret } from "./IssueSecret";
import { nameOf } from "./person";

/** Makes a code that a person types into an app, which signs the user in there. */
export function PairPhone({ user }: { user: User }) {
  const create = useMutation(TokenService.method.createPairingCode, { gcTime: 0 });
  const issue = async () => {
    const { pairingCode } = await create.mutateAsync({ userId: user.id });
    create.reset();
    const { code = "", expiresAt } = pairingCode ?? {};
    const until = expiresAt && full(toDate(expiresAt));
    return {
      secret: `${code.slice(0, 4)}-${code.slice(4)}`,
      note: `It works once, until ${until}. Capitals, spaces and the dash do not matter.`,
    };
  };
  return (
    <IssueSecret
      button="Pair a phone"
      question="Pair a phone?"
      task="Type this code into the app"
      label="Pairing code"
      verb="Create code"
      issue={issue}
    >
      <p>
        Whoever types the code into your app is signed in as {nameOf(user)} there, and reaches the
        data of this person alone. A code that was made before and not used stops working.
      </p>
    </IssueSecret>
  );
}
