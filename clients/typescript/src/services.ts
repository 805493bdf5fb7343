import type { DescService, MessageInitShape } from "@bufbuild/protobuf";
import {
  type CallOptions,
  type Client,
  createClient as createConnectClient,
  createContextValues,
  type Transport,
} from "@connectrpc/connect";
import { invalidArgument, invalidResponse, toError } from "./error.js";
import { type Application, ApplicationService } from "./gen/openwearables/v1/application_pb.js";
import {
  type CreateKeyRequestSchema,
  type Key,
  KeyService,
  type UpdateKeyRequestSchema,
} from "./gen/openwearables/v1/key_pb.js";
import {
  type Developer,
  type Session,
  SessionService,
  type UpdateMeRequestSchema,
} from "./gen/openwearables/v1/session_pb.js";
import type { TokenPair as Message } from "./gen/openwearables/v1/token_pair_pb.js";
import { TokenService } from "./gen/openwearables/v1/token_pb.js";
import {
  type CreateUserRequestSchema,
  type ListUsersRequestSchema,
  type ListUsersResponse,
  type UpdateUserRequestSchema,
  type User,
  UserService,
} from "./gen/openwearables/v1/user_pb.js";
import {
  type ListWorkoutsResponse,
  type UpsertWorkoutsRequestSchema,
  type UpsertWorkoutsResponse,
  type Workout,
  type WorkoutInputSchema,
  WorkoutService,
} from "./gen/openwearables/v1/workout_pb.js";
import { TokenPair } from "./pair.js";
import { plain, ranged, type WorkoutRange } from "./range.js";
import { Secret } from "./secret.js";
import { userInitiated } from "./transport.js";

/** The options of every call. Its headers may contain an `Idempotency-Key`. */
export interface Options
  extends Pick<CallOptions, "signal" | "timeoutMs" | "headers" | "onHeader"> {
  /**
   * A person waits for the call: if a renewal failed a moment ago, it is tried again at
   * once, unless the server asked to wait.
   */
  userInitiated?: boolean;
}

/** A list whose pages are fetched as it is iterated. An error ends the iteration. */
export type List<T> = AsyncIterableIterator<T>;

/** The signed-in developer's own account and logins. */
export interface Sessions {
  me(options?: Options): Promise<Developer>;
  updateMe(
    request: MessageInitShape<typeof UpdateMeRequestSchema>,
    options?: Options,
  ): Promise<Developer>;
  /** Ends every other session of the developer. */
  changePassword(current: string, replacement: string, options?: Options): Promise<void>;
  /** Lists the developer's active sessions, newest first. */
  listAll(options?: Options): List<Session>;
  revoke(id: string, options?: Options): Promise<void>;
  /** Ends all sessions of the developer except this one. */
  revokeOthers(options?: Options): Promise<void>;
}

/** A key with its secret, which the server returns only once. */
export interface NewKey {
  key: Key;
  secret: Secret;
}

/** The installation's API keys. */
export interface Keys {
  /** Without scopes, the key has all of them. An empty list is refused. */
  create(
    request: MessageInitShape<typeof CreateKeyRequestSchema>,
    options?: Options,
  ): Promise<NewKey>;
  /** The old secret stays good for overlapSeconds. */
  rotate(id: string, overlapSeconds?: number, options?: Options): Promise<NewKey>;
  get(id: string, options?: Options): Promise<Key>;
  update(request: MessageInitShape<typeof UpdateKeyRequestSchema>, options?: Options): Promise<Key>;
  /** Deletes a key with the tokens it minted, and resolves with the deleted key. */
  delete(id: string, options?: Options): Promise<Key>;
  /** Lists all keys, newest first. */
  listAll(options?: Options): List<Key>;
}

/** An application with its secret, which the server returns only once. */
export interface NewApplication {
  application: Application;
  secret: Secret;
}

/** The installation's applications. */
export interface Applications {
  create(name: string, options?: Options): Promise<NewApplication>;
  /** The old secret stays good for overlapSeconds. */
  rotateSecret(appId: string, overlapSeconds?: number, options?: Options): Promise<NewApplication>;
  get(appId: string, options?: Options): Promise<Application>;
  rename(appId: string, name: string, options?: Options): Promise<Application>;
  /** Deletes an application with the tokens it minted. */
  delete(appId: string, options?: Options): Promise<void>;
  /** Lists all applications, newest first. */
  listAll(options?: Options): List<Application>;
}

