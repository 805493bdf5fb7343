import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { type Application, type Usage, UsageService } from "@openwearables/sdk/connect";
import { useState } from "react";
import { toDate } from "../../parts/time";

const pollEvery = 2_000;
const pollFor = 120_000;
const day = 86_400_000;
/** As long as numbers of days are kept, unless the operator chose otherwise. */
const kept = 729 * day;

/** Returns how many exchanges of a report succeeded. */
export function exchangesOf(usage: Usage): number {
  const found = usage.operations.find(({ operation }) => operation === "CreateUserToken");
  if (!found) return 0;
  return Number(found.requests - found.refused - found.limited - found.failed);
}

/**
 * Returns how many exchanges an application ever made; undefined while it is not known. It looks for
 * the first one every 2 seconds for 2 minutes, then whenever the window gets the focus.
 */
export function useExchanges({ appId, createdAt }: Pick<Application, "appId" | "createdAt">) {
  const [since] = useState(() => Date.now());
  const start = Math.max(
    createdAt ? toDate(createdAt).getTime() : 0,
    day * Math.ceil((since - kept) / day),
  );
  const { data, isError } = useQuery(
    UsageService.method.getApplicationUsage,
    { appId, resolution: "day", start: timestampFromDate(new Date(start)) },
    {
      refetchInterval({ state: { data } }) {
        const none = !data?.usage || exchangesOf(data.usage) === 0;
        return none && Date.now() - since < pollFor && pollEvery;
      },
      refetchOnWindowFocus: "always",
    },
  );
  return { exchanges: data?.usage && exchangesOf(data.usage), failed: isError };
}
