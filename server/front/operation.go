package front

import (
	"net/http"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// operation holds what the middleware needs before it decodes a request. The
// domain decides what a caller may do.
type operation struct {
	name string // operationId and RPC name
	rest string // method and path below /api/v1

	body      body                               // of the REST form
	limit     int64                              // largest body in bytes; 0: maxBody or maxBulkBody
	streams   bool                               // the handler reads the body as it arrives
	form      bool                               // the REST body may be a form
	elsewhere elsewhere                          // members that another operation has
	byAddress func(auth.Limits) ratelimit.Policy // nil: the address bucket
	own       func(auth.Limits) ratelimit.Policy // nil: the bucket of the credential

	// Filled in from the protos.

	service  string // of openwearables.v1
	proof    proof
	takesKey bool // takes an Idempotency-Key
	bulk     bool // health data: the larger limit holds
	safe     bool // no side effects: Connect may call it by GET
	lists    lists
}

// proof is how an operation's caller proves itself.
type proof = owv1.Operation_Proof

const (
	inHeader = owv1.Operation_PROOF_UNSPECIFIED // 401 without a valid credential in the header
	inEither = owv1.Operation_PROOF_EITHER      // in the header or the body
	inBody   = owv1.Operation_PROOF_BODY        // the header is not looked at
)

// body is what a REST operation expects as its body.
type body uint8

const (
	noBody body = iota // whatever is sent is ignored
	optionalBody
	requiredBody
)

// operations holds every operation. The protos supply the rest of each.
var operations = described([]operation{
	{name: "Login", rest: "POST /auth/login", body: optionalBody, form: true, byAddress: loginLimit},
	{name: "RefreshToken", rest: "POST /auth/refresh", body: optionalBody, byAddress: refreshLimit},
	{name: "RevokeToken", rest: "POST /auth/revoke", body: optionalBody, byAddress: refreshLimit},
	{name: "CreateFirstDeveloper", rest: "POST /setup", body: requiredBody, byAddress: loginLimit},
	{name: "Logout", rest: "POST /auth/logout"},
	{name: "GetMe", rest: "GET /auth/me"},
	{name: "UpdateMe", rest: "PATCH /auth/me", body: requiredBody, elsewhere: passwordElsewhere},
	{name: "ChangePassword", rest: "POST /auth/change-password", body: requiredBody},
	{name: "ListSessions", rest: "GET /auth/sessions"},
	{name: "RevokeSession", rest: "DELETE /auth/sessions/{id}"},
	{name: "RevokeOtherSessions", rest: "DELETE /auth/sessions"},

	{name: "CreateKey", rest: "POST /api-keys", body: optionalBody},
	{name: "ListKeys", rest: "GET /api-keys"},
	{name: "GetKey", rest: "GET /api-keys/{id}"},
	{name: "UpdateKey", rest: "PATCH /api-keys/{id}", body: requiredBody},
	{name: "RotateKey", rest: "POST /api-keys/{id}/rotate", body: optionalBody},
	{name: "FinishKeyRotation", rest: "POST /api-keys/{id}/finish-rotation"},
	{name: "DeleteKey", rest: "DELETE /api-keys/{id}"},
	{name: "GetKeyUsage", rest: "GET /api-keys/{id}/usage"},

	{name: "CreateApplication", rest: "POST /applications", body: requiredBody},
	{name: "ListApplications", rest: "GET /applications"},
	{name: "GetApplication", rest: "GET /applications/{app_id}"},
	{name: "UpdateApplication", rest: "PATCH /applications/{app_id}", body: requiredBody},
	{name: "RotateApplicationSecret", rest: "POST /applications/{app_id}/rotate-secret", body: optionalBody},
	{name: "FinishApplicationRotation", rest: "POST /applications/{app_id}/finish-rotation"},
	{name: "DeleteApplication", rest: "DELETE /applications/{app_id}"},
	{name: "GetApplicationUsage", rest: "GET /applications/{app_id}/usage"},

	{name: "CreateUser", rest: "POST /users", body: requiredBody},
	{name: "ListUsers", rest: "GET /users"},
	{name: "GetUser", rest: "GET /users/{id}"},
	{name: "UpdateUser", rest: "PATCH /users/{id}", body: requiredBody},
	{name: "DeleteUser", rest: "DELETE /users/{id}"},
	{name: "GetUserUsage", rest: "GET /users/{user_id}/usage"},

	{name: "CreateUserToken", rest: "POST /users/{user_id}/token", body: optionalBody},
	{name: "CreatePairingCode", rest: "POST /users/{user_id}/invitation-code"},
	{name: "RedeemPairingCode", rest: "POST /invitation-code/redeem", body: requiredBody, byAddress: pairingLimit},
	{name: "RevokeUserTokens", rest: "DELETE /users/{user_id}/tokens"},

	{name: "ListUserSessions", rest: "GET /users/{user_id}/sessions"},
	{name: "RevokeUserSession", rest: "DELETE /users/{user_id}/sessions/{session_id}"},

	{name: "ListWorkouts", rest: "GET /users/{user_id}/events/workouts"},
	{name: "UpsertWorkouts", rest: "POST /users/{user_id}/events/workouts", body: requiredBody},
	{name: "DeleteWorkouts", rest: "POST /users/{user_id}/events/workouts/delete", body: requiredBody},
	{name: "DeleteWorkout", rest: "DELETE /users/{user_id}/events/workouts/{workout_id}"},

	{name: "ListUserAccesses", rest: "GET /users/{user_id}/access-log"},
	{name: "ReportCredential", rest: "POST /credentials/report", body: requiredBody, byAddress: refreshLimit},
	{name: "VerifyCredential", rest: "POST /credentials/verify", body: requiredBody, own: verifyLimit},
	{name: "VerifyCredentials", rest: "POST /credentials/verify-batch", body: requiredBody, own: verifyLimit, limit: maxBatchBody},
	{name: "ExplainAccess", rest: "POST /credentials/explain", body: requiredBody, own: verifyLimit},
	{name: "ListAuditEvents", rest: "GET /audit-events"},
	{name: "GetUsage", rest: "GET /usage"},

	{name: "GetInstallation", rest: "GET /installation"},
	{name: "GetStats", rest: "GET /dashboard/stats"},

	{name: "ListDevelopers", rest: "GET /developers"},
	{name: "GetDeveloper", rest: "GET /developers/{id}"},
	{name: "UpdateDeveloper", rest: "PATCH /developers/{id}", body: requiredBody, elsewhere: otherPasswordElsewhere},
	{name: "DeleteDeveloper", rest: "DELETE /developers/{id}"},
	{name: "CreateInvitation", rest: "POST /invitations", body: requiredBody},
	{name: "ListInvitations", rest: "GET /invitations"},
	{name: "RevokeInvitation", rest: "DELETE /invitations/{id}"},
	{name: "ResendInvitation", rest: "POST /invitations/{id}/resend"},
	{name: "AcceptInvitation", rest: "POST /invitations/accept", body: requiredBody, byAddress: loginLimit},

	{name: "CreateWebhookEndpoint", rest: "POST /webhook-endpoints", body: requiredBody},
	{name: "ListWebhookEndpoints", rest: "GET /webhook-endpoints"},
	{name: "GetWebhookEndpoint", rest: "GET /webhook-endpoints/{id}"},
	{name: "UpdateWebhookEndpoint", rest: "PATCH /webhook-endpoints/{id}", body: requiredBody},
	{name: "RotateWebhookSecret", rest: "POST /webhook-endpoints/{id}/rotate", body: optionalBody},
	{name: "DeleteWebhookEndpoint", rest: "DELETE /webhook-endpoints/{id}"},
	{name: "TestWebhookEndpoint", rest: "POST /webhook-endpoints/{id}/test"},
	{name: "ListWebhookDeliveries", rest: "GET /webhook-endpoints/{id}/deliveries"},
	{name: "ListAlerts", rest: "GET /alerts"},
	{name: "AcknowledgeAlert", rest: "POST /alerts/{id}/acknowledge"},
	{name: "MuteAlert", rest: "POST /alerts/{id}/mute", body: optionalBody},
	{name: "ListAlertRules", rest: "GET /alert-rules"},
	{name: "UpdateAlertRule", rest: "PATCH /alert-rules/{rule}", body: requiredBody},
})

// described fills in the operations from the descriptors of their RPCs. It panics
// if an operation has no RPC.
func described(table []operation) []operation {
	methods := make(map[string]protoreflect.MethodDescriptor)
	protoregistry.GlobalFiles.RangeFilesByPackage("openwearables.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			of := f.Services().Get(i).Methods()
			for j := range of.Len() {
				methods[string(of.Get(j).Name())] = of.Get(j)
			}
		}
		return true
	})
	for i := range table {
		o := &table[i]
		method, ok := methods[o.name]
		if !ok {
			panic("server: the table of operations has " + o.name + ", the protos have not")
		}
		options := method.Options().(*descriptorpb.MethodOptions)
		operation := proto.GetExtension(options, owv1.E_Operation).(*owv1.Operation)
		o.service = string(method.Parent().Name())
		o.proof = operation.GetProof()
		o.takesKey = operation.GetIdempotencyKey() != owv1.Operation_IDEMPOTENCY_KEY_UNSPECIFIED
		o.bulk = operation.GetBulk()
		o.safe = options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
		o.lists = listsOf(method)
	}
	return table
}

