import { useQuery } from "@connectrpc/connect-query";
import { type Alert, AlertService, type Key, KeyService } from "@openwearables/sdk/connect";
import { type Moment, relative, toDate } from "../../parts/time";

/** One thing that needs a look, and where to act on it. */
export interface Need {
  id: string;
  tag: "Alert" | "Expires" | "Unused";
  sentence: string;
  at?: Moment | undefined;
  href: string;
  verb: string;
}

const unusedFor = 90 * 86_400_000;
const most = 6;

/** Reads what needs a look: open alerts, then keys that expire or that nothing uses. */
export function useNeeds() {
  const alerts = useQuery(
    AlertService.method.listAlerts,
    { state: "open" },
    { refetchInterval: 60_000 },
  );
  const expiring = useQuery(KeyService.method.listKeys, { state: "expiring" });
  const unused = useQuery(KeyService.method.listKeys, { state: "unused" });
  const all = [alerts, expiring, unused];
  const known = new Set(alerts.data?.items.map(({ subject }) => subject));
  const fresh = (key: Key) => !known.has(`key:${key.id}`);
  const needs = [
    ...(alerts.data?.items ?? []).map(ofAlert),
    ...(expiring.data?.keys ?? []).filter(fresh).map(ofExpiring),
    ...(unused.data?.keys ?? []).filter((key) => fresh(key) && isLongUnused(key)).map(ofUnused),
  ];
  return {
    needs: needs.slice(0, most),
    more: Math.max(0, needs.length - most),
    loading: all.some(({ isPending }) => isPending),
    error: all.find(({ error }) => error)?.error,
    retry: () => all.forEach((query) => void query.refetch()),
  };
}

/** A new key is not unused yet. */
export function isLongUnused({ lastUsedAt, createdAt }: Key, now = Date.now()): boolean {
  const last = lastUsedAt ?? createdAt;
  return last !== undefined && now - toDate(last).getTime() >= unusedFor;
}

function ofAlert({ id, message, subject, lastSeenAt }: Alert): Need {
  return {
    id,
    tag: "Alert",
    sentence: message,
    at: lastSeenAt,
    href: pageOf(subject),
    verb: "Look",
  };
}

function ofExpiring({ id, name, expiresAt }: Key): Need {
  const when = expiresAt ? relative(toDate(expiresAt)) : "soon";
  const sentence = `${name} expires ${when}.`;
  return { id: `expiring ${id}`, tag: "Expires", sentence, href: `/keys/${id}`, verb: "Extend" };
}

function ofUnused({ id, name, lastUsedAt }: Key): Need {
  const sentence = lastUsedAt ? `${name} was not used for 90 days.` : `${name} was never used.`;
  return {
    id: `unused ${id}`,
    tag: "Unused",
    sentence,
    at: lastUsedAt,
    href: `/keys/${id}`,
    verb: "Look",
  };
}

const pages: Record<string, string> = {
  key: "/keys",
  application: "/applications",
  user: "/users",
  webhook: "/webhooks",
};

/** Returns the page of what an alert is about. */
export function pageOf(subject: string): string {
  const [kind = "", id = ""] = subject.split(":");
  return pages[kind] && id ? `${pages[kind]}/${id}` : "/alerts";
}
