import { useQuery } from "@connectrpc/connect-query";
import { type Key, KeyService } from "@openwearables/sdk/connect";
import { useState } from "react";

const pollEvery = 2_000;
const pollFor = 120_000;

/**
 * Reads a key, and looks for its first use every 2 seconds for 2 minutes, then whenever the
 * window gets the focus. `then` says after how many milliseconds it is read again otherwise.
 */
export function useKey(id: string, then: (key: Key) => number | false = () => false) {
  const [since] = useState(() => Date.now());
  return useQuery(
    KeyService.method.getKey,
    { id },
    {
      refetchInterval({ state: { data } }) {
        const key = data?.key;
        if (!key) return false;
        const waits = !key.lastUsedAt && Date.now() - since < pollFor;
        return waits ? pollEvery : then(key);
      },
      refetchOnWindowFocus: "always",
    },
  );
}
