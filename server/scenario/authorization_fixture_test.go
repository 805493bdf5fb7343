package scenario_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// fixture holds what the authorization matrix needs: two developers, two users with their data, and
// a credential of every kind.
type fixture struct {
	n *node
	d driver

	admin                    string // a developer's token that creates the targets
	developer                string // the token of column "dev"
	session, otherSession    string // ids of targets
	key, targetApp, webhook  string
	app, secret              string // the application that mints user tokens
	user, userToken          string
	userSession              string // ids of targets
	strangerSession          string
	stranger, strangerToken  string
	workout, strangerWorkout string
	alert                    string
	otherDeveloper           string    // a token of the second developer
	team, invitations        [2]string // ids of targets: own and other
	invited                  string    // the token of an invitation
	refresh                  string    // a user's refresh token, replaced at each use

	fixed      map[string]string // by column: credentials that no call revokes
	keyWithout map[string]string // by scope: a key that lacks it
}

func newFixture(t *testing.T, n *node, d driver) *fixture {
	t.Helper()
	w := &fixture{n: n, d: d, fixed: make(map[string]string), keyWithout: make(map[string]string)}
	w.makeExpired(t)
	w.admin, _ = n.login(t, d)
	w.makeKeys(t)
	w.app, w.secret = n.newApp(t, d, w.admin)
	w.fixed["secret"] = w.secret
	gone, keeper := n.newUser(t, d, w.admin), n.newUser(t, d, w.admin)
	w.fixed["deleted"], _ = n.exchange(t, d, gone, w.app, w.secret)
	d.call(t, "DeleteUser", args{"id": gone}, bearer(w.admin)).want(t, 200, "")
	_, w.refresh = n.exchange(t, d, keeper, w.app, w.secret)
	_, w.fixed["refresh"] = n.exchange(t, d, keeper, w.app, w.secret)
	n.addDeveloper("other@example.com", n.password)
	other := d.call(t, "Login", args{"email": "other@example.com", "password": n.password}).want(t, 200, "")
	w.otherDeveloper = other.str("access_token")
	w.otherSession = w.currentSession(t, w.otherDeveloper)
	w.makeTeam(t)
	w.makeInvitations(t)
	w.makeSession(t)
	w.makeKey(t)
	w.makeApp(t)
	w.makeWebhook(t)
	w.makeUsers(t)
	w.alert = n.alert(t, d, w.admin)
	w.fixed["forged"] = w.admin[:strings.LastIndex(w.admin, ".")] + w.userToken[strings.LastIndex(w.userToken, "."):]
	return w
}

// makeExpired makes a token and a key, then advances the clock until both have expired.
func (w *fixture) makeExpired(t *testing.T) {
	t.Helper()
	w.fixed["late"], _ = w.n.login(t, w.d)
	soon := w.n.clock.now().Add(time.Minute).UTC().Format(time.RFC3339)
	_, w.fixed["old"] = w.n.newKey(t, w.d, w.fixed["late"], args{"expires_at": soon})
	w.n.clock.advance(2 * time.Hour)
}

// makeKeys makes a key for each column that presents one.
func (w *fixture) makeKeys(t *testing.T) {
	t.Helper()
	_, w.fixed["key"] = w.n.newKey(t, w.d, w.admin, args{})
	id, disabled := w.n.newKey(t, w.d, w.admin, args{})
	w.d.call(t, "UpdateKey", args{"id": id, "enabled": false}, bearer(w.admin)).want(t, 200, "")
	w.fixed["off"] = disabled
	for _, scope := range allScopes {
		others := slices.DeleteFunc(slices.Clone(allScopes), func(s string) bool { return s == scope })
		_, w.keyWithout[scope] = w.n.newKey(t, w.d, w.admin, args{"scopes": others})
	}
	_, w.keyWithout["-"] = w.n.newKey(t, w.d, w.admin, args{"scopes": allScopes[:1]})
}

// makeSession logs the developer in again. Its session is also the target "own" of RevokeSession.
func (w *fixture) makeSession(t *testing.T) {
	t.Helper()
	w.developer, _ = w.n.login(t, w.d)
	w.session = w.currentSession(t, w.developer)
}

// adoptCurrentSession continues with the developer's only remaining session.
func (w *fixture) adoptCurrentSession(t *testing.T) {
	t.Helper()
	w.admin = w.developer
	w.makeSession(t)
}

