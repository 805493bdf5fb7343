import { type List, listOf, withMore } from "./list.js";
import { having, methodsOf, then } from "./method.js";
import { TokenPair } from "./pair.js";
import * as api from "./schema/schema.js";
import type { Secret } from "./secret.js";
import type { Call, Options } from "./transport.js";

/** The signed-in developer's own account and logins. */
export interface Sessions {
  me(options?: Options): Promise<api.Developer>;
  /** Changes the given members. null clears one, and an absent one stays. */
  updateMe(patch: api.DeveloperPatch, options?: Options): Promise<api.Developer>;
  /** Ends every other session of the developer. */
  changePassword(current: string, replacement: string, options?: Options): Promise<void>;
  /** Lists the developer's active sessions, newest first. */
  list(options?: Options): List<api.Session>;
  revoke(id: string, options?: Options): Promise<void>;
  /** Ends all sessions of the developer except this one. */
  revokeOthers(options?: Options): Promise<void>;
}

/** A key with its secret, which the server returns only once. */
export interface KeyWithSecret {
  key: api.Key;
  secret: Secret;
}

/** The installation's API keys. */
export interface Keys {
  /** Without scopes, the key has all of them. An empty list is refused. */
  create(key?: api.NewKey, options?: Options): Promise<KeyWithSecret>;
  /** The old secret stays good for overlapSeconds. */
  rotate(id: string, overlapSeconds?: number, options?: Options): Promise<KeyWithSecret>;
  /** Ends the old secret now. `overlap` of the key says what still uses it. */
  finishRotation(id: string, options?: Options): Promise<api.Key>;
  get(id: string, options?: Options): Promise<api.Key>;
  /** Changes the given members. null clears the expiry, and an absent member stays. */
  update(id: string, patch: api.KeyPatch, options?: Options): Promise<api.Key>;
  /** Deletes a key with the tokens it minted, and resolves with the deleted key. */
  delete(id: string, options?: Options): Promise<api.Key>;
  /** Lists keys, newest first: all, or those in a state. */
  list(filter?: api.KeyFilter, options?: Options): List<api.Key>;
}

/** An application with its secret, which the server returns only once. */
export interface ApplicationWithSecret {
  application: api.Application;
  secret: Secret;
}

/** The installation's applications. */
export interface Applications {
  create(name: string, options?: Options): Promise<ApplicationWithSecret>;
  /** The old secret stays good for overlapSeconds. */
  rotateSecret(
    appId: string,
    overlapSeconds?: number,
    options?: Options,
  ): Promise<ApplicationWithSecret>;
  /** Ends the old secret now. `overlap` of the application says what still uses it. */
  finishRotation(appId: string, options?: Options): Promise<api.Application>;
  get(appId: string, options?: Options): Promise<api.Application>;
  rename(appId: string, name: string, options?: Options): Promise<api.Application>;
  /** Deletes an application with the tokens it minted. */
  delete(appId: string, options?: Options): Promise<void>;
  /** Lists all applications, newest first. */
  list(options?: Options): List<api.Application>;
}

/** The people whose data the installation holds. */
export interface Users {
  /** Adds a user. */
  create(user?: api.NewUser, options?: Options): Promise<api.User>;
  get(id: string, options?: Options): Promise<api.User>;
  /** Changes the given members. null clears one, and an absent one stays. */
  update(id: string, patch: api.UserPatch, options?: Options): Promise<api.User>;
  /** Deletes a user with all data and tokens, and resolves with the deleted user. */
  delete(id: string, options?: Options): Promise<api.User>;
  /** Lists the users, from the page of the filter on. */
  list(filter?: api.UserFilter, options?: Options): List<api.User>;
  /** Returns one page. */
  page(filter?: api.UserFilter, options?: Options): Promise<api.UserPage>;
}

