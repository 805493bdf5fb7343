package scenario_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/server"
)

// secretForm matches every long-lived secret.
var secretForm = regexp.MustCompile(`(ow_(live|test)_[0-9a-z]{36}|secret_[0-9a-z]{44}|rt_[0-9a-z]{63}|whsec_[0-9A-Za-z+/]{43}=)`)

// noSecret fails the test if the answer contains a secret.
func (a answer) noSecret(t *testing.T) answer {
	t.Helper()
	if text := string(encode(t, a.Body)); secretForm.MatchString(text) {
		t.Errorf("an answer shows a secret: %s", text)
	}
	return a
}

// timeOf returns the time in a member of the answer, or zero if it has none.
func (a answer) timeOf(t *testing.T, member string) time.Time {
	t.Helper()
	text := a.str(member)
	if text == "" {
		return time.Time{}
	}
	v, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatalf("%s is %q", member, text)
	}
	return v
}

// onSharedNode runs a scenario on every surface of one node. It is cheaper than onEachSurface, for
// scenarios that tolerate the data of others.
func onSharedNode(t *testing.T, scenario func(t *testing.T, n *node, d driver), change ...func(*server.Config)) {
	t.Helper()
	n := start(t, change...)
	for _, d := range n.drivers() {
		t.Run(strings.ReplaceAll(d.name(), "/", "-"), func(t *testing.T) { scenario(t, n, d) })
	}
}

// roundRobin is a driver that uses each surface in turn. It serves rules that span surfaces, and
// comparisons between them.
type roundRobin struct {
	drivers []driver
	calls   *atomic.Int64
}

func (n *node) roundRobin() roundRobin { return roundRobin{n.drivers(), new(atomic.Int64)} }

func (roundRobin) name() string { return "every surface in turn" }

func (d roundRobin) call(t *testing.T, operation string, in args, o ...option) answer {
	t.Helper()
	return d.drivers[d.calls.Add(1)%int64(len(d.drivers))].call(t, operation, in, o...)
}

func sortedStrings(l []any) []string {
	out := make([]string, len(l))
	for i, v := range l {
		out[i], _ = v.(string)
	}
	slices.Sort(out)
	return out
}

var allScopes = []string{
	"audit:read", "connections:write", "credentials:verify", "data:read", "data:write",
	"tokens:write", "users:read", "users:write", "workouts:read", "workouts:write",
}

// TestKeyLife checks the documented life of a key: its defaults, its use, an update, and its end by
// deletion.
func TestKeyLife(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		me := d.call(t, "GetMe", nil, bearer(admin)).want(t, 200, "").str("id")

		made := d.call(t, "CreateKey", nil, bearer(admin)).want(t, 201, "")
		secret := made.str("key")
		if !regexp.MustCompile(`^ow_live_[0-9a-z]{36}$`).MatchString(secret) || made.str("key_prefix") != secret[:len("ow_live_")+4] {
			t.Errorf("key %q has the prefix %q", secret, made.str("key_prefix"))
		}
		if made.str("name") != "Default" || made.str("environment") != "live" || made.str("created_by") != me ||
			!slices.Equal(sortedStrings(made.list("scopes")), allScopes) || made.Body.(map[string]any)["enabled"] != true {
			t.Errorf("the defaults of a key are %v", made.Body)
		}
		for _, member := range []string{"last_used_at", "last_used_ip", "last_used_client", "last_used_operation", "expires_at", "previous_expires_at"} {
			if made.str(member) != "" {
				t.Errorf("%s of a new key is %q", member, made.str(member))
			}
		}
		id := made.str("id")
		if !strings.HasPrefix(id, "key_") {
			t.Errorf("id is %q", id)
		}
		if s := d.call(t, "CreateKey", args{"environment": "test"}, bearer(admin)).want(t, 201, "").str("key"); !strings.HasPrefix(s, "ow_test_") {
			t.Errorf("a key of the test environment is %q", s)
		}

		d.call(t, "GetKey", args{"id": id}, bearer(admin)).want(t, 200, "").noSecret(t)
		renamed := d.call(t, "UpdateKey", args{"id": id, "name": "Production Server - Updated"}, bearer(admin)).want(t, 200, "").noSecret(t)
		d.call(t, "CreateKey", args{"scopes": allScopes}, bearer(admin)).want(t, 201, "")
		d.call(t, "UpdateKey", args{"id": id, "scopes": allScopes}, bearer(admin)).want(t, 200, "")
		if renamed.str("name") != "Production Server - Updated" || !slices.Equal(sortedStrings(renamed.list("scopes")), allScopes) {
			t.Errorf("after a rename the key is %v", renamed.Body)
		}
		d.call(t, "ListKeys", nil, bearer(admin)).want(t, 200, "").noSecret(t)
		gone := d.call(t, "DeleteKey", args{"id": id}, bearer(admin)).want(t, 200, "").noSecret(t)
		if gone.str("id") != id || gone.str("name") != "Production Server - Updated" {
			t.Errorf("deleted %v", gone.Body)
		}
		d.call(t, "ListUsers", nil, bearer(secret)).want(t, 401, "invalid_api_key")
		for _, operation := range []string{"GetKey", "UpdateKey", "RotateKey", "DeleteKey"} {
			for _, unknown := range []string{id, credential.Mint(credential.KeyID), "nothing"} {
				d.call(t, operation, args{"id": unknown}, bearer(admin)).want(t, 404, "not_found")
			}
		}
	}, unlimited)
}

