package scenario_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
)

// verifying holds who asks, and what there is to ask about.
type verifying struct {
	n     *node
	d     driver
	admin string
	asks  option // with a key that has the scope and nothing else

	user, app, secret string
	keyID, key        string
}

func newVerifying(t *testing.T, n *node, d driver) *verifying {
	t.Helper()
	v := &verifying{n: n, d: d}
	v.admin, _ = n.login(t, d)
	_, asking := n.newKey(t, d, v.admin, args{"scopes": []string{"credentials:verify"}})
	v.asks = bearer(asking)
	v.user = n.newUser(t, d, v.admin)
	v.app, v.secret = n.newApp(t, d, v.admin)
	v.keyID, v.key = n.newKey(t, d, v.admin, args{"scopes": []string{"workouts:read", "users:read"}})
	return v
}

// verify verifies a credential and returns the answer, which must have the reason.
func (v *verifying) verify(t *testing.T, reason, secret string, conditions ...any) answer {
	t.Helper()
	in := args{"credential": secret}
	for i := 0; i < len(conditions); i += 2 {
		in[conditions[i].(string)] = conditions[i+1]
	}
	a := v.d.call(t, "VerifyCredential", in, v.asks).want(t, 200, "")
	if v.check(t, a.Body, reason); a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control is %q", a.Header.Get("Cache-Control"))
	}
	return a
}

// check fails the test unless a verification has the reason.
func (v *verifying) check(t *testing.T, verification any, reason string) {
	t.Helper()
	got, _ := verification.(map[string]any)
	if valid, _ := got["valid"].(bool); got["reason"] != reason || valid != (reason == "valid") || got["message"] == "" {
		t.Fatalf("verified as %v, want %s", got, reason)
	}
}

