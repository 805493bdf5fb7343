import { useQuery } from "@connectrpc/connect-query";
import { AlertService } from "@openwearables/sdk/connect";
import { useTitleCount } from "./useTitleCount";

/** How many alerts are open, beside the link to them and in the title of the window. */
export default function AlertCount({ dot }: { dot?: boolean | undefined }) {
  const { data } = useQuery(
    AlertService.method.listAlerts,
    { state: "open" },
    { refetchInterval: 60_000, staleTime: 30_000 },
  );
  const open = data?.items.length ?? 0;
  useTitleCount(open);
  if (open === 0) return null;
  const shown = open > 99 ? "99+" : open;
  if (dot) return <span className="bell-dot" title={`${shown} open`} />;
  return (
    <span className="nav-count num">
      {shown}
      <span className="sr"> open</span>
    </span>
  );
}