func loginLimit(l auth.Limits) ratelimit.Policy   { return l.Login }
func refreshLimit(l auth.Limits) ratelimit.Policy { return l.Refresh }
func pairingLimit(l auth.Limits) ratelimit.Policy { return l.Pairing }
func verifyLimit(l auth.Limits) ratelimit.Policy  { return l.Verify }

// Largest request bodies, in bytes.
const (
	maxSmallBody = 4 << 10 // of a handler beside the table
	maxBody      = 64 << 10
	maxFormBody  = 16 << 10
	maxBatchBody = 256 << 10 // of many credentials
	maxBulkBody  = 8 << 20
)

func (o *operation) maxBody() int64 {
	switch {
	case o.limit > 0:
		return o.limit
	case o.bulk:
		return maxBulkBody
	default:
		return maxBody
	}
}

// aliases are paths that shipped clients of the existing product hard-code.
var aliases = map[string]string{
	"/api/v1/token/refresh": "/api/v1/auth/refresh",
	"/api/v1/token/revoke":  "/api/v1/auth/revoke",
}

const (
	keyAlias = "/api/v1/developer/api-keys"
	keyPath  = "/api/v1/api-keys"
)

// surface answers refusals in the way of REST or of RPC.
type surface func(w http.ResponseWriter, r *http.Request, err error)