/** The people whose data the installation holds. */
export interface Users {
  /**
   * Adds a user. If the outcome of a failed call is unknown, an externalUserId makes the
   * user easy to find.
   */
  create(
    request: MessageInitShape<typeof CreateUserRequestSchema>,
    options?: Options,
  ): Promise<User>;
  get(id: string, options?: Options): Promise<User>;
  update(
    request: MessageInitShape<typeof UpdateUserRequestSchema>,
    options?: Options,
  ): Promise<User>;
  /** Deletes a user with all data and tokens, and resolves with the deleted user. */
  delete(id: string, options?: Options): Promise<User>;
  /** Returns one page. */
  list(
    request?: MessageInitShape<typeof ListUsersRequestSchema>,
    options?: Options,
  ): Promise<ListUsersResponse>;
  /** Lists the users, from the page of the request on. */
  listAll(request?: MessageInitShape<typeof ListUsersRequestSchema>, options?: Options): List<User>;
}

/** The tokens of users. To exchange an application's secret, use appCredentials. */
export interface Tokens {
  /** Mints a token pair of a user with the client's own credential. */
  create(userId: string, options?: Options): Promise<TokenPair>;
  /** Revokes all tokens of a user. */
  revokeAll(userId: string, options?: Options): Promise<void>;
}

/** The users' workouts. */
export interface Workouts {
  /** Returns one page. */
  list(request: WorkoutRange, options?: Options): Promise<ListWorkoutsResponse>;
  /** Lists the workouts, newest first, from the page of the request on. */
  listAll(request: WorkoutRange, options?: Options): List<Workout>;
  /**
   * Stores workouts. Those that are wrong are left out: look at `rejected` of the
   * response, which names each by its index and says what is wrong with it. If all are
   * wrong, the call fails.
   */
  upsert(
    userId: string,
    workouts: MessageInitShape<typeof WorkoutInputSchema>[],
    options?: Options,
  ): Promise<UpsertWorkoutsResponse>;
  /** Stores workouts, all of them or none. */
  upsertAll(
    userId: string,
    workouts: MessageInitShape<typeof WorkoutInputSchema>[],
    options?: Options,
  ): Promise<UpsertWorkoutsResponse>;
  delete(userId: string, workoutId: string, options?: Options): Promise<void>;
}

/**
 * Returns a message that the server always sends with a value of the key.
 *
 * @throws OpenWearablesError of kind `internal` if one of them is missing
 */
export function present<T>(message: T | undefined, key: keyof T & string): T {
  if (!message?.[key]) {
    throw invalidResponse(`the response has no ${key}`);
  }
  return message;
}

/** Fetches page after page. A cursor that comes again ends it with an error. */
export async function* pages<T>(
  fetch: (cursor: { cursor?: string }) => Promise<[items: T[], next: string | undefined]>,
): List<T> {
  let seen: string | undefined; // a cursor of the past, replaced at each power of two (Brent)
  let cursor: { cursor?: string } = {};
  for (let n = 1; ; n++) {
    const [items, next] = await fetch(cursor).catch((e) => {
      throw toError(e);
    });
    yield* items;
    if (!next) {
      return;
    }
    if (next === seen) {
      throw invalidResponse("the pages of the list go in a circle");
    }
    if ((n & (n - 1)) === 0) {
      seen = next;
    }
    cursor = { cursor: next };
  }
}

/** Returns a client whose calls take Options. */
export function createClient<S extends DescService>(service: S, transport: Transport): Client<S> {
  const raw = createConnectClient(service, transport) as Record<string, Send>;
  const calls = Object.entries(raw).map(([name, send]) => [
    name,
    (request: unknown, options?: Options) =>
      send(
        request,
        options?.userInitiated
          ? { ...options, contextValues: createContextValues().set(userInitiated, true) }
          : options,
      ),
  ]);
  return Object.fromEntries(calls);
}

type Send = (request: unknown, options?: CallOptions) => unknown;

export function sessions(transport: Transport): Sessions {
  const rpc = createClient(SessionService, transport);
  return {
    me: async (o) => present((await rpc.getMe({}, o)).developer, "id"),
    updateMe: async (r, o) => present((await rpc.updateMe(r, o)).developer, "id"),
    async changePassword(currentPassword, newPassword, o) {
      await rpc.changePassword({ currentPassword, newPassword, confirmPassword: newPassword }, o);
    },
    listAll: (o) => pages(async () => [(await rpc.listSessions({}, o)).sessions, undefined]),
    async revoke(id, o) {
      await rpc.revokeSession({ id }, o);
    },
    async revokeOthers(o) {
      await rpc.revokeOtherSessions({}, o);
    },
  };
}

/**
 * Refuses an empty list of scopes, which the binary form cannot tell from none. In a
 * message made by create() neither can this.
 */
