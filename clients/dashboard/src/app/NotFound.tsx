import { SearchX } from "lucide-react";
import { Empty } from "../parts/Empty";
import { Link } from "../parts/Link";
import { PageHeader } from "../parts/PageHeader";

/** There is no such page, or no such key, user, … in it. */
export function NotFound({ what = "page" }: { what?: string }) {
  return (
    <div className="page">
      <PageHeader title={`No such ${what}`} />
      <Empty
        icon={<SearchX size={20} />}
        title={`There is no such ${what}.`}
        action={
          <Link href="/" kind="plain">
            Go to the overview
          </Link>
        }
      >
        It may have been deleted, or the address is not complete.
      </Empty>
    </div>
  );
}
