import { createConnectQueryKey } from "@connectrpc/connect-query";
import { TokenService, UserService } from "@openwearables/sdk/connect";
import { queries } from "../../app/queries";

/** Reads again what is shown of users. */
export function usersChanged(): Promise<void> {
  const queryKey = createConnectQueryKey({ schema: UserService, cardinality: undefined });
  return queries.invalidateQueries({ queryKey });
}

/** Reads the sessions of users again. */
export function sessionsChanged(): Promise<void> {
  const queryKey = createConnectQueryKey({
    schema: TokenService.method.listUserSessions,
    cardinality: undefined,
  });
  return queries.invalidateQueries({ queryKey });
}