/** The tokens of users. To exchange an application's secret, use appCredentials. */
export interface Tokens {
  /** Mints a token pair of a user with the client's own credential. */
  create(userId: string, options?: Options): Promise<TokenPair>;
  /**
   * Makes a code of 8 letters and digits for a user, which an app redeems once within 7 days. It ends
   * the code that the user had.
   */
  createPairingCode(userId: string, options?: Options): Promise<api.PairingCode>;
  /**
   * Redeems a pairing code as a person types it, which is all the credential. Give the pair to
   * `signIn` of a session.
   */
  redeemPairingCode(code: string, options?: Options): Promise<{ pair: TokenPair; userId: string }>;
  /** Revokes all tokens of a user. */
  revokeAll(userId: string, options?: Options): Promise<void>;
  /** Lists the sessions of a user that have not ended, newest first. */
  sessions(userId: string, options?: Options): List<api.TokenSession>;
  /** Ends one session of a user. */
  revokeSession(userId: string, sessionId: string, options?: Options): Promise<void>;
}

/** A new installation. */
export interface Setup {
  /**
   * Creates the first developer with the token at the end of the setup address that the
   * server prints, which is all the credential. Give the pair to `signIn` of a session.
   */
  createFirstDeveloper(
    first: { token: string; email: string; password: string },
    options?: Options,
  ): Promise<TokenPair>;
}

export function sessions(call: Call): Sessions {
  const { one, more, list } = methodsOf(call, api.sessionService);
  return {
    me: one("GetMe"),
    updateMe: more("UpdateMe"),
    async changePassword(currentPassword, newPassword, o) {
      const request = { currentPassword, newPassword, confirmPassword: newPassword };
      await call(api.sessionService("ChangePassword"), request, o);
    },
    list: list("ListSessions"),
    revoke: one("RevokeSession", "id"),
    revokeOthers: one("RevokeOtherSessions"),
  };
}

export function keys(call: Call): Keys {
  const { one, more, filtered } = methodsOf(call, api.keyService);
  return {
    create: more("CreateKey"),
    rotate: one("RotateKey", "id", "overlapSeconds"),
    finishRotation: one("FinishKeyRotation", "id"),
    get: one("GetKey", "id"),
    update: more("UpdateKey", "id"),
    delete: one("DeleteKey", "id"),
    list: filtered("ListKeys"),
  };
}

export function applications(call: Call): Applications {
  const { one, list } = methodsOf(call, api.applicationService);
  const named = ({
    application,
    appSecret: secret,
  }: api.CreateApplicationResponse): ApplicationWithSecret => ({ application, secret });
  return {
    create: then(one("CreateApplication", "name"), named),
    rotateSecret: then(one("RotateApplicationSecret", "appId", "overlapSeconds"), named),
    finishRotation: one("FinishApplicationRotation", "appId"),
    get: one("GetApplication", "appId"),
    rename: one("UpdateApplication", "appId", "name"),
    delete: one("DeleteApplication", "appId"),
    list: list("ListApplications"),
  };
}

export function users(call: Call): Users {
  const { one, more } = methodsOf(call, api.userService);
  const page = then(more("ListUsers"), having("limit"));
  return {
    create: more("CreateUser"),
    get: one("GetUser", "id"),
    update: more("UpdateUser", "id"),
    delete: one("DeleteUser", "id"),
    list: (filter, o) => listOf(async (cursor) => page(withMore(filter, cursor), o)),
    page,
  };
}

export function tokens(call: Call): Tokens {
  const { one, list } = methodsOf(call, api.tokenService);
  return {
    create: then(one("CreateUserToken", "userId"), pairOf),
    createPairingCode: one("CreatePairingCode", "userId"),
    async redeemPairingCode(code, o) {
      const { tokens, userId } = await call(api.tokenService("RedeemPairingCode"), { code }, o);
      return { pair: pairOf(tokens), userId };
    },
    revokeAll: one("RevokeUserTokens", "userId"),
    sessions: list("ListUserSessions", "userId"),
    revokeSession: one("RevokeUserSession", "userId", "sessionId"),
  };
}

export function setup(call: Call): Setup {
  const { more } = methodsOf(call, api.setupService);
  return { createFirstDeveloper: then(more("CreateFirstDeveloper"), pairOf) };
}

export function pairOf(t: api.TokenPair): TokenPair {
  return new TokenPair(t.accessToken, t.refreshToken ?? undefined, t.expiresIn);
}
