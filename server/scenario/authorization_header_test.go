package scenario_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

const challengeRealm = `Bearer realm="openwearables"`

// TestRefusalsCarryChallenges checks that every refusal covered by RFC 6750 section 3 carries its
// challenge, and that no other refusal carries one.
func TestRefusalsCarryChallenges(t *testing.T) {
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		_, key := n.newKey(t, d, admin, args{"scopes": []string{"users:read"}})
		app, secret := n.newApp(t, d, admin)
		user := n.newUser(t, d, admin)
		access, _ := n.exchange(t, d, user, app, secret)

		const invalid = challengeRealm + `, error="invalid_token"`
		for _, c := range []struct {
			operation string
			in        args
			present   []option
			status    int
			reason    string
			challenge string
		}{
			{"ListUsers", nil, nil, 401, "missing_credential", challengeRealm},
			{"ListUsers", nil, []option{header("Authorization", "")}, 401, "missing_credential", challengeRealm},
			{"ListUsers", nil, []option{bearer(key[:len(key)-1] + "!")}, 401, "invalid_api_key", invalid},
			{"ListUsers", nil, []option{bearer(admin + "x")}, 401, "invalid_token", invalid},
			{"CreateUser", args{}, []option{bearer(key)}, 403, "insufficient_scope", challengeRealm + `, error="insufficient_scope", scope="users:write"`},
			{"ListKeys", nil, []option{bearer(key)}, 403, "credential_not_allowed", ""},
			{"GetUser", args{"id": n.newUser(t, d, admin)}, []option{bearer(access)}, 403, "other_user", ""},
			{"ListUsers", nil, []option{bearer(key), header("X-Open-Wearables-API-Key", key)}, 400, "multiple_credentials", ""},
			{"Login", args{"email": n.email, "password": "wrong"}, nil, 401, "invalid_credentials", challengeRealm},
			{"RefreshToken", args{"refresh_token": "rt_"}, nil, 401, "invalid_refresh_token", challengeRealm},
			{"CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": "wrong"}, nil, 401, "invalid_app_credentials", challengeRealm},
			{"CreateUserToken", args{"user_id": user}, nil, 400, "missing_credentials", ""},
		} {
			a := d.call(t, c.operation, c.in, c.present...).want(t, c.status, c.reason)
			if got := a.Header.Get("WWW-Authenticate"); got != c.challenge {
				t.Errorf("%s %s: the challenge is %q, want %q", c.operation, c.reason, got, c.challenge)
			}
		}
		n.clock.advance(time.Hour)
		a := d.call(t, "GetMe", nil, bearer(admin)).want(t, 401, "token_expired")
		if got := a.Header.Get("WWW-Authenticate"); got != invalid {
			t.Errorf("an expired token is challenged with %q, want %q", got, invalid)
		}
	}, unlimited)
}

// TestCredentialHeaders checks which forms of the two credential headers are accepted.
func TestCredentialHeaders(t *testing.T) {
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		_, key := n.newKey(t, d, admin, args{})
		app, secret := n.newApp(t, d, admin)
		user := n.newUser(t, d, admin)
		access, _ := n.exchange(t, d, user, app, secret)
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("key:"+key))

		for _, c := range []struct {
			name, value string
			status      int
			reason      string
		}{
			{"Authorization", "Bearer " + access, 200, ""},
			{"Authorization", "bearer " + key, 200, ""},
			{"Authorization", "BEARER   " + admin, 200, ""},
			{"Authorization", access, 200, ""}, // shipped mobile clients omit the scheme
			{"Authorization", key, 200, ""},
			{"Authorization", admin, 200, ""},
			{"X-Open-Wearables-API-Key", key, 200, ""},
			{"X-Open-Wearables-API-Key", access, 401, "invalid_api_key"},
			{"X-Open-Wearables-API-Key", admin, 401, "invalid_api_key"},
			{"X-Open-Wearables-API-Key", "Bearer " + key, 401, "invalid_api_key"},
			{"Authorization", "Bearer", 401, "invalid_token"},
			{"Authorization", "Token " + access, 401, "invalid_token"},
			{"Authorization", basic, 401, "invalid_token"},
			{"Authorization", "Bearer " + access + ", Bearer " + access, 401, "invalid_token"},
			{"Authorization", "Bearer Bearer " + access, 401, "invalid_token"},
			{"Authorization", "Bearer " + access + " x", 401, "invalid_token"},
			{"Authorization", strings.Repeat(".", 8<<10+1), 401, "invalid_token"},
			{"X-Open-Wearables-API-Key", strings.Repeat("k", 8<<10+1), 401, "invalid_api_key"},
		} {
			a := d.call(t, "GetUser", args{"id": user}, header(c.name, c.value))
			if a.Status != c.status || a.Reason != c.reason {
				t.Errorf("%s: %.40s... is answered %d %q, want %d %q", c.name, c.value, a.Status, a.Reason, c.status, c.reason)
			}
		}
	}, unlimited)
}

