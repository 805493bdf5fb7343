import { useQuery } from "@connectrpc/connect-query";
import { KeyService } from "@openwearables/sdk/connect";
import { type ReactNode, useEffect, useReducer, useState } from "react";
import { Redirect } from "wouter";
import { Alone } from "../../app/Alone";
import { forgetToken, linkToken, onToken } from "../../app/fragment";
import { useHeld } from "../../app/held";
import Relogin from "../../app/Relogin";
import { useSession } from "../../app/session";
import { Link } from "../../parts/Link";
import { Skeleton } from "../../parts/Skeleton";
import { DeveloperStep } from "./DeveloperStep";
import { KeyStep, type NewKey } from "./KeyStep";
import { TryStep } from "./TryStep";

const titles = ["Create the first developer", "Create your first key", "Make the first request"];
const subs = [
  "You log in with these. Others can be invited later.",
  "Your backend calls the API with a key. Name it after what uses it.",
  "",
];
const names = ["Developer", "Key", "First request"];

/** From a fresh start to a key in use: the printed address of a new server leads here. */
export default function Setup() {
  const session = useSession();
  const [stored, setStored] = useState(false);
  const [made, setMade] = useState<NewKey>();
  const [, render] = useReducer((n: number) => n + 1, 0);
  useEffect(() => onToken(render), []);
  const held = useHeld();
  if (session === "unknown") return null;
  if (session !== "signedIn" && !held) {
    if (!linkToken()) return <NoLink />;
    return (
      <Step at={0}>
        <DeveloperStep />
      </Step>
    );
  }
  forgetToken();
  if (!made) return <FirstKey onMade={setMade} />;
  return (
    <>
      <Step at={2} title={stored ? undefined : "Store your key"}>
        <TryStep
          key={String(stored)}
          made={made}
          stored={stored}
          onStored={() => setStored(true)}
        />
      </Step>
      {held && <Relogin />}
    </>
  );
}

/** Who is signed in and has a key already is past the setup. */
function FirstKey({ onMade }: { onMade: (made: NewKey) => void }) {
  const { data, error } = useQuery(
    KeyService.method.listKeys,
    { limit: 1 },
    { staleTime: Infinity },
  );
  const [begun, setBegun] = useState(false);
  if (data && data.keys.length > 0 && !begun) return <Redirect to="/" replace />;
  return (
    <Step at={1}>
      {data || error ? (
        <KeyStep onBegun={() => setBegun(true)} onMade={onMade} />
      ) : (
        <Skeleton height="160px" />
      )}
    </Step>
  );
}

function Step({
  at,
  title,
  children,
}: {
  at: number;
  title?: string | undefined;
  children: ReactNode;
}) {
  return (
    <Alone
      title={title ?? titles[at] ?? ""}
      sub={subs[at]}
      wide={at === 2}
      above={<Progress at={at} />}
    >
      {children}
    </Alone>
  );
}

function Progress({ at }: { at: number }) {
  return (
    <ol className="steps" aria-label="Progress">
      {names.map((name, n) => (
        <li
          key={name}
          className={n < at ? "step-done" : undefined}
          aria-current={n === at ? "step" : undefined}
        >
          {name}
          {n < at && <span className="sr"> (done)</span>}
        </li>
      ))}
    </ol>
  );
}

function NoLink() {
  return (
    <Alone
      title="Set up this server"
      below={
        <>
          Is it set up already? <Link href="/login">Log in</Link>
        </>
      }
    >
      <p>
        Open the setup address that the server printed when it started, with everything behind its{" "}
        <code>#</code>. It works once, for 24 hours, until a restart. Restart the server to get a
        new one.
      </p>
    </Alone>
  );
}
