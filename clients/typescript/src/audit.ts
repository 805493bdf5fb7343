import type { List } from "./list.js";
import { methodsOf } from "./method.js";
import * as api from "./schema/schema.js";
import { revealed, type Secret } from "./secret.js";
import type { Call, Options } from "./transport.js";

/** What happened in the installation, and who read whose health data. */
export interface Audit {
  /**
   * Lists the audit trail, newest first, from the page of the filter on. Only a
   * developer may call it.
   */
  events(filter?: api.AuditFilter, options?: Options): List<api.AuditEvent>;
  /**
   * Lists who read a user's health data, newest first. A key needs the scope
   * `audit:read`; users may list who read their own.
   */
  accesses(userId: string, options?: Options): List<api.Access>;
  /**
   * Ends a credential that was found where it does not belong: the secret of a key or
   * an application, or the session of a token. The credential itself is the proof. The
   * call also succeeds for what is no credential there.
   */
  reportCredential(credential: string | Secret, options?: Options): Promise<void>;
}

export function audit(call: Call): Audit {
  const { list, filtered } = methodsOf(call, api.auditService);
  return {
    events: filtered("ListAuditEvents"),
    accesses: list("ListUserAccesses", "userId"),
    async reportCredential(found, o) {
      await call(api.credentialService("ReportCredential"), { credential: revealed(found) }, o);
    },
  };
}
