import { withMore } from "./list.js";
import * as api from "./schema/schema.js";
import type { Call, Options } from "./transport.js";

/** How many requests there were, and whose. Only a developer may ask, except for a user. */
export interface UsageReports {
  /** By default the last 24 hours, as all of these. */
  account(range?: api.UsageRange, options?: Options): Promise<api.AccountUsage>;
  key(id: string, range?: api.UsageRange, options?: Options): Promise<api.Usage>;
  /** Reports the requests with an application's secret and with the tokens that it minted. */
  application(appId: string, range?: api.UsageRange, options?: Options): Promise<api.Usage>;
  /** A key needs the scope `users:read`; users may ask for their own. */
  user(userId: string, range?: api.UsageRange, options?: Options): Promise<api.Usage>;
}

export function usage(call: Call): UsageReports {
  return {
    account: async (range, o) => (await call(api.getUsage, withMore(range, {}), o)).usage,
    key: async (id, range, o) => (await call(api.getKeyUsage, withMore(range, { id }), o)).usage,
    application: async (appId, range, o) =>
      (await call(api.getApplicationUsage, withMore(range, { appId }), o)).usage,
    user: async (userId, range, o) =>
      (await call(api.getUserUsage, withMore(range, { userId }), o)).usage,
  };
}
