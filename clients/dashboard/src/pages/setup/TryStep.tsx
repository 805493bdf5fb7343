import type { Key } from "@openwearables/sdk/connect";
import { CircleCheck } from "lucide-react";
import type { ReactNode } from "react";
import { useUnsaved } from "../../app/guard";
import { Link } from "../../parts/Link";
import { SecretOnce } from "../../parts/SecretOnce";
import { Snippet } from "../../parts/Snippet";
import { Time } from "../../parts/Time";
import { useKey } from "../keys/watch";
import type { NewKey } from "./KeyStep";
import { snippets } from "./snippets";

interface TryStepProps {
  made: NewKey;
  /** The person said that the secret is stored. */
  stored: boolean;
  onStored: () => void;
  /** What ends the step, in place of the way to the dashboard. */
  children?: ReactNode;
}

/** Shows the secret once, then how to use it, and says when it was used. */
export function TryStep({ made, stored, onStored, children }: TryStepProps) {
  useUnsaved(!stored);
  const { data } = useKey(made.id);
  if (!stored) {
    return (
      <SecretOnce label="API key" secret={made.secret} onStored={onStored}>
        Put it where your backend reads its secrets.
      </SecretOnce>
    );
  }
  const used = data?.key?.lastUsedAt ? data.key : undefined;
  return (
    <>
      <p className="quiet">Run one of these as it is. The key is filled in until you go on.</p>
      <Snippet label="First request" code={snippets(location.origin, made.secret)} />
      <div className={used ? "waiting waiting-good" : "waiting"} role="status">
        {used ? <Used of={used} /> : <Waiting />}
      </div>
      {children ?? (
        <Link href="/" kind={used ? "primary" : "plain"}>
          Go to the dashboard
        </Link>
      )}
    </>
  );
}

function Waiting() {
  return (
    <>
      <span className="spinner" aria-hidden="true" />
      Waiting for the first request…
    </>
  );
}

function Used({ of: { lastUsedOperation, lastUsedClient, lastUsedAt } }: { of: Key }) {
  const client = nameOf(lastUsedClient);
  const what =
    client === "curl" && lastUsedOperation === "ListUsers" ? "GET /users" : lastUsedOperation;
  return (
    <>
      <CircleCheck size={16} aria-hidden="true" />
      <span>
        It works: {what || "a request"}
        {client && ` by ${client}`}, <Time at={lastUsedAt} />.
      </span>
    </>
  );
}

/** `curl/8.5.0` is `curl` to a person. */
function nameOf(client = ""): string {
  return client.split(/[/ ]/)[0] ?? "";
}
