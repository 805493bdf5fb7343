import { useQuery } from "@connectrpc/connect-query";
import { DeveloperService } from "@openwearables/sdk/connect";

/** Returns what names an actor of the audit trail, such as `developer:` and an id, by an email. */
export function useWho(enabled: boolean): (actor: string) => string {
  const { data } = useQuery(
    DeveloperService.method.listDevelopers,
    {},
    { enabled, staleTime: 60_000 },
  );
  return (actor) => {
    const [kind, id] = actor.split(":");
    const found = data?.developers.find((developer) => developer.id === id);
    if (kind !== "developer") return actor || "unknown";
    return found?.email ?? (data ? "a developer who is gone" : "a developer");
  };
}
