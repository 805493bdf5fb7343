import { createConnectQueryKey } from "@connectrpc/connect-query";
import { DeveloperService, InvitationService } from "@openwearables/sdk/connect";
import { queries } from "../../app/queries";

/** Reads developers and invitations again: a developer who goes takes invitations along. */
export async function teamChanged(): Promise<void> {
  const keys = [DeveloperService, InvitationService].map((schema) =>
    createConnectQueryKey({ schema, cardinality: undefined }),
  );
  await Promise.all(keys.map((queryKey) => queries.invalidateQueries({ queryKey })));
}
