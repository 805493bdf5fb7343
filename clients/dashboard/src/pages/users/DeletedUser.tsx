import { useQuery } from "@connectrpc/connect-query";
import { AuditService } from "@openwearables/sdk/connect";
import { NotFound } from "../../app/NotFound";
import { errorOf } from "../../app/queries";
import { PageHeader } from "../../parts/PageHeader";
import { Skeleton } from "../../parts/Skeleton";
import { Tag } from "../../parts/Tag";
import { AccessLog } from "./AccessLog";

/** What is left of a user who was deleted: who read the data while it was there. */
export function DeletedUser({ id }: { id: string }) {
  const { data, error } = useQuery(AuditService.method.listUserAccesses, { userId: id, limit: 1 });
  if (["not_found", "invalid_request"].includes(errorOf(error)?.reason ?? "")) {
    return <NotFound what="user" />;
  }
  return (
    <div className="page" aria-busy={!data && !error}>
      <PageHeader
        title="A user who was deleted"
        tag={<Tag>Deleted</Tag>}
        sub={<code>{id}</code>}
        back={{ href: "/users", label: "Users" }}
      />
      {data || error ? <AccessLog id={id} /> : <Skeleton height="320px" />}
    </div>
  );
}
