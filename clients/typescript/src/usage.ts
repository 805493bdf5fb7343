import { methodsOf } from "./method.js";
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
  const { more } = methodsOf(call, api.usageService);
  return {
    account: more("GetUsage"),
    key: more("GetKeyUsage", "id"),
    application: more("GetApplicationUsage", "appId"),
    user: more("GetUserUsage", "userId"),
  };
}
