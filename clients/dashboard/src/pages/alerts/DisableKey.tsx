import { useMutation, useQuery } from "@connectrpc/connect-query";
import { KeyService } from "@openwearables/sdk/connect";
import { Button } from "../../parts/Button";
import { ErrorNote } from "../../parts/ErrorNote";

/** The last step about a key: to stop it now. It can be taken back in the same place. */
export function DisableKey({ id }: { id: string }) {
  const { data, refetch } = useQuery(KeyService.method.getKey, { id });
  const update = useMutation(KeyService.method.updateKey, { onSuccess: () => refetch() });
  if (!data?.key) return null; // it is deleted
  const { enabled } = data.key;
  return (
    <li>
      <p>
        {enabled
          ? "If it must stop at once, disable the key. All of its requests are then refused."
          : "The key is disabled: all of its requests are refused."}
      </p>
      <Button
        busy={update.isPending && (enabled ? "Disabling…" : "Enabling…")}
        onClick={() => update.mutate({ id, enabled: !enabled })}
      >
        {enabled ? "Disable key" : "Enable key"}
      </Button>
      {update.error && <ErrorNote error={update.error} />}
    </li>
  );
}
