import { useQuery } from "@connectrpc/connect-query";
import { InstallationService, InvitationService, KeyService } from "@openwearables/sdk/connect";
import { useState } from "react";
import { useDays } from "./figures";

/** What a new installation needs, one after the other. */
export interface Step {
  name: string;
  why: string;
  href: string;
  verb: string;
  done: boolean;
}

/** Reads how far a new installation is; undefined until it is known. */
export function useSteps() {
  const [hidden, setHidden] = useState(read);
  const stats = useQuery(InstallationService.method.getStats, {}, { refetchInterval: 60_000 });
  const week = useDays(6).data?.usage;
  const lately = week && week.keys.length + week.applications.length > 0;
  const keys = useQuery(
    KeyService.method.listKeys,
    {},
    { enabled: lately === false, refetchInterval: 5_000 },
  );
  const used = lately || keys.data?.keys.some((key) => key.lastUsedAt);
  const counts = stats.data?.stats;
  const single = counts?.developers?.count === 1n;
  const invitations = useQuery(
    InvitationService.method.listInvitations,
    {},
    { enabled: single && !hidden },
  );
  if (!counts || used === undefined) return { used, steps: undefined, hide };
  const steps: Step[] = [
    {
      name: "Create an API key",
      why: "Your backend calls the API with it.",
      href: "/keys",
      verb: "Create key",
      done: (counts.apiKeys?.count ?? 0n) > 0n,
    },
    {
      name: "Make a first request",
      why: "The page of a key shows how.",
      href: "/keys",
      verb: "Choose a key",
      done: used,
    },
    {
      name: "Create an application",
      why: "Its backend gets tokens for the users of your app.",
      href: "/applications",
      verb: "Create application",
      done: (counts.applications?.count ?? 0n) > 0n,
    },
    {
      name: "Invite a colleague",
      why: "So that you are not the only one who can log in.",
      href: "/team",
      verb: "Invite",
      done: !single || (invitations.data?.invitations.length ?? 0) > 0,
    },
  ];
  const over = hidden || steps.every(({ done }) => done) || (single && invitations.isPending);
  return { used, steps: over ? [] : steps, hide };

  function hide() {
    setHidden(true);
    try {
      localStorage.setItem(remembered, "hidden");
    } catch {
      // It is hidden until the page is loaded again.
    }
  }
}

const remembered = "steps";

function read(): boolean {
  try {
    return localStorage.getItem(remembered) === "hidden";
  } catch {
    return false;
  }
}
