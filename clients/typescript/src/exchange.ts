import { isBrowser } from "./base.js";
import { invalid } from "./error.js";
import { credentialError, type TokenPair } from "./pair.js";
import { tokenService } from "./schema/schema.js";
import { pairOf } from "./services.js";
import { type ClientOptions, caller, connect, type Options } from "./transport.js";

/**
 * The credentials of an application. They belong on a server: an app that contains them
 * leaks them.
 */
export interface AppCredentials extends Omit<ClientOptions, "auth"> {
  appId: string;
  appSecret: string;
}

/** Mints tokens of users with an application's secret. */
export interface Exchange {
  /** Resolves with a new token pair of the user. Send pair.expose() to the user's app. */
  exchange(userId: string, options?: Options): Promise<TokenPair>;
}

/**
 * Returns an exchange with an application's credentials.
 *
 * @throws OpenWearablesError of kind `invalid` in a browser, and for credentials that
 * can never work
 */
export function appCredentials({ appId, appSecret, ...options }: AppCredentials): Exchange {
  if (isBrowser()) {
    throw invalid("an application's secret must not be in a browser, whose user can read it");
  }
  if (!appId || !appSecret) {
    throw invalid("the application's id or secret is empty: are the environment variables set?");
  }
  const bad = credentialError(appId) ?? credentialError(appSecret);
  if (bad) {
    throw bad;
  }
  const call = caller(connect(options));
  return {
    async exchange(userId, o) {
      const request = { userId, appId, appSecret };
      return pairOf((await call(tokenService("CreateUserToken"), request, o)).tokens);
    },
  };
}