func (w *fixture) makeKey(t *testing.T) {
	t.Helper()
	w.key, _ = w.n.newKey(t, w.d, w.admin, args{})
}

func (w *fixture) makeApp(t *testing.T) {
	t.Helper()
	w.targetApp, _ = w.n.newApp(t, w.d, w.admin)
}

// makeWebhook makes an endpoint at which nothing listens. There may be few, so it goes first.
func (w *fixture) makeWebhook(t *testing.T) {
	t.Helper()
	list, _ := w.d.call(t, "ListWebhookEndpoints", nil, bearer(w.admin)).want(t, 200, "").Body.([]any)
	for _, e := range list {
		w.d.call(t, "DeleteWebhookEndpoint", args{"id": e.(map[string]any)["id"]}, bearer(w.admin)).want(t, 204, "")
	}
	w.webhook = w.d.call(t, "CreateWebhookEndpoint", args{"url": "http://127.0.0.1:9/hook"}, bearer(w.admin)).want(t, 201, "").str("id")
}

// makeTeam makes two developers. DeleteDeveloper ends one of them.
func (w *fixture) makeTeam(t *testing.T) {
	t.Helper()
	for i := range w.team {
		w.team[i] = w.n.addDeveloper(someEmail(), passphrase()).ID
	}
}

// makeNewTeam makes anew what the end of a developer ended: tokens of invitations too.
func (w *fixture) makeNewTeam(t *testing.T) {
	t.Helper()
	w.makeTeam(t)
	w.makeInvitations(t)
}

// makeInvitations makes the targets. There may be few that are pending, so others go first.
func (w *fixture) makeInvitations(t *testing.T) {
	t.Helper()
	list, _ := w.d.call(t, "ListInvitations", nil, bearer(w.admin)).want(t, 200, "").Body.([]any)
	for _, item := range list {
		if i := item.(map[string]any); i["status"] == "pending" {
			w.d.call(t, "RevokeInvitation", args{"id": i["id"]}, bearer(w.admin)).want(t, 200, "")
		}
	}
	w.invitations = [2]string{w.n.invite(t, w.d, w.admin).str("id"), w.n.invite(t, w.d, w.otherDeveloper).str("id")}
	w.invited = w.n.invite(t, w.d, w.admin).str("token")
}

func (w *fixture) makeUsers(t *testing.T) {
	t.Helper()
	w.user, w.stranger = w.n.newUser(t, w.d, w.admin), w.n.newUser(t, w.d, w.admin)
	w.makeTokens(t)
	w.makeWorkouts(t)
}

func (w *fixture) makeTokens(t *testing.T) {
	t.Helper()
	w.userToken, _ = w.n.exchange(t, w.d, w.user, w.app, w.secret)
	w.strangerToken, _ = w.n.exchange(t, w.d, w.stranger, w.app, w.secret)
	newest := func(user string) string {
		list := w.d.call(t, "ListUserSessions", args{"user_id": user}, bearer(w.admin)).want(t, 200, "").Body.([]any)
		return list[0].(map[string]any)["id"].(string)
	}
	w.userSession, w.strangerSession = newest(w.user), newest(w.stranger)
}

func (w *fixture) makeWorkouts(t *testing.T) {
	t.Helper()
	upsert := func(user string) string {
		in := args{"user_id": user, "workouts": []args{someWorkout()}}
		item := w.d.call(t, "UpsertWorkouts", in, bearer(w.admin)).want(t, 200, "").list("items")[0]
		return item.(map[string]any)["id"].(string)
	}
	w.workout, w.strangerWorkout = upsert(w.user), upsert(w.stranger)
}

func someWorkout() args {
	return args{
		"external_id": "w-1", "type": "running", "start_time": "2026-03-02T07:00:00Z", "end_time": "2026-03-02T07:30:00Z",
		"source": args{"provider": "apple"},
	}
}

// currentSession returns the id of the token's session.
func (w *fixture) currentSession(t *testing.T, access string) string {
	t.Helper()
	list, _ := w.d.call(t, "ListSessions", nil, bearer(access)).want(t, 200, "").Body.([]any)
	for _, s := range list {
		if session := s.(map[string]any); session["current"] == true {
			return session["id"].(string)
		}
	}
	t.Fatal("a token's session is not among those of its developer")
	return ""
}

