/**
 * Open Wearables for Node and browsers. Sessions end only by signOut or by a
 * definitive word of the server: while it cannot be reached, is overloaded or
 * answers nonsense, the session stays and calls fail with an error that says so.
 */
export { Code, createClient as createConnectClient } from "@connectrpc/connect";
export {
  type Auth,
  apiKey,
  type DeveloperLoginOptions,
  developerLogin,
  type Session,
  type UserSessionOptions,
  userSession,
} from "./auth.js";
export { version } from "./base.js";
export { type Client, createClient } from "./client.js";
export type { EventName, Events, Listener } from "./engine/event.js";
export type { TokenProvider, TokenRequest } from "./engine/provider.js";
export {
  type ErrorKind,
  type FieldViolation,
  isCanceled,
  isConflict,
  isForbidden,
  isInvalid,
  isNotFound,
  isOffline,
  isRateLimited,
  isSessionExpired,
  isStorageUnavailable,
  isTimeout,
  isUnauthenticated,
  isUnavailable,
  kindOf,
  OpenWearablesError,
  type ResponseInfo,
  responseInfo,
  SignInRequiredError,
} from "./error.js";
export { type Application, ApplicationService } from "./gen/openwearables/v1/application_pb.js";
export { type Key, KeyService } from "./gen/openwearables/v1/key_pb.js";
export {
  type Developer,
  type Session as DeveloperSession,
  SessionService,
} from "./gen/openwearables/v1/session_pb.js";
export { TokenService } from "./gen/openwearables/v1/token_pb.js";
export { type User, UserService } from "./gen/openwearables/v1/user_pb.js";
export {
  type Workout,
  type WorkoutInput,
  WorkoutService,
} from "./gen/openwearables/v1/workout_pb.js";
export { type ExposedTokenPair, TokenPair } from "./pair.js";
export { Secret } from "./secret.js";
export type {
  Applications,
  Keys,
  List,
  NewApplication,
  NewKey,
  Options,
  Sessions,
  Tokens,
  Users,
  Workouts,
} from "./services.js";
export { memory, type Store } from "./store/store.js";
export { type ClientOptions, createTransport } from "./transport.js";
