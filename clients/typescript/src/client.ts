import type { Transport } from "@connectrpc/connect";
import { type Audit, audit } from "./audit.js";
import * as services from "./services.js";
import { type ClientOptions, connect } from "./transport.js";
import { type UsageReports, usage } from "./usage.js";

/** Calls one installation with one credential. It does not need to be closed. */
export interface Client {
  readonly baseUrl: string;
  readonly sessions: services.Sessions;
  readonly keys: services.Keys;
  readonly applications: services.Applications;
  readonly users: services.Users;
  readonly tokens: services.Tokens;
  readonly workouts: services.Workouts;
  readonly audit: Audit;
  readonly usage: UsageReports;
  /** For createConnectClient: sends calls as this client does. */
  readonly transport: Transport;
}

/**
 * Returns a client of the installation at baseUrl.
 *
 * @throws OpenWearablesError of kind `invalid` for options that can never work
 */
export function createClient(options: ClientOptions): Client {
  const { transport, baseUrl } = connect(options);
  return {
    baseUrl,
    transport,
    sessions: services.sessions(transport),
    keys: services.keys(transport),
    applications: services.applications(transport),
    users: services.users(transport),
    tokens: services.tokens(transport),
    workouts: services.workouts(transport),
    audit: audit(transport),
    usage: usage(transport),
  };
}
