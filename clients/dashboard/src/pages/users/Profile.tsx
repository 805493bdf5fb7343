import type { User } from "@openwearables/sdk/connect";
import { Card, Facts } from "../../parts/Card";
import { Copy } from "../../parts/Copy";
import { Link } from "../../parts/Link";
import { Tag } from "../../parts/Tag";
import { Time } from "../../parts/Time";

/** What is known of a user. */
export function Profile({ user }: { user: User }) {
  const none = <span className="quiet">Not given</span>;
  return (
    <div className="columns">
      <Card title="Profile">
        <Facts
          items={[
            ["First name", user.firstName ? <bdi key="first">{user.firstName}</bdi> : none],
            ["Last name", user.lastName ? <bdi key="last">{user.lastName}</bdi> : none],
            ["Email", user.email || none],
            [
              "External id",
              user.externalUserId ? (
                <Id key="external" value={user.externalUserId} what="external id" />
              ) : (
                none
              ),
            ],
            ["Id", <Id key="id" value={user.id} what="id" />],
            ["Created", <Time key="created" at={user.createdAt} exact />],
          ]}
        />
      </Card>
      <Card title="Data">
        <Facts
          items={[
            [
              "Connection",
              user.hasActiveConnection ? (
                <Tag key="on" tone="good">
                  Connected
                </Tag>
              ) : (
                <span key="off" className="quiet">
                  None
                </span>
              ),
            ],
            ["Last data", <Time key="synced" at={user.lastSyncedAt} never="No data yet" exact />],
            ["Provider", user.lastSyncedProvider],
          ]}
        />
        <div>
          <p>
            <Link href={`/users/${user.id}?tab=access`}>Who read this person’s data</Link>
          </p>
          <p>
            <Link href={`/audit?subject=user:${user.id}`}>What was changed, and by whom</Link>
          </p>
        </div>
      </Card>
    </div>
  );
}

function Id({ value, what }: { value: string; what: string }) {
  return (
    <>
      <code>{value}</code> <Copy value={value} what={what} />
    </>
  );
}
