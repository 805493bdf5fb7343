import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import {
  type AccountUsage,
  type GetUsageRequestSchema,
  type Usage,
  UsageService,
} from "./gen/openwearables/v1/usage_pb.js";
import { plain } from "./range.js";
import { createClient, type Options, present } from "./services.js";

/** From when until when, and in minutes, hours or days; by default the last 24 hours. */
export type UsageRange = MessageInitShape<typeof GetUsageRequestSchema>;

/** How many requests there were, and whose. Only a developer may ask, except for a user. */
export interface UsageReports {
  account(range?: UsageRange, options?: Options): Promise<AccountUsage>;
  key(id: string, range?: UsageRange, options?: Options): Promise<Usage>;
  /** Reports the requests with an application's secret and with the tokens that it minted. */
  application(appId: string, range?: UsageRange, options?: Options): Promise<Usage>;
  /** A key needs the scope `users:read`; users may ask for their own. */
  user(userId: string, range?: UsageRange, options?: Options): Promise<Usage>;
}

export function usage(transport: Transport): UsageReports {
  const rpc = createClient(UsageService, transport);
  const whole = <U extends Usage | AccountUsage>(r: { usage?: U | undefined }): U =>
    present(r.usage, "totals");
  return {
    account: async (r = {}, o) => whole(await rpc.getUsage(plain(r), o)),
    key: async (id, r = {}, o) => whole(await rpc.getKeyUsage({ ...plain(r), id }, o)),
    application: async (appId, r = {}, o) =>
      whole(await rpc.getApplicationUsage({ ...plain(r), appId }, o)),
    user: async (userId, r = {}, o) => whole(await rpc.getUserUsage({ ...plain(r), userId }, o)),
  };
}
