import { invalidArgument, invalidResponse } from "./error.js";
import { type List, listOf, withMore } from "./list.js";
import { TokenPair } from "./pair.js";
import * as api from "./schema/schema.js";
import { Secret } from "./secret.js";
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
  get(id: string, options?: Options): Promise<api.Key>;
  /** Changes the given members. null clears the expiry, and an absent member stays. */
  update(id: string, patch: api.KeyPatch, options?: Options): Promise<api.Key>;
  /** Deletes a key with the tokens it minted, and resolves with the deleted key. */
  delete(id: string, options?: Options): Promise<api.Key>;
  /** Lists all keys, newest first. */
  list(options?: Options): List<api.Key>;
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
  /** Revokes all tokens of a user. */
  revokeAll(userId: string, options?: Options): Promise<void>;
}

/** Returns a text that the server always sends. @throws OpenWearablesError without it */
export function given<T>(value: T, what: string): T {
  if (!value) {
    throw invalidResponse(`the response is incomplete: it has no ${what}`);
  }
  return value;
}

export function sessions(call: Call): Sessions {
  return {
    me: async (o) => (await call(api.getMe, {}, o)).developer,
    updateMe: async (patch, o) => (await call(api.updateMe, patch, o)).developer,
    async changePassword(currentPassword, newPassword, o) {
      const request = { currentPassword, newPassword, confirmPassword: newPassword };
      await call(api.changePassword, request, o);
    },
    list: (o) => listOf(async () => [(await call(api.listSessions, {}, o)).sessions, null]),
    async revoke(id, o) {
      await call(api.revokeSession, { id }, o);
    },
    async revokeOthers(o) {
      await call(api.revokeOtherSessions, {}, o);
    },
  };
}

/** Refuses an empty list of scopes, which is not the same as none. */
function scoped<R extends { scopes?: readonly unknown[] | null | undefined }>(request: R): R {
  if (request?.scopes?.length === 0) {
    throw invalidArgument("scopes", "it is empty: name at least one or leave it out");
  }
  return request;
}

export function keys(call: Call): Keys {
  const once = ({ key, secret }: api.CreateKeyResponse): KeyWithSecret => ({
    key,
    secret: new Secret(given(secret, "secret")),
  });
  return {
    create: async (key = {}, o) => once(await call(api.createKey, scoped(key), o)),
    rotate: async (id, overlapSeconds = 0, o) =>
      once(await call(api.rotateKey, { id, overlapSeconds }, o)),
    get: async (id, o) => (await call(api.getKey, { id }, o)).key,
    update: async (id, patch, o) =>
      (await call(api.updateKey, withMore(scoped(patch), { id }), o)).key,
    delete: async (id, o) => (await call(api.deleteKey, { id }, o)).key,
    list: (o) =>
      listOf(async (cursor) => {
        const page = await call(api.listKeys, cursor, o);
        return [page.keys, page.nextCursor];
      }),
  };
}

export function applications(call: Call): Applications {
  const once = ({
    application,
    appSecret,
  }: api.CreateApplicationResponse): ApplicationWithSecret => ({
    application,
    secret: new Secret(given(appSecret, "appSecret")),
  });
  return {
    create: async (name, o) => once(await call(api.createApplication, { name }, o)),
    rotateSecret: async (appId, overlapSeconds = 0, o) =>
      once(await call(api.rotateApplicationSecret, { appId, overlapSeconds }, o)),
    get: async (appId, o) => (await call(api.getApplication, { appId }, o)).application,
    rename: async (appId, name, o) =>
      (await call(api.updateApplication, { appId, name }, o)).application,
    async delete(appId, o) {
      await call(api.deleteApplication, { appId }, o);
    },
    list: (o) =>
      listOf(async (cursor) => {
        const page = await call(api.listApplications, cursor, o);
        return [page.applications, page.nextCursor];
      }),
  };
}

export function users(call: Call): Users {
  const page: Users["page"] = async (filter = {}, o) => {
    const got = await call(api.listUsers, filter, o);
    given(got.limit, "limit");
    return got;
  };
  return {
    create: async (user = {}, o) => (await call(api.createUser, user, o)).user,
    get: async (id, o) => (await call(api.getUser, { id }, o)).user,
    update: async (id, patch, o) => (await call(api.updateUser, withMore(patch, { id }), o)).user,
    delete: async (id, o) => (await call(api.deleteUser, { id }, o)).user,
    list: (filter, o) =>
      listOf(async (cursor) => {
        const { items, nextCursor } = await page(withMore(filter, cursor), o);
        return [items, nextCursor];
      }),
    page,
  };
}

export function tokens(call: Call): Tokens {
  return {
    create: async (userId, o) =>
      exposedPair(await call(api.createUserToken, { userId, appId: "", appSecret: "" }, o)),
    async revokeAll(userId, o) {
      await call(api.revokeUserTokens, { userId }, o);
    },
  };
}

export function exposedPair({ tokens: t }: api.CreateUserTokenResponse): TokenPair {
  return new TokenPair(
    new Secret(given(t.accessToken, "accessToken")),
    t.refreshToken ? new Secret(t.refreshToken) : undefined,
    t.expiresIn,
  );
}
