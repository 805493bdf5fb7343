/**
 * Open Wearables for Node and browsers. A session ends only by signOut or when the
 * server definitively ends it. While the server cannot be reached, is overloaded or
 * sends unreadable responses, the session stays and calls fail with a typed error.
 */
export { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
export { Code, createClient as createConnectClient } from "@connectrpc/connect";
export type { Audit } from "./audit.js";
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
export { type Access, type AuditEvent, AuditService } from "./gen/openwearables/v1/audit_pb.js";
export { CredentialService } from "./gen/openwearables/v1/credential_pb.js";
export { type Key, KeyService } from "./gen/openwearables/v1/key_pb.js";
export {
  type Developer,
  type Session as DeveloperSession,
  SessionService,
} from "./gen/openwearables/v1/session_pb.js";
export { TokenService } from "./gen/openwearables/v1/token_pb.js";
export { type AccountUsage, type Usage, UsageService } from "./gen/openwearables/v1/usage_pb.js";
export { type User, UserService } from "./gen/openwearables/v1/user_pb.js";
export {
  type RejectedWorkout,
  type UpsertWorkoutsResponse,
  type Workout,
  type WorkoutInput,
  WorkoutService,
} from "./gen/openwearables/v1/workout_pb.js";
export { type ExposedTokenPair, TokenPair } from "./pair.js";
export type { WorkoutRange } from "./range.js";
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
export { type ClientOptions, createTransport, userInitiated } from "./transport.js";
export type { UsageRange, UsageReports } from "./usage.js";