// TestKeysAreTheAccounts checks that every developer can manage all keys, listed newest first.
func TestKeysAreTheAccounts(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		var want []string
		for i := range 5 {
			n.clock.advance(time.Second)
			id, _ := n.newKey(t, d, admin, args{"name": strconv.Itoa(i)})
			want = append([]string{id}, want...)
		}
		email := strings.ReplaceAll(d.name(), " ", "") + "@example.com"
		n.addDeveloper(email, n.password)
		other := d.call(t, "Login", args{"email": email, "password": n.password}).want(t, 200, "").str("access_token")
		list := d.call(t, "ListKeys", nil, bearer(other)).want(t, 200, "").Body.([]any)
		var got []string
		for _, k := range list[:len(want)] {
			got = append(got, k.(map[string]any)["id"].(string))
		}
		if !slices.Equal(got, want) {
			t.Errorf("keys are %v, want %v", got, want)
		}
		d.call(t, "UpdateKey", args{"id": want[0], "enabled": false}, bearer(other)).want(t, 200, "")
		d.call(t, "DeleteKey", args{"id": want[1]}, bearer(other)).want(t, 200, "")
	}, unlimited)
}

// TestKeyValidation checks that each invalid argument is a 422 that names the field.
func TestKeyValidation(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		id, secret := n.newKey(t, d, admin, nil)
		past := n.clock.now().Add(-time.Second).UTC().Format(time.RFC3339)
		for _, c := range []struct {
			operation, field string
			in               args
		}{
			{"CreateKey", "name", args{"name": ""}},
			{"CreateKey", "name", args{"name": strings.Repeat("ä", 101)}},
			{"CreateKey", "environment", args{"environment": "prod"}},
			{"CreateKey", "scopes", args{"scopes": []string{"users:read", "users:read"}}},
			{"CreateKey", "scopes", args{"scopes": []string{"admin"}}},
			{"CreateKey", "expires_at", args{"expires_at": past}},
			{"UpdateKey", "name", args{"id": id, "name": ""}},
			{"UpdateKey", "name", args{"id": id, "name": nil}},
			{"UpdateKey", "scopes", args{"id": id, "scopes": []string{}}},
			{"UpdateKey", "scopes", args{"id": id, "scopes": []string{"nothing"}}},
			{"UpdateKey", "enabled", args{"id": id, "enabled": nil}},
			{"UpdateKey", "expires_at", args{"id": id, "expires_at": past}},
			{"UpdateKey", "name", args{"id": "key_unknown", "name": ""}}, // arguments are checked before the existence of the key
			{"RotateKey", "overlap_seconds", args{"id": id, "overlap_seconds": -1}},
			{"RotateKey", "overlap_seconds", args{"id": id, "overlap_seconds": 2592001}},
		} {
			a := d.call(t, c.operation, c.in, bearer(admin)).want(t, 422, "invalid_request")
			if !slices.Equal(a.Fields, []string{c.field}) {
				t.Errorf("%s %v: the fields named are %v", c.operation, c.in, a.Fields)
			}
		}
		d.call(t, "CreateKey", args{"name": strings.Repeat("ä", 100)}, bearer(admin)).want(t, 201, "")
		d.call(t, "RotateKey", args{"id": id, "overlap_seconds": 2592000}, bearer(admin)).want(t, 201, "")
		d.call(t, "ListUsers", nil, bearer(secret)).want(t, 200, "")
		many := d.call(t, "CreateKey", args{"name": "", "environment": "x", "expires_at": past}, bearer(admin)).want(t, 422, "invalid_request")
		if slices.Sort(many.Fields); !slices.Equal(many.Fields, []string{"environment", "expires_at", "name"}) {
			t.Errorf("one answer names %v", many.Fields)
		}
	}, unlimited)
}