// holds fails the test unless the members of an answer are these; nil is absent.
func holds(t *testing.T, a answer, members args) {
	t.Helper()
	got, _ := a.Body.(map[string]any)
	for name, want := range members {
		if fmt.Sprint(got[name]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

// TestVerifyTellsWhatACredentialStandsFor checks each kind of valid credential, whichever developer
// made it, for a key and for a developer who asks.
func TestVerifyTellsWhatACredentialStandsFor(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		v := newVerifying(t, n, d)
		n.addDeveloper("other@example.com", n.password)
		other := d.call(t, "Login", args{"email": "other@example.com", "password": n.password}).want(t, 200, "").str("access_token")
		otherID := d.call(t, "GetMe", nil, bearer(other)).want(t, 200, "").str("id")
		expires := n.clock.now().Add(24 * time.Hour).UTC().Truncate(time.Second)
		testID, testKey := n.newKey(t, d, other, args{"environment": "test", "scopes": []string{"users:read"}, "expires_at": expires.Format(time.RFC3339)})
		token, _ := n.exchange(t, d, v.user, v.app, v.secret)
		ofKey := d.call(t, "CreateUserToken", args{"user_id": v.user}, bearer(other)).want(t, 200, "").str("access_token")

		a := v.verify(t, "valid", v.key)
		holds(t, a, args{
			"kind": "api_key", "subject": "key:" + v.keyID, "scopes": "[users:read workouts:read]", "environment": "live",
			"user_id": nil, "app_id": nil, "expires_at": nil, "required_scope": nil,
		})
		a.noSecret(t)
		holds(t, v.verify(t, "valid", testKey), args{"subject": "key:" + testID, "environment": "test", "expires_at": expires.Format(time.RFC3339)})
		a = v.verify(t, "valid", token)
		holds(t, a, args{
			"kind": "user_token", "subject": "user:" + v.user, "user_id": v.user, "app_id": v.app, "scopes": "[sdk]", "environment": nil,
		})
		if a.str("expires_at") == "" {
			t.Error("a token does not say when it expires")
		}
		holds(t, v.verify(t, "valid", ofKey), args{"app_id": "admin:" + otherID})
		holds(t, v.verify(t, "valid", other), args{"kind": "developer_token", "subject": "developer:" + otherID, "user_id": nil, "app_id": nil})

		d.call(t, "VerifyCredential", args{"credential": v.key}, bearer(v.admin)).want(t, 200, "")
		d.call(t, "VerifyCredential", args{"credential": v.key}, bearer(v.key)).want(t, 403, "insufficient_scope")
		d.call(t, "VerifyCredential", args{"credential": v.key}, bearer(token)).want(t, 403, "credential_not_allowed")
		d.call(t, "VerifyCredential", args{"credential": v.key}).want(t, 401, "missing_credential")
	}, unlimited)
}

// TestVerifyTellsWhyACredentialIsRefused checks each reason, and what is told of the credential.
func TestVerifyTellsWhyACredentialIsRefused(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		v := newVerifying(t, n, d)
		admin := bearer(v.admin)
		nothing := args{"kind": nil, "subject": nil, "user_id": nil, "app_id": nil, "scopes": "[]", "limit": nil, "expires_at": nil, "environment": nil}
		for reason, secrets := range map[string][]string{
			"malformed":  {"x", "Bearer " + v.key, v.key[:43], v.key + "0", "ow_live_" + strings.Repeat("0", 36), "a.b", strings.Repeat("x", 8192)},
			"not_found":  {credential.Mint(credential.LiveKey), credential.Mint(credential.TestKey), "a.b.c", v.admin[:len(v.admin)-4] + "AAAA"},
			"wrong_kind": {v.secret, credential.Mint(credential.AppSecret)},
		} {
			for _, secret := range secrets {
				holds(t, v.verify(t, reason, secret), nothing)
			}
		}
		_, refresh := n.login(t, d)
		v.verify(t, "wrong_kind", refresh)
		for _, secret := range []string{"", strings.Repeat("x", 8193)} {
			d.call(t, "VerifyCredential", args{"credential": secret}, v.asks).want(t, 422, "invalid_request")
		}

		id, key := n.newKey(t, d, v.admin, nil)
		v.verify(t, "valid", key)
		d.call(t, "UpdateKey", args{"id": id, "enabled": false}, admin).want(t, 200, "")
		holds(t, v.verify(t, "disabled", key), args{"subject": "key:" + id, "kind": "api_key", "limit": nil})
		d.call(t, "UpdateKey", args{"id": id, "enabled": true}, admin).want(t, 200, "")
		v.verify(t, "valid", key)
		newer := d.call(t, "RotateKey", args{"id": id}, admin).want(t, 201, "").str("key")
		v.verify(t, "not_found", key)
		v.verify(t, "valid", newer)
		d.call(t, "DeleteKey", args{"id": id}, admin).want(t, 200, "")
		v.verify(t, "not_found", newer)

		ends := map[string]func(token string){
			"RevokeUserTokens": func(string) { d.call(t, "RevokeUserTokens", args{"user_id": v.user}, admin).want(t, 204, "") },
			"ReportCredential": func(token string) { d.call(t, "ReportCredential", args{"credential": token}).want(t, 204, "") },
		}
		for _, end := range ends {
			token, _ := n.exchange(t, d, v.user, v.app, v.secret)
			v.verify(t, "valid", token)
			end(token)
			holds(t, v.verify(t, "revoked", token), args{"subject": "user:" + v.user, "app_id": v.app, "limit": nil})
		}
		n.addDeveloper("other@example.com", n.password)
		other := d.call(t, "Login", args{"email": "other@example.com", "password": n.password}).want(t, 200, "").str("access_token")
		minted := d.call(t, "CreateUserToken", args{"user_id": v.user}, bearer(other)).want(t, 200, "").str("access_token")
		v.verify(t, "valid", minted)
		if err := n.server.Auth().Developers.Disable(t.Context(), "other@example.com"); err != nil {
			t.Fatal(err)
		}
		v.verify(t, "revoked", other)
		v.verify(t, "revoked", minted)

		_, late := n.newKey(t, d, v.admin, args{"expires_at": n.clock.now().Add(time.Minute).UTC().Format(time.RFC3339)})
		token, _ := n.exchange(t, d, v.user, v.app, v.secret)
		v.verify(t, "valid", late)
		n.clock.advance(2 * time.Hour)
		holds(t, v.verify(t, "expired", late), args{"kind": "api_key", "limit": nil})
		holds(t, v.verify(t, "expired", token), args{"kind": "user_token", "user_id": v.user, "limit": nil})
		v.verify(t, "expired", v.admin)
	}, unlimited)
}

