package scenario_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/server"
)

// withBody replaces the body of a request.
func withBody(data string) option {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(data)), int64(len(data))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(data)), nil }
	}
}

// TestOrderOfRefusals checks which refusal wins when several apply: 401 first, then an unreadable
// body, then 403, then 422.
func TestOrderOfRefusals(t *testing.T) {
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		app, secret := n.newApp(t, d, admin)
		user := n.newUser(t, d, admin)
		access, _ := n.exchange(t, d, user, app, secret)

		large, invalid := args{"name": strings.Repeat("n", 70<<10)}, args{"name": ""}
		for _, c := range []struct {
			what       string
			in         args
			change     []option
			unreadable int // the status; 0 if the body can be read
		}{
			{"compressed", invalid, []option{header("Content-Encoding", "gzip")}, 415},
			{"of another type", invalid, []option{header("Content-Type", "text/plain")}, 415},
			{"too large", large, nil, 413},
			{"malformed", invalid, []option{withBody("{\xff")}, 422},
			{"invalid", invalid, nil, 0},
		} {
			for _, operation := range []string{"CreateKey", "CreateApplication"} {
				call := func(present ...option) answer {
					t.Helper()
					return d.call(t, operation, c.in, append(present, c.change...)...)
				}
				unreadable := map[int]string{413: "body_too_large", 415: "unsupported_media_type", 422: "invalid_request"}[c.unreadable]
				call().want(t, 401, "missing_credential")
				call(bearer(admin[1:])).want(t, 401, "invalid_token")
				call(bearer(admin), header("X-Open-Wearables-API-Key", "x")).want(t, 400, "multiple_credentials")
				if c.unreadable != 0 {
					call(bearer(access)).want(t, c.unreadable, unreadable)
					call(bearer(admin)).want(t, c.unreadable, unreadable)
				} else {
					call(bearer(access)).want(t, 403, "credential_not_allowed")
					call(bearer(admin)).want(t, 422, "invalid_request")
				}
			}
		}

		// The owner is checked before the arguments, and both before the existence of the user.
		other, gone := n.newUser(t, d, admin), uuid.NewString()
		for _, id := range []string{other, gone} {
			bad := args{"user_id": id, "start_date": "x", "end_date": "y"}
			d.call(t, "ListWorkouts", bad, bearer(access)).want(t, 403, "other_user")
			d.call(t, "ListWorkouts", args{"user_id": id}, bearer(access)).want(t, 403, "other_user")
			d.call(t, "ListWorkouts", bad, bearer(admin)).want(t, 422, "invalid_request")
			d.call(t, "UpsertWorkouts", args{"user_id": id, "workouts": []args{}}, bearer(access)).want(t, 403, "other_user")
			d.call(t, "UpsertWorkouts", args{"user_id": id, "workouts": []args{}}, bearer(admin)).want(t, 422, "invalid_request")
		}
	}, unlimited)
}

// TestLimitComesFirst checks that an exhausted limit is reported before any other refusal, and an
// unknown path before a missing credential.
func TestLimitComesFirst(t *testing.T) {
	const spendable = 8
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		paths := []string{"/api/v1/nothing", "/openwearables.v1.KeyService/Nothing"}
		for _, path := range paths {
			n.wantRaw(t, "POST", path, "application/json", "{", 404, "not_found")
			n.wantRaw(t, "POST", path, "application/json", "{", 404, "not_found", bearer(admin))
		}
		n.wantRaw(t, "PUT", "/api/v1/api-keys", "text/plain", "{", 405, "method_not_allowed")
		for a := (answer{}); a.Status != 429; {
			a = d.call(t, "CreateKey", nil)
			if a.Status != 401 && a.Status != 429 {
				t.Fatalf("a request without credential answers %d", a.Status)
			}
		}
		for a := (answer{}); a.Status != 429; {
			if a = d.call(t, "ListKeys", nil, bearer(admin)); a.Status != 200 && a.Status != 429 {
				t.Fatalf("a developer's request answers %d", a.Status)
			}
		}
		for _, present := range [][]option{nil, {bearer("x")}, {bearer(admin)}} {
			for _, path := range paths {
				n.wantRaw(t, "POST", path, "application/json", "{", 429, "rate_limited", present...)
			}
			n.wantRaw(t, "PUT", "/api/v1/api-keys", "text/plain", "{", 429, "rate_limited", present...)
			d.call(t, "CreateKey", nil, append(present, withBody("{\xff"), header("Content-Encoding", "gzip"))...).want(t, 429, "rate_limited")
			d.call(t, "GetUser", args{"id": "x"}, present...).want(t, 429, "rate_limited")
		}
	}, unlimited, func(c *server.Config) {
		c.Auth.Limits.Address.Limit, c.Auth.Limits.Developer.Limit = spendable, spendable
	})
}

// TestRefusalsDoNotTellWhatExists checks, byte by byte, that a user's token gets the same refusal
// for another user and for one who does not exist.
func TestRefusalsDoNotTellWhatExists(t *testing.T) {
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		app, secret := n.newApp(t, d, admin)
		access, _ := n.exchange(t, d, n.newUser(t, d, admin), app, secret)
		w := &fixture{n: n, d: d, admin: admin, app: app, secret: secret}
		w.makeUsers(t)

		refusal := func(operation, user, workout string) answer {
			t.Helper()
			in := args{"id": user, "user_id": user, "workout_id": workout, "workouts": []args{someWorkout()}, "start_date": "2026-03-01", "end_date": "2026-03-07"}
			maps.DeleteFunc(in, func(name string, _ any) bool { return !acceptsMember(operation, name) })
			a := d.call(t, operation, in, bearer(access), header("X-Request-Id", "req_oracle")).want(t, 403, "other_user")
			for _, varying := range []string{"Date", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "Ratelimit"} {
				a.Header.Del(varying)
			}
			return a
		}
		for _, operation := range []string{"GetUser", "ListWorkouts", "UpsertWorkouts", "DeleteWorkout", "DeleteWorkouts"} {
			other := refusal(operation, w.user, w.workout)
			gone := refusal(operation, uuid.NewString(), uuid.NewString())
			if !reflect.DeepEqual(other, gone) {
				t.Errorf("%s tells another user from one who does not exist:\n%v\n%v", operation, other, gone)
			}
		}
	}, unlimited)
}