// TestEmptyListIsNotAbsent checks that an empty list of scopes never makes a key with all scopes,
// under both names of the member and whatever else is in the body. In the binary form, an update
// whose mask names the empty list is refused.
func TestEmptyListIsNotAbsent(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	ds := n.drivers()
	admin, _ := n.login(t, ds[0])
	id, _ := n.newKey(t, ds[0], admin, nil)
	send := func(method, path, body string) answer {
		r := newRequest(t, method, n.url+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		res, raw := n.send(t, r, bearer(admin))
		if strings.HasPrefix(path, "/api/") {
			return restAnswer(t, res, raw)
		} else if res.StatusCode != 200 {
			return rpcRefusal(t, res, raw)
		}
		return answer{Status: 200}
	}
	create, update := "/openwearables.v1.KeyService/CreateKey", "/openwearables.v1.KeyService/UpdateKey"
	before := len(ds[0].call(t, "ListKeys", nil, bearer(admin)).want(t, 200, "").Body.([]any))
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/api/v1/api-keys", `{"scopes":[]}`},
		{"PATCH", "/api/v1/api-keys/" + id, `{"scopes":[]}`},
		{"POST", create, `{"scopes":[]}`},
		{"POST", create, ` { "x": [1, {"scopes": ["a"]}], "name": "\u0041", "sc\u006fpes" : [ ] } `},
		{"POST", update, `{"id":"` + id + `","scopes":[]}`},
		{"POST", update, `{"id":"` + id + `","scopes":[],"updateMask":"scopes"}`},
		{"POST", update, `{"id":"` + id + `","updateMask":"scopes"}`},
		{"POST", "/openwearables.v1.WorkoutService/UpsertWorkouts", `{"userId":"` + n.newUser(t, ds[0], admin) + `","workouts":[]}`},
	} {
		a := send(c.method, c.path, c.body).want(t, 422, "invalid_request")
		if field := a.Fields[0]; len(a.Fields) != 1 || field != "scopes" && field != "workouts" {
			t.Errorf("%s %s names %v", c.path, c.body, a.Fields)
		}
	}
	for _, d := range ds {
		for _, in := range []args{{"id": id, "scopes": []string{}}, {"id": id, "scopes": []string{}, "name": "x"}} {
			if a := d.call(t, "UpdateKey", in, bearer(admin)).want(t, 422, "invalid_request"); a.Detail != "scopes: must hold at least one scope" {
				t.Errorf("%s says %q", d.name(), a.Detail)
			}
		}
	}
	if after := len(ds[0].call(t, "ListKeys", nil, bearer(admin)).want(t, 200, "").Body.([]any)); after != before {
		t.Errorf("refused calls made %d keys", after-before)
	}
	for _, body := range []string{`{}`, ``, `{"scopes":null}`, `{"x":{"scopes":[]}}`, `{"name":"[]"}`} {
		send("POST", create, body).want(t, 200, "")
	}
}

// operationScope maps each operation that keys may call to the scope that it needs.
var operationScope = map[string]string{
	"ListUsers": "users:read", "GetUser": "users:read", "GetUserUsage": "users:read",
	"CreateUser": "users:write", "UpdateUser": "users:write", "DeleteUser": "users:write",
	"ListWorkouts": "workouts:read", "UpsertWorkouts": "workouts:write", "DeleteWorkout": "workouts:write", "DeleteWorkouts": "workouts:write",
	"CreateUserToken": "tokens:write", "RevokeUserTokens": "tokens:write", "ListUserSessions": "tokens:write",
	"RevokeUserSession": "tokens:write", "ListUserAccesses": "audit:read",
	"VerifyCredential": "credentials:verify", "VerifyCredentials": "credentials:verify", "ExplainAccess": "credentials:verify",
}

