/**
 * Open Wearables for Node and browsers. A session ends only by signOut or when the
 * server definitively ends it. While the server cannot be reached, is overloaded or
 * sends unreadable responses, the session stays and calls fail with a typed error.
 */
export type { Alerts } from "./alerts.js";
export type { Audit } from "./audit.js";
export {
  type AnySession,
  type Auth,
  apiKey,
  type DeveloperLoginOptions,
  developerLogin,
  type UserSession,
  type UserSessionOptions,
  userSession,
} from "./auth.js";
export { type Client, createClient, createOpenWearables } from "./client.js";
export type { Credentials } from "./credentials.js";
export type { EventName, Events, Listener } from "./engine/event.js";
export type { TokenProvider, TokenRequest } from "./engine/provider.js";
export {
  type Code,
  type ErrorKind,
  type FieldViolation,
  OpenWearablesError,
  type ResponseInfo,
  SignInRequiredError,
} from "./error.js";
export type { InstallationReports } from "./installation.js";
export {
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
} from "./kind.js";
export type { List } from "./list.js";
export { type ExposedTokenPair, TokenPair } from "./pair.js";
export {
  type WorkoutProvider,
  type WorkoutType,
  workoutProviders,
  workoutTypes,
} from "./schema/known.js";
export type {
  Access,
  AccountUsage,
  Alert,
  AlertFilter,
  AlertMute,
  AlertPage,
  AlertRule,
  AlertRulePatch,
  AlertRules,
  AlertThreshold,
  AlertThresholdPatch,
  Application,
  AuditEvent,
  AuditFilter,
  DeletedWorkouts,
  Developer,
  DeveloperNames,
  DeveloperPatch,
  Installation,
  InstallationFinding,
  InstallationLimit,
  InstallationSetting,
  Invitation,
  InvitationAcceptance,
  Key,
  KeyPatch,
  NewKey,
  NewUser,
  NewWebhookEndpoint,
  NewWorkout,
  NewWorkoutSource,
  Overlap,
  Pagination,
  RejectedWorkout,
  Session,
  SigningKey,
  Stats,
  StatsConnections,
  StatsCount,
  StatsDataPoints,
  StatsEventRecords,
  StatsProvider,
  TokenSession,
  Upserted,
  UpsertedWorkout,
  Usage,
  UsageClient,
  UsageHolder,
  UsageNetwork,
  UsageOperation,
  UsagePoint,
  UsageRange,
  UsageTotals,
  User,
  UserFilter,
  UserPage,
  UserPatch,
  WebhookDelivery,
  WebhookEndpoint,
  WebhookEndpointPatch,
  Workout,
  WorkoutPage,
  WorkoutReference,
  WorkoutSource,
  WorkoutsMetadata,
} from "./schema/schema.js";
export { Secret } from "./secret.js";
export type {
  Applications,
  ApplicationWithSecret,
  Keys,
  KeyWithSecret,
  Sessions,
  Setup,
  Tokens,
  Users,
} from "./services.js";
export type { SessionState } from "./state.js";
export { type KeyValueStorage, keyValueStore } from "./store/keyvalue.js";
export { memory, type Store } from "./store/store.js";
export type { Developers, Invitations } from "./team.js";
export type { ClientOptions, DebugEvent, Options } from "./transport.js";
export type { UsageReports } from "./usage.js";
export { version } from "./version.js";
export type { WebhookEndpointWithSecret, Webhooks } from "./webhooks.js";
export type {
  UpsertAllOptions,
  UpsertOptions,
  UpsertReport,
  WorkoutFilter,
  Workouts,
} from "./workouts.js";