function scoped<R extends { $typeName?: string; scopes?: string[] }>(r: R): R {
  if (!r?.$typeName && r?.scopes?.length === 0) {
    throw invalidArgument("scopes", "it is empty: name at least one or leave it out");
  }
  return r;
}

export function keys(transport: Transport): Keys {
  const rpc = createClient(KeyService, transport);
  const once = (r: { key?: Key | undefined; secret: string }): NewKey => ({
    key: present(r.key, "id"),
    secret: new Secret(present(r, "secret").secret),
  });
  return {
    create: async (r, o) => once(await rpc.createKey(scoped(r), o)),
    rotate: async (id, overlapSeconds = 0, o) =>
      once(await rpc.rotateKey({ id, overlapSeconds }, o)),
    get: async (id, o) => present((await rpc.getKey({ id }, o)).key, "id"),
    update: async (r, o) => present((await rpc.updateKey(scoped(r), o)).key, "id"),
    delete: async (id, o) => present((await rpc.deleteKey({ id }, o)).key, "id"),
    listAll: (o) =>
      pages(async (cursor) => {
        const page = await rpc.listKeys(cursor, o);
        return [page.keys, page.nextCursor];
      }),
  };
}

export function applications(transport: Transport): Applications {
  const rpc = createClient(ApplicationService, transport);
  const once = (r: {
    application?: Application | undefined;
    appSecret: string;
  }): NewApplication => ({
    application: present(r.application, "id"),
    secret: new Secret(present(r, "appSecret").appSecret),
  });
  return {
    create: async (name, o) => once(await rpc.createApplication({ name }, o)),
    rotateSecret: async (appId, overlapSeconds = 0, o) =>
      once(await rpc.rotateApplicationSecret({ appId, overlapSeconds }, o)),
    get: async (appId, o) => present((await rpc.getApplication({ appId }, o)).application, "id"),
    rename: async (appId, name, o) =>
      present((await rpc.updateApplication({ appId, name }, o)).application, "id"),
    async delete(appId, o) {
      await rpc.deleteApplication({ appId }, o);
    },
    listAll: (o) =>
      pages(async (cursor) => {
        const page = await rpc.listApplications(cursor, o);
        return [page.applications, page.nextCursor];
      }),
  };
}

export function users(transport: Transport): Users {
  const rpc = createClient(UserService, transport);
  return {
    create: async (r, o) => present((await rpc.createUser(r, o)).user, "id"),
    get: async (id, o) => present((await rpc.getUser({ id }, o)).user, "id"),
    update: async (r, o) => present((await rpc.updateUser(r, o)).user, "id"),
    delete: async (id, o) => present((await rpc.deleteUser({ id }, o)).user, "id"),
    list: async (r = {}, o) => present(await rpc.listUsers(r, o), "limit"),
    listAll: (r = {}, o) =>
      pages(async (cursor) => {
        const page = present(await rpc.listUsers({ ...plain(r), ...cursor }, o), "limit");
        return [page.items, page.nextCursor];
      }),
  };
}

export function tokens(transport: Transport): Tokens {
  const rpc = createClient(TokenService, transport);
  return {
    create: async (userId, o) => exposedPair((await rpc.createUserToken({ userId }, o)).tokens),
    async revokeAll(userId, o) {
      await rpc.revokeUserTokens({ userId }, o);
    },
  };
}

export function exposedPair(message: Message | undefined): TokenPair {
  const m = present(message, "accessToken");
  return new TokenPair(
    new Secret(m.accessToken),
    m.refreshToken ? new Secret(m.refreshToken) : undefined,
    m.expiresIn,
  );
}

export function workouts(transport: Transport): Workouts {
  const rpc = createClient(WorkoutService, transport);
  const store = async (
    request: MessageInitShape<typeof UpsertWorkoutsRequestSchema>,
    o?: Options,
  ) => {
    const r = await rpc.upsertWorkouts(request, o);
    if (r.items.length + r.rejected.length !== request.workouts?.length) {
      throw invalidResponse("the response does not have an outcome of each workout");
    }
    return r;
  };
  return {
    list: async (r, o) => present(await rpc.listWorkouts(ranged(r), o), "pagination"),
    listAll: (r, o) =>
      pages(async (cursor) => {
        const page = await rpc.listWorkouts({ ...ranged(r), ...cursor }, o);
        return [page.data, present(page, "pagination").pagination?.nextCursor];
      }),
    upsert: (userId, list, o) => store({ userId, workouts: list }, o),
    upsertAll: (userId, list, o) => store({ userId, workouts: list, allOrNone: true }, o),
    async delete(userId, workoutId, o) {
      await rpc.deleteWorkout({ userId, workoutId }, o);
    },
  };
}
