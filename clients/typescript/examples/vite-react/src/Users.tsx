import { isUnauthenticated, type User } from "@openwearables/sdk/browser";
import { useOpenWearables } from "@openwearables/sdk/react";
import { useEffect, useState } from "react";

export function Users() {
  const ow = useOpenWearables();
  const [users, setUsers] = useState<User[]>();
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const leave = new AbortController();
    ow.users
      .page({ limit: 50, sortBy: "created_at", sortOrder: "desc" }, { signal: leave.signal })
      .then((page) => setUsers(page.items))
      .catch((e: Error) => {
        // A session that ended shows the login by itself.
        if (!leave.signal.aborted && !isUnauthenticated(e)) {
          setProblem(e.message);
        }
      });
    return () => leave.abort();
  }, [ow]);
  if (problem) {
    return <p role="alert">{problem}</p>;
  }
  if (!users) {
    return <p className="card loading" />;
  }
  if (!users.length) {
    return <p className="card empty">Nobody yet: create the first user with an API key.</p>;
  }
  return (
    <ul className="card">
      {users.map((user) => (
        <li key={user.id}>
          <strong>{nameOf(user)}</strong>
          <span>{user.lastSyncedProvider ?? "no data yet"}</span>
          <time dateTime={user.createdAt.toISOString()}>
            since {user.createdAt.toLocaleDateString("en", { dateStyle: "medium" })}
          </time>
        </li>
      ))}
    </ul>
  );
}

function nameOf({ firstName, lastName, email, externalUserId, id }: User): string {
  const name = [firstName, lastName].filter(Boolean).join(" ");
  return name || email || externalUserId || id;
}
