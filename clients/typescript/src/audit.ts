import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import {
  type Access,
  type AuditEvent,
  AuditService,
  type ListAuditEventsRequestSchema,
} from "./gen/openwearables/v1/audit_pb.js";
import { CredentialService } from "./gen/openwearables/v1/credential_pb.js";
import { plain } from "./range.js";
import { Secret } from "./secret.js";
import { createClient, type List, type Options, pages } from "./services.js";

/** What happened in the installation, and who read whose health data. */
export interface Audit {
  /**
   * Lists the audit trail, newest first, from the page of the request on. Only a
   * developer may call it.
   */
  events(
    request?: MessageInitShape<typeof ListAuditEventsRequestSchema>,
    options?: Options,
  ): List<AuditEvent>;
  /**
   * Lists who read a user's health data, newest first. A key needs the scope
   * `audit:read`; users may list who read their own.
   */
  accesses(userId: string, options?: Options): List<Access>;
  /**
   * Ends a credential that was found where it does not belong: the secret of a key or
   * an application, or the session of a token. The credential itself is the proof. The
   * call also succeeds for what is no credential there.
   */
  reportCredential(credential: string | Secret, options?: Options): Promise<void>;
}

export function audit(transport: Transport): Audit {
  const rpc = createClient(AuditService, transport);
  const credentials = createClient(CredentialService, transport);
  return {
    events: (r = {}, o) =>
      pages(async (cursor) => {
        const page = await rpc.listAuditEvents({ ...plain(r), ...cursor }, o);
        return [page.items, page.nextCursor];
      }),
    accesses: (userId, o) =>
      pages(async (cursor) => {
        const page = await rpc.listUserAccesses({ userId, ...cursor }, o);
        return [page.items, page.nextCursor];
      }),
    async reportCredential(found, o) {
      const credential = found instanceof Secret ? found.reveal() : found;
      await credentials.reportCredential({ credential }, o);
    },
  };
}
