import { useQuery } from "@connectrpc/connect-query";
import { type Application, UserService } from "@openwearables/sdk/connect";
import { CircleCheck } from "lucide-react";
import { Snippet } from "../../parts/Snippet";
import { useExchanges } from "./exchanges";
import { exchangeSnippets } from "./snippets";

interface FirstExchangeProps {
  of: Application;
  /** Filled in while it is shown. */
  secret?: string | undefined;
}

/** How a backend exchanges the secret of an application, and whether it did. */
export function FirstExchange({ of, secret }: FirstExchangeProps) {
  const { exchanges } = useExchanges(of);
  const users = useQuery(UserService.method.listUsers, { limit: 1 }, { staleTime: 300_000 });
  const { appId } = of;
  const userId = users.data?.items[0]?.id;
  return (
    <>
      <Snippet
        label="First exchange"
        code={exchangeSnippets({ origin: location.origin, appId, secret, userId })}
      />
      <div className={exchanges ? "waiting waiting-good" : "waiting"} role="status">
        {exchanges ? (
          <>
            <CircleCheck size={16} aria-hidden="true" />
            It works: a user got tokens.
          </>
        ) : (
          <>
            <span className="spinner" aria-hidden="true" />
            Waiting for the first exchange…
          </>
        )}
      </div>
    </>
  );
}
