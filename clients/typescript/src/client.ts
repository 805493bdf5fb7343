import { type Alerts, alerts } from "./alerts.js";
import { type Audit, audit } from "./audit.js";
import type { Auth } from "./auth.js";
import { type Credentials, credentials } from "./credentials.js";
import { type InstallationReports, installation } from "./installation.js";
import * as services from "./services.js";
import { type Developers, developers, type Invitations, invitations } from "./team.js";
import { type ClientOptions, caller, connect } from "./transport.js";
import { type UsageReports, usage } from "./usage.js";
import { type Webhooks, webhooks } from "./webhooks.js";
import { type Workouts, workouts } from "./workouts.js";

/** Calls one installation with one credential. It does not need to be closed. */
export interface Client<A extends Auth | undefined = Auth | undefined> {
  readonly baseUrl: string;
  /** What the client was given, such as the session of its user. */
  readonly auth: A;
  readonly sessions: services.Sessions;
  readonly keys: services.Keys;
  readonly applications: services.Applications;
  readonly users: services.Users;
  readonly tokens: services.Tokens;
  readonly workouts: Workouts;
  readonly audit: Audit;
  readonly credentials: Credentials;
  readonly usage: UsageReports;
  readonly alerts: Alerts;
  readonly webhooks: Webhooks;
  readonly developers: Developers;
  readonly invitations: Invitations;
  readonly installation: InstallationReports;
  readonly setup: services.Setup;
}

/**
 * Returns a client of the installation at baseUrl.
 *
 * @throws OpenWearablesError of kind `invalid` for options that can never work
 */
export function createOpenWearables<A extends Auth | undefined = undefined>(
  options: ClientOptions & { auth?: A },
): Client<A> {
  const connection = connect(options);
  const call = caller(connection);
  return {
    baseUrl: connection.base.url,
    auth: options.auth as A,
    sessions: services.sessions(call),
    keys: services.keys(call),
    applications: services.applications(call),
    users: services.users(call),
    tokens: services.tokens(call),
    workouts: workouts(call),
    audit: audit(call),
    credentials: credentials(call),
    usage: usage(call),
    alerts: alerts(call),
    webhooks: webhooks(call),
    developers: developers(call),
    invitations: invitations(call),
    installation: installation(call),
    setup: services.setup(call),
  };
}

export { createOpenWearables as createClient };
