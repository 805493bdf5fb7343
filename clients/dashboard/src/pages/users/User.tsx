import "./user.css";
import { useQuery } from "@connectrpc/connect-query";
import { type User as Person, UserService } from "@openwearables/sdk/connect";
import { Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { useLocation, useParams } from "wouter";
import { errorOf } from "../../app/queries";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { ErrorNote } from "../../parts/ErrorNote";
import { Menu } from "../../parts/Menu";
import { PageHeader } from "../../parts/PageHeader";
import { Skeleton } from "../../parts/Skeleton";
import { Tabs } from "../../parts/Tabs";
import { AccessLog } from "./AccessLog";
import { DeletedUser } from "./DeletedUser";
import { DeleteUser } from "./DeleteUser";
import { Profile } from "./Profile";
import { nameOf } from "./person";
import { Sessions } from "./Sessions";
import { UserDialog } from "./UserForm";
import { Workouts } from "./Workouts";

const back = { href: "/users", label: "Users" };

/** One user: who it is, where it is signed in, its workouts, and who read them. */
export default function User() {
  const { id = "" } = useParams();
  const { data, error, refetch } = useQuery(UserService.method.getUser, { id });
  const gone = ["not_found", "invalid_request"].includes(errorOf(error)?.reason ?? "");
  if (gone) return <DeletedUser id={id} />;
  if (data?.user) return <Found user={data.user} />;
  return (
    <div className="page" aria-busy={!error}>
      <PageHeader title="User" back={back} />
      {error ? (
        <Card>
          <ErrorNote error={error} onRetry={() => void refetch()} page />
        </Card>
      ) : (
        <Skeleton height="320px" />
      )}
    </div>
  );
}

function Found({ user }: { user: Person }) {
  const [doing, setDoing] = useState<"edit" | "delete">();
  const [, navigate] = useLocation();
  const name = nameOf(user);
  const close = () => setDoing(undefined);
  return (
    <div className="page">
      <PageHeader
        title={name}
        sub={user.email !== name && user.email}
        back={back}
        actions={
          <>
            <Menu
              label={`Actions of ${name}`}
              bordered
              items={[
                {
                  label: "Delete…",
                  icon: <Trash2 size={16} aria-hidden="true" />,
                  danger: true,
                  onAction: () => setDoing("delete"),
                },
              ]}
            />
            <Button icon={<Pencil size={16} aria-hidden="true" />} onClick={() => setDoing("edit")}>
              Edit
            </Button>
          </>
        }
      />
      <Tabs
        label={name}
        tabs={[
          { id: "profile", label: "Profile", render: () => <Profile user={user} /> },
          { id: "sessions", label: "Sessions", render: () => <Sessions user={user} /> },
          { id: "workouts", label: "Workouts", render: () => <Workouts id={user.id} /> },
          { id: "access", label: "Access log", render: () => <AccessLog id={user.id} /> },
        ]}
      />
      <UserDialog open={doing === "edit"} onClose={close} user={user} />
      <DeleteUser
        open={doing === "delete"}
        user={user}
        onClose={close}
        onDeleted={() => navigate("/users")}
      />
    </div>
  );
}