// TestVerifyAgainstConditions checks a credential against an operation, a scope, a user, an
// environment and an address.
func TestVerifyAgainstConditions(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		v := newVerifying(t, n, d)
		token, _ := n.exchange(t, d, v.user, v.app, v.secret)
		other := n.newUser(t, d, v.admin)
		for _, c := range []struct {
			secret, reason string
			conditions     []any
		}{
			{v.key, "valid", []any{"operation", "ListWorkouts", "user_id", v.user, "scope", "users:read", "environment", "live"}},
			{v.key, "insufficient_scope", []any{"operation", "UpsertWorkouts"}},
			{v.key, "insufficient_scope", []any{"scope", "tokens:write"}},
			{v.key, "credential_not_allowed", []any{"operation", "CreateKey"}},
			{v.key, "wrong_environment", []any{"environment", "test", "operation", "CreateKey"}},
			{v.admin, "valid", []any{"operation", "CreateKey", "scope", "tokens:write", "environment", "test", "user_id", other}},
			{token, "valid", []any{"operation", "ListWorkouts"}},
			{token, "valid", []any{"operation", "ListWorkouts", "user_id", v.user, "environment", "test"}},
			{token, "valid", []any{"user_id", strings.ToUpper(v.user)}},
			{token, "valid", []any{"scope", "workouts:read", "user_id", v.user}},
			{token, "valid", []any{"scope", "audit:read", "user_id", v.user}},
			{token, "valid", []any{"scope", "data:read", "user_id", v.user}},
			{token, "valid", []any{"scope", "data:write", "user_id", v.user}},
			{token, "other_user", []any{"scope", "data:read", "user_id", other}},
			{token, "credential_not_allowed", []any{"scope", "connections:write", "user_id", v.user}},
			{token, "credential_not_allowed", []any{"scope", "users:write", "user_id", v.user}},
			{token, "credential_not_allowed", []any{"scope", "tokens:write", "user_id", v.user}},
			{token, "credential_not_allowed", []any{"scope", "credentials:verify", "user_id", v.user}},
			{token, "other_user", []any{"operation", "ListWorkouts", "user_id", other}},
			{token, "other_user", []any{"user_id", uuid.NewString()}},
			{token, "other_user", []any{"scope", "workouts:read", "user_id", other}},
			{token, "credential_not_allowed", []any{"scope", "workouts:read"}},
			{token, "credential_not_allowed", []any{"operation", "ListUsers"}},
			{token, "credential_not_allowed", []any{"operation", "ListUsers", "user_id", v.user}},
		} {
			v.verify(t, c.reason, c.secret, c.conditions...)
		}
		holds(t, v.verify(t, "insufficient_scope", v.key, "operation", "CreateUser"), args{"required_scope": "users:write", "subject": "key:" + v.keyID})

		bound, key := n.newKey(t, d, v.admin, args{"allowed_networks": []string{"192.0.2.0/24"}})
		v.verify(t, "network_not_allowed", key)
		v.verify(t, "network_not_allowed", key, "ip", "198.51.100.1")
		v.verify(t, "valid", key, "ip", "::ffff:192.0.2.9", "operation", "GetUser")
		k := d.call(t, "GetKey", args{"id": bound}, bearer(v.admin)).want(t, 200, "")
		holds(t, k, args{"last_used_ip": "192.0.2.9", "last_used_operation": "GetUser", "last_used_client": nil})

		for member, bad := range map[string]string{
			"operation": "Login", "scope": "users", "user_id": "x", "environment": "Live", "ip": "192.0.2.0/24",
		} {
			a := d.call(t, "VerifyCredential", args{"credential": v.key, member: bad}, v.asks).want(t, 422, "invalid_request")
			if !slices.Equal(a.Fields, []string{member}) {
				t.Errorf("a bad %s is refused for %v", member, a.Fields)
			}
		}
	}, unlimited)
}