// acceptsMember reports whether the operation has a parameter or body member of the name.
func acceptsMember(operation, name string) bool {
	o := restRouteOf()[operation].operation
	for _, p := range o.Parameters {
		if p.Value.Name == name {
			return true
		}
	}
	if o.RequestBody == nil {
		return false
	}
	return o.RequestBody.Value.Content["application/json"].Schema.Value.Properties[name] != nil
}

// TestBodiesRefuseCredentialsOfAnotherKind checks that a secret of one kind is refused where a body
// expects another kind.
func TestBodiesRefuseCredentialsOfAnotherKind(t *testing.T) {
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, refresh := n.login(t, d)
		_, key := n.newKey(t, d, admin, args{})
		app, secret := n.newApp(t, d, admin)
		user := n.newUser(t, d, admin)
		access, userRefresh := n.exchange(t, d, user, app, secret)

		for _, s := range []string{admin, access, key, secret, app, "", "rt_", refresh[:len(refresh)-1], refresh + "0", strings.ToUpper(refresh)} {
			d.call(t, "RefreshToken", args{"refresh_token": s}).want(t, 401, "invalid_refresh_token")
		}
		for _, s := range []string{admin, access, key, refresh, userRefresh} {
			d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": s}).want(t, 401, "invalid_app_credentials")
			d.call(t, "CreateUserToken", args{"user_id": user, "app_id": s, "app_secret": secret}).want(t, 401, "invalid_app_credentials")
		}
		for _, s := range []string{key, secret, app} { // RevokeToken revokes only tokens
			d.call(t, "RevokeToken", args{"refresh_token": s}).want(t, 204, "")
		}
		d.call(t, "ListUsers", nil, bearer(key)).want(t, 200, "")
		d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}).want(t, 200, "")

		// A refresh returns tokens of the kind that was presented.
		pair := d.call(t, "RefreshToken", args{"refresh_token": userRefresh}).want(t, 200, "")
		d.call(t, "GetUser", args{"id": user}, bearer(pair.str("access_token"))).want(t, 200, "")
		d.call(t, "GetMe", nil, bearer(pair.str("access_token"))).want(t, 403, "credential_not_allowed")
		pair = d.call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 200, "")
		d.call(t, "GetMe", nil, bearer(pair.str("access_token"))).want(t, 200, "")
	}, unlimited)
}

// TestUnknownMembersAssignNothing sends every member that only answers have, and checks that none
// of them is stored.
func TestUnknownMembersAssignNothing(t *testing.T) {
	n := start(t, unlimited)
	for _, d := range n.drivers()[:2] { // binary messages cannot carry them
		admin, _ := n.login(t, d)
		key, _ := n.newKey(t, d, admin, args{})
		app, _ := n.newApp(t, d, admin)
		user := n.newUser(t, d, admin)
		for operation, in := range map[string]args{
			"CreateUser": {}, "UpdateUser": {"id": user, "first_name": "A"}, "CreateKey": {}, "UpdateKey": {"id": key, "name": "A"},
			"CreateApplication": {"name": "A"}, "UpdateApplication": {"app_id": app, "name": "A"}, "UpdateMe": {"first_name": "A"},
		} {
			before := d.call(t, operation, maps.Clone(in), bearer(admin))
			hostile := hostileMembers(operation, in)
			if len(hostile) < 3 {
				t.Errorf("%s: only %d members to try", operation, len(hostile))
			}
			after := d.call(t, operation, maps.Clone(hostile), bearer(admin)).want(t, before.Status, "")
			for name, v := range hostile {
				if in[name] == nil && bytes.Contains(encode(t, after.Body), encode(t, v)) {
					t.Errorf("%s %s took %s", d.name(), operation, name)
				}
			}
			if strings.HasPrefix(operation, "Create") {
				continue
			}
			scrub := func(a answer) any {
				delete(a.Body.(map[string]any), "updated_at")
				return a.Body
			}
			if b, a := scrub(before), scrub(after); !reflect.DeepEqual(a, b) {
				t.Errorf("%s %s changed\n%v\nto\n%v", d.name(), operation, b, a)
			}
		}
		other := n.newUser(t, d, admin)
		a := n.wantRaw(t, "PATCH", "/api/v1/users/"+user, "application/json", `{"id":"`+other+`","last_name":"B"}`, 200, "", bearer(admin))
		if a.str("id") != user {
			t.Error("the body's id was taken for the path's")
		}
	}
}

// hostileMembers adds to a request the members that only its answer has, and names of columns that
// a request must not set.
func hostileMembers(operation string, in args) args {
	out := maps.Clone(in)
	o := restRouteOf()[operation].operation
	answers := o.Responses.Value(map[bool]string{true: "201", false: "200"}[strings.HasPrefix(operation, "Create")])
	names := slices.Collect(maps.Keys(answers.Value.Content["application/json"].Schema.Value.Properties))
	for _, name := range append(names, "hash", "password", "password_hash", "disabled", "developer_id", "user_id", "revoked_at", "role") {
		if elsewhere := operation == "UpdateMe" && name == "password"; !elsewhere && !acceptsMember(operation, name) {
			out[name] = "2001-01-01T00:00:00Z"
		}
	}
	return out
}
