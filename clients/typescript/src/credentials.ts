import { methodsOf } from "./method.js";
import * as api from "./schema/schema.js";
import { revealed, type Secret } from "./secret.js";
import type { Call, Options } from "./transport.js";

/**
 * Whether a credential is good, for services that are handed one: an API key, or an access
 * token. A key needs the scope `credentials:verify`.
 */
export interface Credentials {
  /**
   * Tells whether a credential is good, and what it stands for. One that is not is no
   * error: `reason` says why. Do not keep the answer: ask for each request.
   */
  verify(
    credential: string | Secret,
    conditions?: api.VerificationConditions,
    options?: Options,
  ): Promise<api.Verification>;
  /** Tells of 1 to 100 credentials, in their order. It answers all or rejects. */
  verifyMany(
    checks: readonly api.CredentialCheck[],
    options?: Options,
  ): Promise<api.Verification[]>;
  /**
   * Names each check that a request with the credential would pass through, which of them
   * fails, and what would mend it. It is no use of the credential.
   */
  explain(
    credential: string | Secret,
    conditions?: api.AccessConditions,
    options?: Options,
  ): Promise<api.AccessExplanation>;
}

export function credentials(call: Call): Credentials {
  const { one, more } = methodsOf(call, api.credentialService);
  const verify = more("VerifyCredential", "credential");
  const explain = more("ExplainAccess", "credential");
  return {
    verify: async (credential, conditions, o) => verify(revealed(credential), conditions, o),
    verifyMany: one("VerifyCredentials", "checks"),
    explain: async (credential, conditions, o) => explain(revealed(credential), conditions, o),
  };
}