// TestVerifyFollowsTheMatrix checks, for every operation, that a credential is called good for it if
// and only if the matrix of authorization says that it may call it.
func TestVerifyFollowsTheMatrix(t *testing.T) {
	t.Parallel()
	credentials, rows := readMatrix(t)
	n := start(t, unlimited, alerting)
	d := n.drivers()[0]
	w := newFixture(t, n, d)
	seen := map[string]bool{}
	for _, row := range rows {
		if row.cells["off"] != "ik" || row.target == "bad" || row.target == "crossed" {
			continue
		}
		seen[row.operation] = true
		for _, name := range credentials {
			if name == "none" {
				continue
			}
			in := args{"operation": row.operation, "credential": presented(w.authorization(name, row.scope))}
			user := map[string]string{"own": w.user, "other": w.stranger, "gone": uuid.NewString()}[row.target]
			if _, uuids := pathParameters(row.operation); slices.Contains(uuids, "user_id") || strings.HasSuffix(row.operation, "User") && len(uuids) > 0 {
				in["user_id"] = user
			}
			a := d.call(t, "VerifyCredential", in, bearer(w.admin)).want(t, 200, "")
			cell := row.cells[name]
			got, refused := a.str("reason"), refusals[cell]
			switch {
			case refused.status == 403:
				if got != refused.reason {
					t.Errorf("%s %s by %s: %s, the matrix has %s", row.operation, row.target, name, got, refused.reason)
				}
			case refused.status == 401:
				if slices.Contains([]string{"valid", "credential_not_allowed", "insufficient_scope", "other_user"}, got) {
					t.Errorf("%s %s by %s: %s, the matrix has %s", row.operation, row.target, name, got, refused.reason)
				}
			case got != "valid":
				t.Errorf("%s %s by %s: %s, the matrix has %s", row.operation, row.target, name, got, cell)
			}
		}
	}
	for _, operation := range auth.VerifiableOperations() {
		if !seen[operation] {
			t.Errorf("%s can be verified, and has no row in the matrix", operation)
		}
		delete(seen, operation)
	}
	if len(seen) > 0 {
		t.Errorf("operations that cannot be verified: %v", seen)
	}
}

// presented returns the credential that the options put into a header.
func presented(o []option) string {
	r := &http.Request{Header: make(http.Header)}
	for _, f := range o {
		f(r)
	}
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// TestVerifyManyAtOnce checks a batch: its order, its size, its faults, and what it costs.
func TestVerifyManyAtOnce(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		v := newVerifying(t, n, d)
		token, _ := n.exchange(t, d, v.user, v.app, v.secret)
		var checks []args
		for range 25 {
			checks = append(checks, args{"credential": v.key, "operation": "CreateKey"}, args{"credential": token, "user_id": v.user},
				args{"credential": credential.Mint(credential.LiveKey)}, args{"credential": v.admin})
		}
		a := d.call(t, "VerifyCredentials", args{"checks": checks}, v.asks).want(t, 200, "")
		all := a.list("verifications")
		if len(all) != 100 {
			t.Fatalf("%d verifications of 100", len(all))
		}
		for i, item := range all {
			v.check(t, item, []string{"credential_not_allowed", "valid", "not_found", "valid"}[i%4])
		}
		if b := bucketOf(t, a.Header, n.clock.now()); b.name != "verify" || b.remaining != b.limit-100 {
			t.Errorf("a hundred count as %+v", b)
		}
		for size, more := range map[int][]args{101: append(checks, checks[0]), 0: {}} {
			a := d.call(t, "VerifyCredentials", args{"checks": more}, v.asks).want(t, 422, "invalid_request")
			if !slices.Equal(a.Fields, []string{"checks"}) {
				t.Errorf("%d are refused for %v", size, a.Fields)
			}
		}
		bad := []args{{"credential": v.key}, {"credential": v.key, "scope": "x"}, {"credential": ""}}
		if a := d.call(t, "VerifyCredentials", args{"checks": bad}, v.asks).want(t, 422, "invalid_request"); !slices.Equal(a.Fields, []string{"checks[1].scope", "checks[2].credential"}) {
			t.Errorf("faults are in %v", a.Fields)
		}
	})
}
