import { Link } from "../../parts/Link";

const kinds: Record<string, readonly [name: string, path: string]> = {
  key: ["Key", "/keys/"],
  application: ["Application", "/applications/"],
  user: ["User", "/users/"],
  webhook: ["Webhook", "/webhooks/"],
};

/** Returns what an alert is about: its kind, its id, and the page where it is looked at. */
export function subjectOf(subject: string): { kind: string; id: string; href: string } {
  const [kind = "", id = ""] = subject.split(/:(.*)/);
  const [name, path] = kinds[kind] ?? [];
  if (name && path) return { kind: name, id, href: path + encodeURIComponent(id) };
  if (kind === "developer") return { kind: "Developer", id, href: "/team" };
  if (kind === "rule") return { kind: "Rule", id, href: "/alerts?tab=rules" };
  if (kind === "session") return { kind: "Session", id, href: auditOf(subject) };
  return { kind: "Installation", id: "", href: "/audit" };
}

/** Returns the audit trail of a subject. */
export function auditOf(subject: string): string {
  return subject.includes(":") ? `/audit?subject=${encodeURIComponent(subject)}` : "/audit";
}

/** Leads to what an alert is about. */
export function Subject({ of }: { of: string }) {
  const { kind, id, href } = subjectOf(of);
  return (
    <span className="alert-subject" title={of}>
      <Link href={href}>{kind}</Link>
      {id && <code className="cut">{id}</code>}
    </span>
  );
}