// TestMultipleCredentials checks that a request with two credentials in its headers is refused,
// unless the operation ignores the headers.
func TestMultipleCredentials(t *testing.T) {
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, refresh := n.login(t, d)
		_, key := n.newKey(t, d, admin, args{})
		app, secret := n.newApp(t, d, admin)
		user := n.newUser(t, d, admin)
		twice := func(name string, values ...string) option {
			return func(r *http.Request) { r.Header[name] = values }
		}
		const keyHeader = "X-Open-Wearables-Api-Key"
		for what, several := range map[string][]option{
			"token and key":             {bearer(admin), header(keyHeader, key)},
			"the same key in both":      {bearer(key), header(keyHeader, key)},
			"valid and garbage":         {bearer(admin), header(keyHeader, "x")},
			"garbage and garbage":       {bearer("x"), header(keyHeader, "x")},
			"two Authorization headers": {twice("Authorization", "Bearer "+admin, "Bearer "+admin)},
			"two key headers":           {twice(keyHeader, key, key)},
		} {
			for _, operation := range []string{"ListUsers", "CreateUserToken"} {
				if a := d.call(t, operation, args{"user_id": user}, several...); a.Status != 400 || a.Reason != "multiple_credentials" {
					t.Errorf("%s: %s answers %d %q", operation, what, a.Status, a.Reason)
				}
			}
			exchange := args{"user_id": user, "app_id": app, "app_secret": secret}
			d.call(t, "CreateUserToken", exchange, several...).want(t, 200, "")
			refresh = d.call(t, "RefreshToken", args{"refresh_token": refresh}, several...).want(t, 200, "").str("refresh_token")
		}
	}, unlimited)
}

// TestNoCredentialIsReadFromAURL checks that a credential in a URL or a cookie is ignored and never
// logged.
func TestNoCredentialIsReadFromAURL(t *testing.T) {
	n := start(t, unlimited)
	admin, refresh := n.login(t, restDriver{n})
	_, key := n.newKey(t, restDriver{n}, admin, args{})
	app, secret := n.newApp(t, restDriver{n}, admin)
	user := n.newUser(t, restDriver{n}, admin)

	get := func(path string, status int, reason string, o ...option) {
		t.Helper()
		n.wantRaw(t, "GET", path, "", "", status, reason, o...)
	}
	for _, name := range []string{
		"access_token", "token", "api_key", "apikey", "key", "authorization", "Authorization", "bearer",
		"X-Open-Wearables-API-Key", "x-api-key", "refresh_token", "app_secret",
	} {
		for _, value := range []string{admin, key} {
			get("/api/v1/users?"+name+"="+value, 401, "missing_credential")
			get("/openwearables.v1.UserService/ListUsers?encoding=json&message={}&"+name+"="+value, 401, "missing_credential")
			get("/api/v1/users", 401, "missing_credential", header("Cookie", name+"="+value))
		}
	}
	get("/api/v1/users?access_token="+key, 200, "", bearer(admin)) // with a valid header, the parameter is ignored like any unknown one
	get("/api/v1/users/"+key, 401, "missing_credential")
	get("/api/v1/"+secret, 404, "not_found")
	n.wantRaw(t, "POST", "/api/v1/users/"+user+"/token?app_id="+app+"&app_secret="+secret, "", "", 400, "missing_credentials")
	n.wantRaw(t, "POST", "/api/v1/auth/refresh?refresh_token="+refresh, "", "", 422, "invalid_request")
	const form = "application/x-www-form-urlencoded"
	n.wantRaw(t, "POST", "/api/v1/auth/login?username="+n.email+"&password="+n.password, form, "", 401, "invalid_credentials")

	for what, s := range map[string]string{
		"an access token": admin, "a refresh token": refresh, "an API key": key, "an application's secret": secret, "a password": n.password,
	} {
		if strings.Contains(n.log.String(), s) {
			t.Errorf("the log holds %s", what)
		}
	}
	if !strings.Contains(n.log.String(), `"operation":"ListUsers"`) {
		t.Error("the log does not hold the requests")
	}
}

// TestLongCredentialIsRefusedCheaply presents a megabyte of dots. An earlier JWT parser allocated a
// hundred times as much for it.
func TestLongCredentialIsRefusedCheaply(t *testing.T) {
	n := start(t, unlimited)
	handler := n.server.Handler()
	for _, name := range []string{"Authorization", "X-Open-Wearables-API-Key"} {
		r := httptest.NewRequest("GET", "/api/v1/users", nil)
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set(name, "Bearer "+strings.Repeat(".", 1<<20))
		once := func() { handler.ServeHTTP(httptest.NewRecorder(), r) }
		once() // excludes one-time allocations from the measurement
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		once()
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<10 {
			t.Errorf("%s: a megabyte of dots allocated %d bytes", name, grown)
		}
	}
}
