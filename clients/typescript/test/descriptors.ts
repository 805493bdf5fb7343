import { ApplicationService } from "../src/gen/openwearables/v1/application_pb.js";
import { AuditService } from "../src/gen/openwearables/v1/audit_pb.js";
import { CredentialService } from "../src/gen/openwearables/v1/credential_pb.js";
import { KeyService } from "../src/gen/openwearables/v1/key_pb.js";
import { SessionService } from "../src/gen/openwearables/v1/session_pb.js";
import { TokenService } from "../src/gen/openwearables/v1/token_pb.js";
import { UsageService } from "../src/gen/openwearables/v1/usage_pb.js";
import { UserService } from "../src/gen/openwearables/v1/user_pb.js";
import { WorkoutService } from "../src/gen/openwearables/v1/workout_pb.js";

/** The services of the protos. */
export const services = [
  ApplicationService,
  AuditService,
  CredentialService,
  KeyService,
  SessionService,
  TokenService,
  UsageService,
  UserService,
  WorkoutService,
];
