package server

import (
	"net/http"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// operation is what the middleware must know of an operation before it
// decodes anything. What a caller may do is the domain's to say.
type operation struct {
	name    string // operationId and RPC name
	service string // of openwearables.v1
	rest    string // method and path below /api/v1

	proof     proof
	body      body                               // of the REST form
	form      bool                               // the REST body may be a form
	bulk      bool                               // health data: the larger limit holds
	safe      bool                               // no side effects: Connect may call it by GET
	byAddress func(auth.Limits) ratelimit.Policy // nil: the address bucket
}

// proof is how an operation's caller proves itself.
type proof uint8

const (
	inHeader proof = iota // 401 without a valid credential in the header
	inEither              // in the header or the body
	inBody                // the header is not looked at
)

// body is what a REST operation expects as its body.
type body uint8

const (
	noBody body = iota // whatever is sent is ignored
	optionalBody
	requiredBody
)

var operations = []operation{
	{name: "Login", service: "SessionService", rest: "POST /auth/login", proof: inBody, body: optionalBody, form: true, byAddress: loginLimit},
	{name: "RefreshToken", service: "SessionService", rest: "POST /auth/refresh", proof: inBody, body: optionalBody, byAddress: refreshLimit},
	{name: "RevokeToken", service: "SessionService", rest: "POST /auth/revoke", proof: inBody, body: optionalBody, byAddress: refreshLimit},
	{name: "Logout", service: "SessionService", rest: "POST /auth/logout"},
	{name: "GetMe", service: "SessionService", rest: "GET /auth/me", safe: true},
	{name: "UpdateMe", service: "SessionService", rest: "PATCH /auth/me", body: requiredBody},
	{name: "ChangePassword", service: "SessionService", rest: "POST /auth/change-password", body: requiredBody},
	{name: "ListSessions", service: "SessionService", rest: "GET /auth/sessions", safe: true},
	{name: "RevokeSession", service: "SessionService", rest: "DELETE /auth/sessions/{id}"},
	{name: "RevokeOtherSessions", service: "SessionService", rest: "DELETE /auth/sessions"},

	{name: "CreateKey", service: "KeyService", rest: "POST /api-keys", body: optionalBody},
	{name: "ListKeys", service: "KeyService", rest: "GET /api-keys", safe: true},
	{name: "GetKey", service: "KeyService", rest: "GET /api-keys/{id}", safe: true},
	{name: "UpdateKey", service: "KeyService", rest: "PATCH /api-keys/{id}", body: requiredBody},
	{name: "RotateKey", service: "KeyService", rest: "POST /api-keys/{id}/rotate", body: optionalBody},
	{name: "DeleteKey", service: "KeyService", rest: "DELETE /api-keys/{id}"},

	{name: "CreateApplication", service: "ApplicationService", rest: "POST /applications", body: requiredBody},
	{name: "ListApplications", service: "ApplicationService", rest: "GET /applications", safe: true},
	{name: "GetApplication", service: "ApplicationService", rest: "GET /applications/{app_id}", safe: true},
	{name: "UpdateApplication", service: "ApplicationService", rest: "PATCH /applications/{app_id}", body: requiredBody},
	{name: "RotateApplicationSecret", service: "ApplicationService", rest: "POST /applications/{app_id}/rotate-secret", body: optionalBody},
	{name: "DeleteApplication", service: "ApplicationService", rest: "DELETE /applications/{app_id}"},

	{name: "CreateUser", service: "UserService", rest: "POST /users", body: requiredBody},
	{name: "ListUsers", service: "UserService", rest: "GET /users", safe: true},
	{name: "GetUser", service: "UserService", rest: "GET /users/{id}", safe: true},
	{name: "UpdateUser", service: "UserService", rest: "PATCH /users/{id}", body: requiredBody},
	{name: "DeleteUser", service: "UserService", rest: "DELETE /users/{id}"},

	{name: "CreateUserToken", service: "TokenService", rest: "POST /users/{user_id}/token", proof: inEither, body: optionalBody},
	{name: "RevokeUserTokens", service: "TokenService", rest: "DELETE /users/{user_id}/tokens"},

	{name: "ListWorkouts", service: "WorkoutService", rest: "GET /users/{user_id}/events/workouts", safe: true},
	{name: "UpsertWorkouts", service: "WorkoutService", rest: "POST /users/{user_id}/events/workouts", body: requiredBody, bulk: true},
	{name: "DeleteWorkout", service: "WorkoutService", rest: "DELETE /users/{user_id}/events/workouts/{workout_id}"},
}

func loginLimit(l auth.Limits) ratelimit.Policy   { return l.Login }
func refreshLimit(l auth.Limits) ratelimit.Policy { return l.Refresh }

// Largest request bodies, in bytes.
const (
	maxBody     = 64 << 10
	maxBulkBody = 8 << 20
)

func (o *operation) maxBody() int64 {
	if o.bulk {
		return maxBulkBody
	}
	return maxBody
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
