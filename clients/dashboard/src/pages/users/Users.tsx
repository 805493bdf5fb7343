import { useInfiniteQuery } from "@connectrpc/connect-query";
import { type User, UserService } from "@openwearables/sdk/connect";
import { Pencil, Plus, SearchX, Trash2, Users as UsersIcon } from "lucide-react";
import { useState } from "react";
import { Button } from "../../parts/Button";
import { Lines } from "../../parts/Cell";
import { type Column, DataTable, type Sort } from "../../parts/DataTable";
import { Empty } from "../../parts/Empty";
import { useParam } from "../../parts/FilterChips";
import { Menu } from "../../parts/Menu";
import { count, plural } from "../../parts/number";
import { PageHeader } from "../../parts/PageHeader";
import { byCursor, firstPage, rowsOf } from "../../parts/pages";
import { SearchField } from "../../parts/SearchField";
import { Time } from "../../parts/Time";
import { DeleteUser } from "./DeleteUser";
import { nameOf } from "./person";
import { UserDialog } from "./UserForm";

const columns: Column<User>[] = [
  {
    key: "first_name",
    header: "Name",
    width: "34%",
    sortable: true,
    cell: (user) => (
      <Lines top={<Name user={user} />} sub={second(user)} href={`/users/${user.id}`} />
    ),
  },
  {
    key: "external",
    header: "External id",
    wide: true,
    phone: "none",
    cell: (user) =>
      user.externalUserId ? (
        <span className="cut mono" title={user.externalUserId}>
          {user.externalUserId}
        </span>
      ) : (
        <span className="quiet">None</span>
      ),
  },
  {
    key: "last_synced_at",
    header: "Last data",
    width: "20%",
    sortable: true,
    phone: "labelled",
    cell: (user) => (
      <Lines
        top={<Time at={user.lastSyncedAt} never="No data yet" />}
        sub={user.lastSyncedProvider}
      />
    ),
  },
  {
    key: "created_at",
    header: "Created",
    width: "17%",
    sortable: true,
    phone: "labelled",
    cell: (user) => (
      <span className="quiet">
        <Time at={user.createdAt} />
      </span>
    ),
  },
];

/** A name, in the direction of its own letters. */
function Name({ user }: { user: User }) {
  const name = nameOf(user);
  return (
    <bdi className={name === user.id ? "mono" : undefined} title={name}>
      {name}
    </bdi>
  );
}

/** The second line: the email, unless it stands in place of the name. */
function second(user: User): string | undefined {
  return user.email === nameOf(user) ? undefined : user.email;
}

const sortable = ["created_at", "first_name", "last_synced_at"];

/** How the list is sorted: in the address, the newest first without. */
function useSort(): [Sort, (sort: Sort) => void] {
  const [text, setText] = useParam("sort", "-created_at");
  const key = text.replace(/^-/, "");
  const sort = sortable.includes(key)
    ? { key, descending: text.startsWith("-") }
    : { key: "created_at", descending: true };
  return [sort, ({ key, descending }) => setText(descending ? `-${key}` : key)];
}

type Doing = { what: "create" } | { what: "edit" | "delete"; user: User };

/** The people whose data this installation holds. */
export default function Users() {
  const [search, setSearch] = useParam("q");
  const [sort, setSort] = useSort();
  const [doing, setDoing] = useState<Doing>();
  const query = useInfiniteQuery(
    UserService.method.listUsers,
    {
      limit: 100,
      search: search.slice(0, 255),
      sortBy: sort.key,
      sortOrder: sort.descending ? "desc" : "asc",
      ...firstPage,
    },
    { ...byCursor, placeholderData: (before) => before },
  );
  const rows = rowsOf(query, (page) => page.items);
  const create = () => setDoing({ what: "create" });
  return (
    <div className="page">
      <PageHeader
        title="Users"
        sub="The people whose health data this installation holds."
        actions={
          <Button kind="primary" icon={<Plus size={16} aria-hidden="true" />} onClick={create}>
            Create user
          </Button>
        }
      />
      <div className="stack">
        <div className="toolbar">
          <SearchField
            label="Search users"
            placeholder="Name, email or external id"
            value={search}
            onChange={setSearch}
          />
          <span className="quiet num" role="status">
            {query.data && counted(query.data.pages[0]?.total ?? 0, search)}
          </span>
        </div>
        <DataTable
          {...rows}
          label="Users"
          columns={columns}
          rowKey={(user) => user.id}
          sort={sort}
          onSort={setSort}
          actions={(user) => <Actions user={user} onDo={setDoing} />}
          empty={
            search ? (
              <NoMatch search={search} onClear={() => setSearch("")} />
            ) : (
              <None onCreate={create} />
            )
          }
        />
      </div>
      <Dialogs doing={doing} onClose={() => setDoing(undefined)} />
    </div>
  );
}

/** A search counts 1000 at most. */
function counted(total: number, search: string): string {
  if (!search) return plural(total, "user");
  return total >= 1000 ? `${count(1000)} users or more` : plural(total, "user");
}

function Actions({ user, onDo }: { user: User; onDo: (doing: Doing) => void }) {
  return (
    <Menu
      label={`Actions of ${nameOf(user)}`}
      items={[
        {
          label: "Edit…",
          icon: <Pencil size={16} aria-hidden="true" />,
          onAction: () => onDo({ what: "edit", user }),
        },
        {
          label: "Delete…",
          icon: <Trash2 size={16} aria-hidden="true" />,
          danger: true,
          onAction: () => onDo({ what: "delete", user }),
        },
      ]}
    />
  );
}

function Dialogs({ doing, onClose }: { doing: Doing | undefined; onClose: () => void }) {
  const user = doing && doing.what !== "create" ? doing.user : undefined;
  return (
    <>
      <UserDialog open={doing?.what === "create"} onClose={onClose} />
      {user && (
        <>
          <UserDialog open={doing?.what === "edit"} onClose={onClose} user={user} />
          <DeleteUser open={doing?.what === "delete"} onClose={onClose} user={user} />
        </>
      )}
    </>
  );
}

function None({ onCreate }: { onCreate: () => void }) {
  return (
    <Empty
      icon={<UsersIcon size={20} />}
      title="No users yet"
      action={<Button onClick={onCreate}>Create user</Button>}
    >
      Your backend creates them with <code>POST /users</code>, or create one here. You will see here
      when data of each last came.
    </Empty>
  );
}

function NoMatch({ search, onClear }: { search: string; onClear: () => void }) {
  return (
    <Empty
      icon={<SearchX size={20} />}
      title={`Nobody matches “${search.length > 60 ? `${search.slice(0, 60)}…` : search}”.`}
      action={<Button onClick={onClear}>Clear</Button>}
    >
      Names, emails and external ids are searched.
    </Empty>
  );
}
