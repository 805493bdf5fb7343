import { AlertService } from "../src/gen/openwearables/v1/alert_pb.js";
import { ApplicationService } from "../src/gen/openwearables/v1/application_pb.js";
import { AuditService } from "../src/gen/openwearables/v1/audit_pb.js";
import { CredentialService } from "../src/gen/openwearables/v1/credential_pb.js";
import { DeveloperService } from "../src/gen/openwearables/v1/developer_pb.js";
import { InstallationService } from "../src/gen/openwearables/v1/installation_pb.js";
import { InvitationService } from "../src/gen/openwearables/v1/invitation_pb.js";
import { KeyService } from "../src/gen/openwearables/v1/key_pb.js";
import { SessionService } from "../src/gen/openwearables/v1/session_pb.js";
import { SetupService } from "../src/gen/openwearables/v1/setup_pb.js";
import { TokenService } from "../src/gen/openwearables/v1/token_pb.js";
import { UsageService } from "../src/gen/openwearables/v1/usage_pb.js";
import { UserService } from "../src/gen/openwearables/v1/user_pb.js";
import { WebhookService } from "../src/gen/openwearables/v1/webhook_pb.js";
import { WorkoutService } from "../src/gen/openwearables/v1/workout_pb.js";

/** The services of the protos. */
export const services = [
  AlertService,
  ApplicationService,
  AuditService,
  CredentialService,
  DeveloperService,
  InstallationService,
  InvitationService,
  KeyService,
  SessionService,
  SetupService,
  TokenService,
  UsageService,
  UserService,
  WebhookService,
  WorkoutService,
];
