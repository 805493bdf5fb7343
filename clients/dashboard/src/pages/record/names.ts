import { callUnaryMethod } from "@connectrpc/connect-query";
import { ApplicationService, DeveloperService, KeyService } from "@openwearables/sdk/connect";
import { useQuery } from "@tanstack/react-query";
import { transport } from "../../app/session";

/** Who acts in the record, as `key:key_…`, and what a person calls it. */
export interface Named {
  /** As the record has it: `developer:`, `key:` or `application:` and an id. */
  actor: string;
  name: string;
}

/** Beyond this many keys or applications, the rest are shown by their ids. */
const mostPages = 10;

interface Page<T> {
  items: readonly T[];
  nextCursor?: string | undefined;
}

async function everyOne<T>(read: (cursor: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  for (let n = 0; n < mostPages; n++) {
    const page: Page<T> = await read(cursor);
    all.push(...page.items);
    if (!page.nextCursor) break;
    cursor = page.nextCursor;
  }
  return all;
}

async function readNames(signal: AbortSignal): Promise<Named[]> {
  const [developers, keys, applications] = await Promise.all([
    callUnaryMethod(transport, DeveloperService.method.listDevelopers, {}, { signal }),
    everyOne(async (cursor) => {
      const page = await callUnaryMethod(
        transport,
        KeyService.method.listKeys,
        { cursor },
        { signal },
      );
      return { items: page.keys, nextCursor: page.nextCursor };
    }),
    everyOne(async (cursor) => {
      const page = await callUnaryMethod(
        transport,
        ApplicationService.method.listApplications,
        { cursor },
        { signal },
      );
      return { items: page.applications, nextCursor: page.nextCursor };
    }),
  ]);
  return [
    ...developers.developers.map(({ id, email }) => ({ actor: `developer:${id}`, name: email })),
    ...keys.map(({ id, name }) => ({ actor: `key:${id}`, name })),
    ...applications.map(({ appId, name }) => ({ actor: `application:${appId}`, name })),
  ];
}

/** Returns who there is, with names. Until they are there, and of what was deleted, ids are shown. */
export function useNames(): readonly Named[] {
  const { data } = useQuery({
    queryKey: ["names"],
    queryFn: ({ signal }) => readNames(signal),
    staleTime: 60_000,
  });
  return data ?? [];
}

/** The kind of an actor or a subject, and its id. */
export function split(actor: string): { kind: string; id: string } {
  const at = actor.indexOf(":");
  return at < 0 ? { kind: actor, id: "" } : { kind: actor.slice(0, at), id: actor.slice(at + 1) };
}

const alone: Record<string, string> = {
  operator: "The operator of the server",
  server: "The server",
  anonymous: "Somebody not signed in",
};

/** What the kinds of the record are called before an id. */
export const kinds: Record<string, string> = {
  developer: "developer",
  key: "key",
  application: "application",
  user: "user",
  session: "session",
  webhook: "webhook",
  invitation: "invitation",
  alert: "alert",
  signing_key: "signing key",
};

/** Calls an actor or a subject what a person calls it; behind the word for its kind, by its id alone. */
export function called(actor: string, names: readonly Named[], before = ""): string {
  const known = names.find((named) => named.actor === actor)?.name;
  if (known) return known;
  const { kind, id } = split(actor);
  const noun = kinds[kind] ?? kind.replaceAll("_", " ");
  return alone[actor] ?? (before.endsWith(noun) ? shortId(id) : `${noun} ${shortId(id)}`);
}

/** The start of a UUID, which tells it from others in a list; other ids are whole. */
function shortId(id: string): string {
  return /^[0-9a-f]{8}-/.test(id) ? `${id.slice(0, 13)}…` : id;
}

/** The page of an actor or a subject. */
export function pageOf(actor: string): string | undefined {
  const { kind, id } = split(actor);
  if (!id) return undefined;
  if (kind === "key") return `/keys/${id}`;
  if (kind === "user") return `/users/${id}`;
  if (kind === "webhook") return `/webhooks/${id}`;
  return undefined;
}
