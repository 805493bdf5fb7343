/**
 * For pages that need few services: `createClientWith`, and the services to give it. A
 * bundler leaves out all others.
 */
import type { Auth } from "./auth.js";
import type { Client } from "./client.js";
import { type Call, type ClientOptions, caller, connect } from "./transport.js";

export { alerts } from "./alerts.js";
export { audit } from "./audit.js";
export { credentials } from "./credentials.js";
export { installation } from "./installation.js";
export { applications, keys, sessions, setup, tokens, users } from "./services.js";
export { developers, invitations } from "./team.js";
export { usage } from "./usage.js";
export { webhooks } from "./webhooks.js";
export { workouts } from "./workouts.js";

/** Services to give to a client: functions of this module, by the name of the service. */
export type Services = {
  [S in Exclude<keyof Client, "baseUrl" | "auth">]?: (call: Call) => Client[S];
};

/**
 * Returns a client that has the given services alone, such as `{ users, workouts }`.
 *
 * @throws OpenWearablesError of kind `invalid` for options that can never work
 */
export function createClientWith<S extends Services, A extends Auth | undefined = undefined>(
  options: ClientOptions & { auth?: A },
  services: S,
): Pick<Client<A>, "baseUrl" | "auth" | (keyof S & keyof Services)> {
  const connection = connect(options);
  const call = caller(connection);
  const made = Object.entries(services).map(([name, make]) => [name, make(call)]);
  return { baseUrl: connection.base.url, auth: options.auth, ...Object.fromEntries(made) };
}