// authorization returns the options that send the credential of a column.
func (w *fixture) authorization(credential, scope string) []option {
	switch credential {
	case "none":
		return nil
	case "dev":
		return []option{bearer(w.developer)}
	case "less":
		return []option{bearer(w.keyWithout[scope])}
	case "user":
		return []option{bearer(w.userToken)}
	case "stranger":
		return []option{bearer(w.strangerToken)}
	default:
		return []option{bearer(w.fixed[credential])}
	}
}

// arguments returns the arguments for a row's operation: one set, or one for each UUID if the
// target is "bad".
func (w *fixture) arguments(row matrixRow) []args {
	in := w.members(row.operation)
	all, uuids := pathParameters(row.operation)
	for _, name := range all {
		in[name] = w.targetID(row, name)
	}
	if row.target != "bad" {
		return []args{in}
	}
	var out []args
	for _, name := range uuids {
		bad := maps.Clone(in)
		bad[name] = "not-a-uuid"
		out = append(out, bad)
	}
	return out
}

// targetID returns the value of a path parameter for the row's target.
func (w *fixture) targetID(row matrixRow, name string) string {
	service := string(method(row.operation).Parent().Name())
	if of, ok := strings.CutSuffix(strings.TrimPrefix(row.operation, "Get"), "Usage"); ok {
		service = of + "Service"
	}
	own := map[string]string{
		"KeyService": w.key, "ApplicationService": w.targetApp, "SessionService": w.session, "WebhookService": w.webhook, "AlertService": w.alert,
		"DeveloperService": w.team[0], "InvitationService": w.invitations[0],
	}[service]
	other, gone := w.otherSession, uuid.NewString()
	switch {
	case service == "DeveloperService":
		other = w.team[1]
	case service == "InvitationService":
		other = w.invitations[1]
	case name == "rule":
		own, gone = "key_unused", "no_such_rule"
	case service == "KeyService":
		gone = "key_0000000000000000"
	case service == "ApplicationService":
		gone = "app_0000000000000000"
	case service == "WebhookService":
		gone = "we_0000000000000000"
	case name == "workout_id":
		own, other = w.workout, w.strangerWorkout
	case name == "session_id":
		own, other = w.userSession, w.strangerSession
	case own == "":
		own, other = w.user, w.stranger
	}
	switch row.target {
	case "gone":
		return gone
	case "other":
		return other
	case "crossed":
		if name == "workout_id" || name == "session_id" {
			return other
		}
	}
	return own
}

// members returns a body and query with which the operation succeeds.
func (w *fixture) members(operation string) args {
	switch operation {
	case "Login":
		return args{"email": w.n.email, "password": w.n.password}
	case "CreateFirstDeveloper":
		return args{"token": "unknown", "email": "first@example.com", "password": w.n.password}
	case "RefreshToken":
		return args{"refresh_token": w.refresh}
	case "ReportCredential":
		return args{"credential": "rt_unknown"}
	case "VerifyCredential", "ExplainAccess":
		return args{"credential": w.userToken}
	case "VerifyCredentials":
		return args{"checks": []args{{"credential": w.userToken}}}
	case "RevokeToken":
		return args{"refresh_token": "rt_unknown"}
	case "UpdateMe":
		return args{"first_name": "Ada"}
	case "ChangePassword":
		return args{"current_password": w.n.password, "new_password": w.n.password + "!", "confirm_password": w.n.password + "!"}
	case "UpdateKey", "UpdateApplication", "CreateApplication":
		return args{"name": "Renamed"}
	case "CreateWebhookEndpoint":
		return args{"url": "http://127.0.0.1:9/hook"}
	case "UpdateWebhookEndpoint":
		return args{"enabled": true}
	case "UpdateAlertRule":
		return args{"thresholds": []args{{"name": "unused_days", "value": 60}}}
	case "UpdateDeveloper":
		return args{"first_name": "Grace"}
	case "CreateInvitation":
		return args{"email": someEmail()}
	case "AcceptInvitation":
		return acceptance(w.invited)
	case "RedeemPairingCode":
		return args{"code": w.n.pairingCode(w.n.t, w.d, w.admin, w.user).str("code")}
	case "UpdateUser":
		return args{"last_name": "Hopper"}
	case "ListWorkouts":
		return args{"start_date": "2026-03-01", "end_date": "2026-03-07"}
	case "DeleteWorkouts":
		return args{"workouts": []args{{"provider": "nobody", "external_id": "w-1"}}}
	case "UpsertWorkouts":
		return args{"workouts": []args{someWorkout()}}
	default:
		return args{}
	}
}
