package scenario_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/server"
)

// auditRow is a row of the audit trail without its id and time.
type auditRow struct{ action, outcome, actor, subject, ip, client, requestID string }

// auditRows returns the audit rows, oldest first.
func (n *node) auditRows(t *testing.T) []auditRow {
	t.Helper()
	var all []auditRow
	n.query(t, func(db *sql.DB) error {
		rows, err := db.Query(`SELECT action, outcome, coalesce(actor, ''), coalesce(subject, ''), coalesce(ip, ''),
			coalesce(client, ''), coalesce(request_id, '') FROM audit_events ORDER BY at, id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r auditRow
			if err := rows.Scan(&r.action, &r.outcome, &r.actor, &r.subject, &r.ip, &r.client, &r.requestID); err != nil {
				return err
			}
			all = append(all, r)
		}
		return rows.Err()
	})
	return all
}

// auditChecker gives every call a request id of its own and records which audit rows the call must
// leave, each as "action outcome actor subject".
type auditChecker struct {
	n    *node
	d    driver
	tag  string
	want map[string][]string
}

const auditClient, auditAddress = "audit-test/1", "192.0.2.77"

// call makes a call, checks its status, and records the audit rows that it must leave.
func (r *auditChecker) call(t *testing.T, operation string, in args, o []option, status int, rows ...string) answer {
	t.Helper()
	id := fmt.Sprintf("%s-%d", r.tag, len(r.want))
	r.want[id] = rows
	o = append([]option{header("X-Request-Id", id), header("User-Agent", auditClient), header("X-Forwarded-For", auditAddress)}, o...)
	a := r.d.call(t, operation, in, o...)
	if a.Status != status || a.Header.Get("X-Request-Id") != id {
		t.Fatalf("%s is %d %s (request %q), want %d (%q)", operation, a.Status, a.Reason, a.Header.Get("X-Request-Id"), status, id)
	}
	return a
}

// sessionOfToken returns the audit subject of the pair's session.
func sessionOfToken(t *testing.T, a answer) string {
	t.Helper()
	sid, _ := tokenPart(t, a.str("access_token"), 1)["sid"].(string)
	return "session:" + sid
}

// TestEveryEffectLeavesAnAuditRow checks that each effect, and each refusal that is audited, leaves
// exactly one row with actor, subject, address, client and request id. Other calls leave none.
func TestEveryEffectLeavesAnAuditRow(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, behindProxy)
	d := n.roundRobin()
	r := &auditChecker{n: n, d: d, tag: "t" + uuid.NewString()[:8], want: map[string][]string{}}
	email := r.tag + "@example.com"
	me := "developer:" + n.addDeveloper(email, n.password).ID
	none, login := []option{}, args{"email": email, "password": n.password}

	first := r.call(t, "Login", login, none, 200, "session.login ok "+me+" "+me)
	admin := []option{bearer(first.str("access_token"))}
	r.call(t, "Login", args{"email": strings.ToUpper(email), "password": "wrong"}, none, 401, "session.login invalid_credentials anonymous "+me)
	r.call(t, "Login", args{"email": "nobody@example.com", "password": "wrong"}, none, 401, "session.login invalid_credentials anonymous ")
	own := sessionOfToken(t, first)
	second := r.call(t, "RefreshToken", args{"refresh_token": first.str("refresh_token")}, []option{idempotent("k")}, 200, "session.refresh ok "+me+" "+own)
	r.call(t, "RefreshToken", args{"refresh_token": first.str("refresh_token")}, none, 401, "session.refresh refresh_token_used "+me+" "+own)
	r.call(t, "RefreshToken", args{"refresh_token": "rt_nothing"}, none, 401)
	third := r.call(t, "RefreshToken", args{"refresh_token": second.str("refresh_token")}, none, 200, "session.refresh ok "+me+" "+own)
	r.call(t, "UpdateMe", args{"first_name": "A"}, admin, 200, "developer.update ok "+me+" "+me)
	r.call(t, "UpdateMe", args{"email": email, "current_password": "wrong"}, admin, 400, "developer.update incorrect_password "+me+" "+me)
	r.call(t, "ChangePassword", args{"current_password": "wrong", "new_password": n.password + "2", "confirm_password": n.password + "2"}, admin, 400, "developer.password_change incorrect_password "+me+" "+me)
	r.call(t, "ChangePassword", args{"current_password": n.password, "new_password": n.password + "2", "confirm_password": n.password + "2"}, admin, 200, "developer.password_change ok "+me+" "+me)
	r.call(t, "ChangePassword", args{"current_password": n.password + "2", "new_password": n.password, "confirm_password": n.password}, admin, 200, "developer.password_change ok "+me+" "+me)
	other := r.call(t, "Login", login, none, 200, "session.login ok "+me+" "+me)
	r.call(t, "RevokeSession", args{"id": sessionOfToken(t, other)[len("session:"):]}, admin, 204, "session.revoke ok "+me+" "+sessionOfToken(t, other))
	r.call(t, "RevokeSession", args{"id": sessionOfToken(t, other)[len("session:"):]}, admin, 404)
	other = r.call(t, "Login", login, none, 200, "session.login ok "+me+" "+me)
	another := r.call(t, "Login", login, none, 200, "session.login ok "+me+" "+me)
	r.call(t, "RevokeOtherSessions", nil, admin, 204, "session.revoke ok "+me+" "+sessionOfToken(t, other), "session.revoke ok "+me+" "+sessionOfToken(t, another))
	other = r.call(t, "Login", login, none, 200, "session.login ok "+me+" "+me)
	r.call(t, "RevokeToken", args{"refresh_token": other.str("refresh_token")}, none, 204, "session.revoke ok anonymous "+sessionOfToken(t, other))
	r.call(t, "RevokeToken", args{"refresh_token": other.str("refresh_token")}, none, 204)
	r.call(t, "RevokeToken", args{"refresh_token": "nothing"}, none, 204)
	other = r.call(t, "Login", login, none, 200, "session.login ok "+me+" "+me)
	r.call(t, "Logout", nil, []option{bearer(other.str("access_token"))}, 200, "session.logout ok "+me+" "+sessionOfToken(t, other))
	r.call(t, "Logout", nil, []option{bearer(other.str("access_token"))}, 401)

	r.callKeysAndUsers(t, me, admin)
	r.callInvitations(t, me, admin)
	r.call(t, "RefreshToken", args{"refresh_token": first.str("refresh_token")}, none, 401, "session.reuse refresh_token_reused "+me+" "+own)
	r.call(t, "RefreshToken", args{"refresh_token": third.str("refresh_token")}, none, 401, "session.refresh invalid_refresh_token "+me+" "+own)
	r.check(t)
}

// callKeysAndUsers makes the calls about keys, applications, users and their tokens.
func (r *auditChecker) callKeysAndUsers(t *testing.T, me string, admin []option) {
	t.Helper()
	none := []option{}
	key := r.call(t, "CreateKey", nil, append(admin, idempotent("k")), 201, "?")
	keyName := "key:" + key.str("id")
	r.expect("key.create ok " + me + " " + keyName)
	r.call(t, "CreateKey", nil, append(admin, idempotent("k")), 201) // a replay has no effect
	r.call(t, "CreateKey", args{"name": ""}, admin, 422)
	r.call(t, "UpdateKey", args{"id": key.str("id"), "name": "n"}, admin, 200, "key.update ok "+me+" "+keyName)
	r.call(t, "UpdateKey", args{"id": "key_none", "name": "n"}, admin, 404)
	rotated := r.call(t, "RotateKey", args{"id": key.str("id")}, admin, 201, "key.rotate ok "+me+" "+keyName)
	server := []option{bearer(rotated.str("key"))}
	r.call(t, "FinishKeyRotation", args{"id": key.str("id")}, admin, 200, "key.finish_rotation ok "+me+" "+keyName)
	r.call(t, "ListUsers", nil, []option{bearer(key.str("key"))}, 401)
	r.call(t, "ListUsers", nil, none, 401)
	r.call(t, "CreateKey", nil, server, 403)

	app := r.call(t, "CreateApplication", args{"name": "A"}, admin, 201, "?")
	appName := "application:" + app.str("app_id")
	r.expect("application.create ok " + me + " " + appName)
	r.call(t, "UpdateApplication", args{"app_id": app.str("app_id"), "name": "B"}, admin, 200, "application.update ok "+me+" "+appName)
	secret := r.call(t, "RotateApplicationSecret", args{"app_id": app.str("app_id")}, admin, 200, "application.rotate ok "+me+" "+appName).str("app_secret")
	r.call(t, "FinishApplicationRotation", args{"app_id": app.str("app_id")}, admin, 200, "application.finish_rotation ok "+me+" "+appName)

	user := r.call(t, "CreateUser", args{"email": r.tag + "@users.example"}, server, 201, "?")
	userName := "user:" + user.str("id")
	r.expect("user.create ok " + keyName + " " + userName)
	r.call(t, "CreateUser", args{"email": r.tag + "@USERS.example"}, server, 409)
	r.call(t, "UpdateUser", args{"id": user.str("id"), "first_name": "B"}, admin, 200, "user.update ok "+me+" "+userName)
	r.call(t, "GetUser", args{"id": user.str("id")}, admin, 200)
	body := func(secret string) args {
		return args{"user_id": user.str("id"), "app_id": app.str("app_id"), "app_secret": secret}
	}
	pair := r.call(t, "CreateUserToken", body(secret), append(admin, idempotent("k")), 200, "token.mint ok "+appName+" "+userName)
	r.call(t, "CreateUserToken", body(secret), []option{idempotent("k")}, 200)
	r.call(t, "CreateUserToken", args{"user_id": user.str("id")}, admin, 200, "token.mint ok "+me+" "+userName)
	r.call(t, "CreateUserToken", args{"user_id": user.str("id")}, server, 200, "token.mint ok "+keyName+" "+userName)
	r.call(t, "CreateUserToken", body(credential.Mint(credential.AppSecret)), admin, 401, "token.mint invalid_app_credentials anonymous "+appName)
	r.call(t, "CreateUserToken", withMembers(body(secret), args{"app_id": "<secret?>"}), none, 401)
	r.call(t, "CreateUserToken", args{"user_id": user.str("id")}, none, 400)
	r.call(t, "CreateUserToken", args{"user_id": uuid.NewString()}, admin, 404)
	r.call(t, "RefreshToken", args{"refresh_token": pair.str("refresh_token")}, none, 200, "session.refresh ok "+userName+" "+sessionOfToken(t, pair))
	written := r.call(t, "UpsertWorkouts", args{"user_id": user.str("id"), "workouts": []args{halfHourRun("w", "2026-03-02T07:00:00Z")}}, server, 200,
		"workouts.write ok "+keyName+" "+userName)
	r.call(t, "UpsertWorkouts", args{"user_id": user.str("id"), "workouts": []args{{"type": "run"}}}, server, 422)
	workout := args{"user_id": user.str("id"), "workout_id": written.list("items")[0].(map[string]any)["id"]}
	r.call(t, "DeleteWorkout", workout, server, 204, "workout.delete ok "+keyName+" "+userName)
	r.call(t, "DeleteWorkout", workout, server, 404)
	code := r.call(t, "CreatePairingCode", args{"user_id": user.str("id")}, server, 201, "pairing.create ok "+keyName+" "+userName)
	r.call(t, "RedeemPairingCode", args{"code": code.str("code")}, none, 200, "pairing.redeem ok "+userName+" "+userName)
	r.call(t, "RedeemPairingCode", args{"code": code.str("code")}, none, 404)
	r.call(t, "RevokeUserTokens", args{"user_id": user.str("id")}, server, 204, "token.revoke ok "+keyName+" "+userName)
	r.call(t, "DeleteUser", args{"id": user.str("id")}, server, 200, "user.delete ok "+keyName+" "+userName)
	r.call(t, "DeleteUser", args{"id": user.str("id")}, server, 404)
	r.call(t, "DeleteApplication", args{"app_id": app.str("app_id")}, admin, 204, "application.delete ok "+me+" "+appName)
	r.call(t, "DeleteKey", args{"id": key.str("id")}, admin, 200, "key.delete ok "+me+" "+keyName)
}

// callInvitations makes the calls about invitations and developers.
func (r *auditChecker) callInvitations(t *testing.T, me string, admin []option) {
	t.Helper()
	none := []option{}
	email := args{"email": r.tag + "@invited.example"}
	made := r.call(t, "CreateInvitation", email, append(admin, idempotent("k")), 201, "?")
	id, name := args{"id": made.str("id")}, "invitation:"+made.str("id")
	r.expect("invitation.create ok " + me + " " + name)
	r.call(t, "CreateInvitation", email, append(admin, idempotent("k")), 201)
	r.call(t, "CreateInvitation", email, admin, 400, "invitation.create invitation_pending "+me+" "+name)
	r.call(t, "CreateInvitation", args{"email": r.n.email}, admin, 400, "invitation.create developer_exists "+me+" ")
	again := r.call(t, "ResendInvitation", id, admin, 200, "invitation.resend ok "+me+" "+name)
	r.call(t, "AcceptInvitation", acceptance(made.str("token")), none, 404)
	joined := r.call(t, "AcceptInvitation", acceptance(again.str("token")), none, 201, "?")
	other := "developer:" + joined.str("id")
	r.want[fmt.Sprintf("%s-%d", r.tag, len(r.want)-1)] = []string{
		"invitation.accept ok " + other + " " + name, "developer.create ok " + other + " " + other,
	}
	r.call(t, "AcceptInvitation", acceptance(again.str("token")), none, 400, "invitation.accept invitation_accepted anonymous "+name)
	r.call(t, "RevokeInvitation", id, admin, 400, "invitation.revoke invitation_accepted "+me+" "+name)
	r.call(t, "UpdateDeveloper", args{"id": joined.str("id"), "first_name": "B"}, admin, 200, "developer.update ok "+me+" "+other)
	r.call(t, "DeleteDeveloper", args{"id": joined.str("id")}, admin, 200, "developer.delete ok "+me+" "+other)
	last := r.call(t, "CreateInvitation", email, admin, 201, "?")
	r.expect("invitation.create ok " + me + " invitation:" + last.str("id"))
	r.call(t, "RevokeInvitation", args{"id": last.str("id")}, admin, 200, "invitation.revoke ok "+me+" invitation:"+last.str("id"))
}

// expect replaces the row that the last call must leave, for rows that contain an id from its
// answer.
func (r *auditChecker) expect(row string) {
	r.want[fmt.Sprintf("%s-%d", r.tag, len(r.want)-1)] = []string{row}
}

// check fails the test unless every call left exactly its rows, without any secret.
func (r *auditChecker) check(t *testing.T) {
	t.Helper()
	got := map[string][]string{}
	for _, row := range r.n.auditRows(t) {
		if !strings.HasPrefix(row.requestID, r.tag) {
			continue
		}
		if row.ip != auditAddress || row.client != auditClient {
			t.Errorf("a row of %s says %q from %q", row.requestID, row.client, row.ip)
		}
		text := fmt.Sprintf("%+v", row)
		if secretForm.MatchString(text) || strings.Contains(text, r.n.password) || strings.Contains(text, "eyJ") {
			t.Errorf("a row holds a secret: %s", text)
		}
		got[row.requestID] = append(got[row.requestID], strings.Join([]string{row.action, row.outcome, row.actor, row.subject}, " "))
	}
	for id, want := range r.want {
		if !sameSet(got[id], want) {
			t.Errorf("request %s left %q, want %q", id, got[id], want)
		}
	}
}

// sameSet reports whether a and b have the same elements, each as often.
func sameSet(a, b []string) bool {
	count := map[string]int{}
	for _, s := range a {
		count[s]++
	}
	for _, s := range b {
		count[s]--
	}
	for _, c := range count {
		if c != 0 {
			return false
		}
	}
	return true
}

// TestOperatorActsAreAudited checks that commands of the operator are audited with the operator as
// actor.
func TestOperatorActsAreAudited(t *testing.T) {
	t.Parallel()
	n := start(t)
	developers := n.server.Auth().Developers
	email := "second@example.com"
	id := "developer:" + n.addDeveloper(email, n.password).ID
	for _, err := range []error{
		developers.SetPassword(t.Context(), email, n.password+"2"), developers.Disable(t.Context(), email),
		developers.Enable(t.Context(), email), developers.Delete(t.Context(), email), n.server.Auth().Signing.Rotate(t.Context()),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, row := range n.auditRows(t) {
		if row.subject == id || row.action == "signing_key.rotate" {
			got = append(got, row.action+" "+row.outcome+" "+row.actor)
		}
	}
	want := []string{
		"signing_key.rotate ok operator", "developer.create ok operator", "developer.password_change ok operator", "developer.disable ok operator",
		"developer.enable ok operator", "developer.delete ok operator", "signing_key.rotate ok operator",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the audit rows are %q, want %q", got, want)
	}
}

// TestNoCallerWritesLogLines checks that no input of a caller can forge or break a log line: each
// request is one line of JSON.
func TestNoCallerWritesLogLines(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, func(c *server.Config) { c.Dev = true })
	admin, _ := n.login(t, n.drivers()[0])
	evil := "x\r\n{\"msg\":\"request\",\"request_id\":\"forged\"}\n\x1b[31m\u2028\u202e\xff"
	h := n.server.Handler()
	before := len(strings.Split(n.log.String(), "\n"))
	requests := 0
	for _, method := range []string{"GET", "POST", "BREW\r\n"} {
		for _, path := range []string{"/api/v1/users", "/api/v1/users/%0a%0d{}", "/%1b[31m", "/livez"} {
			r := httptest.NewRequest("GET", path, strings.NewReader("{}"))
			r.Method = method
			for _, name := range []string{"User-Agent", "X-Request-Id", "Referer", "Origin", "X-Forwarded-For", "Content-Type", "Idempotency-Key", "Authorization"} {
				r.Header[name] = []string{evil}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			requests++
			if id := w.Header().Get("X-Request-Id"); strings.ContainsAny(id, "\r\n\x1b{ ") || id == "" {
				t.Errorf("X-Request-Id is %q", id)
			}
		}
	}
	for _, d := range n.drivers() {
		d.call(t, "CreateKey", args{"name": "x\r\n{\"msg\":\"request\"}\x1b"}, bearer(admin)).want(t, 422, "invalid_request")
		d.call(t, "CreateUser", args{"external_user_id": d.name() + "\n{\"msg\":\"request\"}"}, bearer(admin)).want(t, 201, "")
		requests += 2
	}
	lines := strings.Split(n.log.String(), "\n")[before-1:]
	if lines[len(lines)-1] != "" {
		t.Errorf("the log ends in the middle of a line: %q", lines[len(lines)-1])
	}
	lines = lines[:len(lines)-1]
	ids := map[string]bool{}
	for _, line := range lines {
		var entry struct {
			Msg       string
			RequestID string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil || strings.ContainsAny(line, "\x1b\r") {
			t.Errorf("a line of the log is %q: %v", line, err)
		}
		if entry.Msg == "request" {
			ids[entry.RequestID] = true
		}
	}
	if len(ids) != requests || ids["forged"] {
		t.Errorf("%d requests left lines of %d requests (forged: %v)", requests, len(ids), ids["forged"])
	}
}

// TestRequestID checks that a well-formed X-Request-Id is echoed on every surface, also in
// refusals, and that any other is replaced.
func TestRequestID(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	for _, d := range n.drivers() {
		for _, sane := range []string{"a", "req_1", "A-Z.09_" + strings.Repeat("x", 121), uuid.NewString()} {
			a := d.call(t, "ListUsers", nil, header("X-Request-Id", sane)).want(t, 401, "missing_credential")
			if got := a.Header.Get("X-Request-Id"); got != sane {
				t.Errorf("%q came back as %q", sane, got)
			}
			if body := a.str("request_id"); d.name() == "rest" && body != sane {
				t.Errorf("the body says %q", body)
			}
		}
		seen := map[string]bool{}
		for _, insane := range []string{"", strings.Repeat("x", 129), "a b", "a\tb", "<script>", "ä", "a:b"} {
			got := d.call(t, "ListUsers", nil, header("X-Request-Id", insane)).Header.Get("X-Request-Id")
			if !strings.HasPrefix(got, "req_") || len(got) < 20 || seen[got] {
				t.Errorf("%q was replaced by %q", insane, got)
			}
			seen[got] = true
		}
	}
}