// TestScopes checks that a key can do exactly what its scopes allow. A refusal names the missing
// scope and comes before any check of the request.
func TestScopes(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		for _, scope := range allScopes {
			_, secret := n.newKey(t, d, admin, args{"scopes": []string{scope}})
			for operation, needs := range operationScope {
				in := args{"id": user, "user_id": user, "workout_id": user, "session_id": user}
				if operation == "DeleteUser" {
					in["id"] = n.newUser(t, d, admin)
				}
				a := d.call(t, operation, in, bearer(secret))
				if needs == scope {
					if a.Status == 403 || a.Status == 401 {
						t.Errorf("%s with %s is %d %s", operation, scope, a.Status, a.Reason)
					}
					continue
				}
				a.want(t, 403, "insufficient_scope")
				if challenge := a.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="insufficient_scope"`) || !strings.Contains(challenge, `scope="`+needs+`"`) {
					t.Errorf("%s with %s is challenged by %q", operation, scope, challenge)
				}
				if _, ok := d.(restDriver); ok && a.str("required_scope") != needs {
					t.Errorf("%s with %s has required_scope %q", operation, scope, a.str("required_scope"))
				}
			}
		}
	}, unlimited)
}

// TestKeyChangesAtOnce checks that an update of a key applies to every request after its answer.
func TestKeyChangesAtOnce(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		id, secret := n.newKey(t, d, admin, nil)
		change := func(in args) answer {
			in["id"] = id
			return d.call(t, "UpdateKey", in, bearer(admin)).want(t, 200, "")
		}
		use := func(status int, reason string) {
			t.Helper()
			d.call(t, "ListUsers", nil, bearer(secret)).want(t, status, reason)
			d.call(t, "ListUsers", nil, header("X-Open-Wearables-API-Key", secret)).want(t, status, reason)
		}
		use(200, "")
		change(args{"scopes": []string{"workouts:read"}})
		use(403, "insufficient_scope")
		change(args{"scopes": []string{"workouts:read", "users:read"}})
		use(200, "")
		change(args{"enabled": false})
		use(401, "invalid_api_key")
		change(args{"enabled": true})
		use(200, "")
		expires := n.clock.now().Add(time.Hour).UTC().Truncate(time.Second)
		if got := change(args{"expires_at": expires.Format(time.RFC3339)}).timeOf(t, "expires_at"); !got.Equal(expires) {
			t.Errorf("expires_at is %v, want %v", got, expires)
		}
		use(200, "")
		n.clock.advance(time.Hour - 2*time.Second)
		use(200, "")
		n.clock.advance(2 * time.Second)
		use(401, "invalid_api_key")
		admin, _ = n.login(t, d) // the access token has expired too
		if got := change(args{"expires_at": nil}).str("expires_at"); got != "" {
			t.Errorf("a cleared expires_at is %q", got)
		}
		use(200, "")
	}, unlimited)
}

// TestInvalidKeysAreAlike checks that all invalid keys get the same answer, whatever is wrong with
// them.
func TestInvalidKeysAreAlike(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		disabledID, disabled := n.newKey(t, d, admin, nil)
		d.call(t, "UpdateKey", args{"id": disabledID, "enabled": false}, bearer(admin)).want(t, 200, "")
		soon := n.clock.now().Add(time.Minute).UTC().Format(time.RFC3339)
		_, expired := n.newKey(t, d, admin, args{"expires_at": soon})
		n.clock.advance(time.Minute + time.Second)
		_, good := n.newKey(t, d, admin, nil)
		last := "0"
		if strings.HasSuffix(good, "0") {
			last = "1"
		}
		for what, key := range map[string]string{
			"unknown": credential.Mint(credential.LiveKey), "disabled": disabled, "expired": expired,
			"checksum": good[:len(good)-1] + last, "short": "ow_", "long": good + "0", "upper": "ow_live_" + strings.ToUpper(good[8:]),
		} {
			a := d.call(t, "ListUsers", nil, bearer(key)).want(t, 401, "invalid_api_key")
			if a.Detail != "Invalid API key" {
				t.Errorf("%s: detail is %q", what, a.Detail)
			}
			if challenge := a.Header.Get("WWW-Authenticate"); challenge != `Bearer realm="openwearables", error="invalid_token"` {
				t.Errorf("%s: challenged by %q", what, challenge)
			}
		}
		d.call(t, "ListUsers", nil, bearer(good), header("X-Open-Wearables-API-Key", good)).want(t, 400, "multiple_credentials")
		d.call(t, "ListUsers", nil, header("Authorization", good)).want(t, 200, "")
	}, unlimited)
}

// TestKeyShowsNull checks that REST shows unset members of a key as null.
func TestKeyShowsNull(t *testing.T) {
	t.Parallel()
	n := start(t)
	admin, _ := n.login(t, n.drivers()[0])
	r, err := http.NewRequestWithContext(t.Context(), "POST", n.url+"/api/v1/api-keys", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, raw := n.send(t, r, bearer(admin))
	var body map[string]any
	if err := json.Unmarshal(raw, &body); err != nil || res.StatusCode != 201 {
		t.Fatalf("%d %s", res.StatusCode, raw)
	}
	for _, member := range []string{"last_used_at", "last_used_ip", "last_used_client", "last_used_operation", "expires_at", "previous_expires_at"} {
		if v, ok := body[member]; !ok || v != nil {
			t.Errorf("%s is %v, there: %v", member, v, ok)
		}
	}
}
