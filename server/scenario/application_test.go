package scenario_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/credential"
)

// TestApplicationLife checks the documented life of an application: create, list newest first,
// rename, refuse invalid input, delete.
func TestApplicationLife(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		var want []string
		for i := range 3 {
			n.clock.advance(time.Second)
			a := d.call(t, "CreateApplication", args{"name": "App " + strconv.Itoa(i)}, bearer(admin)).want(t, 201, "")
			if _, err := uuid.Parse(a.str("id")); err != nil {
				t.Errorf("id is %q", a.str("id"))
			}
			if !regexp.MustCompile(`^app_[0-9a-z]+$`).MatchString(a.str("app_id")) || !regexp.MustCompile(`^secret_[0-9a-z]{44}$`).MatchString(a.str("app_secret")) {
				t.Errorf("a new application is %v", a.Body)
			}
			want = append([]string{a.str("app_id")}, want...)
		}
		var got []string
		for _, a := range d.call(t, "ListApplications", nil, bearer(admin)).want(t, 200, "").noSecret(t).Body.([]any) {
			got = append(got, a.(map[string]any)["app_id"].(string))
		}
		if !slices.Equal(got[:3], want) {
			t.Errorf("applications are %v, want the newest first: %v", got, want)
		}
		id := want[0]
		before := d.call(t, "GetApplication", args{"app_id": id}, bearer(admin)).want(t, 200, "").noSecret(t)
		after := d.call(t, "UpdateApplication", args{"app_id": id, "name": "ä"}, bearer(admin)).want(t, 200, "").noSecret(t)
		if after.str("name") != "ä" || after.str("id") != before.str("id") || after.str("created_at") != before.str("created_at") {
			t.Errorf("a rename made %v of %v", after.Body, before.Body)
		}
		for _, c := range []struct {
			operation, field string
			in               args
		}{
			{"CreateApplication", "name", args{}},
			{"CreateApplication", "name", args{"name": ""}},
			{"CreateApplication", "name", args{"name": strings.Repeat("x", 101)}},
			{"UpdateApplication", "name", args{"app_id": id, "name": ""}},
			{"UpdateApplication", "name", args{"app_id": id, "name": nil}},
			{"UpdateApplication", "name", args{"app_id": "app_unknown", "name": ""}},
			{"RotateApplicationSecret", "overlap_seconds", args{"app_id": id, "overlap_seconds": 2592001}},
			{"RotateApplicationSecret", "overlap_seconds", args{"app_id": id, "overlap_seconds": -1}},
		} {
			if a := d.call(t, c.operation, c.in, bearer(admin)).want(t, 422, "invalid_request"); !slices.Equal(a.Fields, []string{c.field}) {
				t.Errorf("%s %v names %v", c.operation, c.in, a.Fields)
			}
		}
		d.call(t, "DeleteApplication", args{"app_id": id}, bearer(admin)).want(t, 204, "")
		for _, operation := range []string{"GetApplication", "UpdateApplication", "RotateApplicationSecret", "DeleteApplication"} {
			for _, unknown := range []string{id, credential.Mint(credential.AppID), "nothing"} {
				d.call(t, operation, args{"app_id": unknown}, bearer(admin)).want(t, 404, "not_found")
			}
		}
	}, unlimited)
}

// TestRotateApplicationSecret checks that the old secret is refused as soon as the rotation has
// answered or the overlap has passed. Tokens stay valid.
func TestRotateApplicationSecret(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		app, first := n.newApp(t, d, admin)
		user := n.newUser(t, d, admin)
		access, refresh := n.exchange(t, d, user, app, first)
		try := func(secret string, status int) {
			t.Helper()
			reason := map[int]string{401: "invalid_app_credentials"}[status]
			d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}).want(t, status, reason)
		}
		rotate := func(in args) string {
			t.Helper()
			in["app_id"] = app
			a := d.call(t, "RotateApplicationSecret", in, bearer(admin)).want(t, 200, "")
			if a.str("app_id") != app || a.str("name") != "App" {
				t.Errorf("rotated %v", a.Body)
			}
			return a.str("app_secret")
		}
		second := rotate(args{})
		try(first, 401)
		try(second, 200)
		third := rotate(args{"overlap_seconds": 600})
		try(second, 200)
		try(third, 200)
		fourth := rotate(args{"overlap_seconds": 600})
		try(second, 401)
		try(third, 200)
		n.clock.advance(600*time.Second - 2*time.Second)
		try(third, 200)
		n.clock.advance(2 * time.Second)
		try(third, 401)
		try(fourth, 200)
		rotate(args{"overlap_seconds": 600})
		rotate(args{})
		try(fourth, 401)
		d.call(t, "GetUser", args{"id": user}, bearer(access)).want(t, 200, "")
		d.call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 200, "")
	}, unlimited)
}

// TestDeletedMinterTakesItsTokens checks that deleting an application or a key revokes the tokens
// that it minted, and no others. Rotating or disabling a key revokes none.
func TestDeletedMinterTakesItsTokens(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		app, secret := n.newApp(t, d, admin)
		other, otherSecret := n.newApp(t, d, admin)
		keyID, key := n.newKey(t, d, admin, nil)
		type pair struct{ access, refresh string }
		mint := func(a answer) pair { return pair{a.want(t, 200, "").str("access_token"), a.str("refresh_token")} }
		byApp := mint(d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}))
		byOther := mint(d.call(t, "CreateUserToken", args{"user_id": user, "app_id": other, "app_secret": otherSecret}))
		byKey := mint(d.call(t, "CreateUserToken", args{"user_id": user}, bearer(key)))
		byAdmin := mint(d.call(t, "CreateUserToken", args{"user_id": user}, bearer(admin)))
		lives := func(what string, p *pair) {
			t.Helper()
			d.call(t, "GetUser", args{"id": user}, bearer(p.access)).want(t, 200, "")
			*p = mint(d.call(t, "RefreshToken", args{"refresh_token": p.refresh}))
		}
		dead := func(p pair) {
			t.Helper()
			d.call(t, "GetUser", args{"id": user}, bearer(p.access)).want(t, 401, "invalid_token")
			d.call(t, "RefreshToken", args{"refresh_token": p.refresh}).want(t, 401, "invalid_refresh_token")
		}
		d.call(t, "RotateKey", args{"id": keyID}, bearer(admin)).want(t, 201, "")
		d.call(t, "UpdateKey", args{"id": keyID, "enabled": false}, bearer(admin)).want(t, 200, "")
		lives("key", &byKey)
		d.call(t, "DeleteApplication", args{"app_id": app}, bearer(admin)).want(t, 204, "")
		dead(byApp)
		lives("other application", &byOther)
		lives("key", &byKey)
		d.call(t, "DeleteKey", args{"id": keyID}, bearer(admin)).want(t, 200, "")
		dead(byKey)
		lives("other application", &byOther)
		lives("admin", &byAdmin)
		d.call(t, "RevokeUserTokens", args{"user_id": user}, bearer(admin)).want(t, 204, "")
		dead(byOther)
		dead(byAdmin)
		d.call(t, "RevokeUserTokens", args{"user_id": user}, bearer(admin)).want(t, 204, "")
		d.call(t, "RevokeUserTokens", args{"user_id": uuid.NewString()}, bearer(admin)).want(t, 404, "not_found")
		d.call(t, "RevokeUserTokens", args{"user_id": "42"}, bearer(admin)).want(t, 422, "invalid_request")
	}, unlimited)
}

// TestCreateUserToken checks every combination of credentials in the header and in the body against
// the contract's table.
func TestCreateUserToken(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user, unknown := n.newUser(t, d, admin), uuid.NewString()
		app, secret := n.newApp(t, d, admin)
		otherApp, otherSecret := n.newApp(t, d, admin)
		_, key := n.newKey(t, d, admin, args{"scopes": []string{"tokens:write"}})
		_, reader := n.newKey(t, d, admin, args{"scopes": []string{"users:read"}})
		access, _ := n.exchange(t, d, user, app, secret)
		both := args{"app_id": app, "app_secret": secret}
		expired := args{"app_id": app, "app_secret": credential.Mint(credential.AppSecret)}
		for _, c := range []struct {
			what   string
			body   args
			header option
			status int
			reason string
		}{
			{"application", both, nil, 200, ""},
			{"developer", nil, bearer(admin), 200, ""},
			{"developer, empty strings", args{"app_id": "", "app_secret": ""}, bearer(admin), 200, ""},
			{"key", nil, bearer(key), 200, ""},
			{"key in its own header", nil, header("X-Open-Wearables-API-Key", key), 200, ""},
			{"application with a developer", both, bearer(admin), 200, ""},
			{"application with a key without the scope", both, bearer(reader), 200, ""},
			{"application with a user's token", both, bearer(access), 200, ""},
			{"application with nonsense", both, bearer("nonsense"), 200, ""},
			{"application with two headers", both, inBothHeaders(key), 200, ""},
			{"wrong application with a developer", expired, bearer(admin), 401, "invalid_app_credentials"},
			{"wrong secret", expired, nil, 401, "invalid_app_credentials"},
			{"secret without a form", args{"app_id": app, "app_secret": "wrong"}, nil, 401, "invalid_app_credentials"},
			{"another application's secret", args{"app_id": otherApp, "app_secret": secret}, nil, 401, "invalid_app_credentials"},
			{"unknown application", args{"app_id": credential.Mint(credential.AppID), "app_secret": otherSecret}, nil, 401, "invalid_app_credentials"},
			{"application without a form", args{"app_id": "app", "app_secret": secret}, nil, 401, "invalid_app_credentials"},
			{"nothing", nil, nil, 400, "missing_credentials"},
			{"empty strings", args{"app_id": "", "app_secret": ""}, nil, 400, "missing_credentials"},
			{"half", args{"app_id": app}, nil, 400, "missing_credentials"},
			{"other half", args{"app_secret": secret}, nil, 400, "missing_credentials"},
			{"half and an empty one", args{"app_id": app, "app_secret": ""}, nil, 400, "missing_credentials"},
			{"half with a developer", args{"app_id": app}, bearer(admin), 400, "missing_credentials"},
			{"half with nonsense", args{"app_secret": secret}, bearer("nonsense"), 400, "missing_credentials"},
			{"nonsense", nil, bearer("nonsense"), 401, "invalid_token"},
			{"unknown key", nil, bearer(credential.Mint(credential.LiveKey)), 401, "invalid_api_key"},
			{"two headers", nil, inBothHeaders(key), 400, "multiple_credentials"},
			{"key without the scope", nil, bearer(reader), 403, "insufficient_scope"},
			{"user's token", nil, bearer(access), 403, "credential_not_allowed"},
		} {
			in := maps.Clone(c.body)
			if in == nil {
				in = args{}
			}
			options := []option{}
			if c.header != nil {
				options = append(options, c.header)
			}
			for _, id := range []string{user, unknown} {
				in["user_id"] = id
				status, reason := c.status, c.reason
				if id == unknown && status == 200 {
					status, reason = 404, "not_found" // only after the credential was accepted
				}
				a := d.call(t, "CreateUserToken", in, options...)
				if a.Status != status || a.Reason != reason {
					t.Errorf("%s: %d %s (%s), want %d %s", c.what, a.Status, a.Reason, a.Detail, status, reason)
				}
			}
			in["user_id"] = "not-a-uuid"
			d.call(t, "CreateUserToken", in, options...).want(t, 422, "invalid_request")
		}
		wrong := d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": otherSecret})
		missing := d.call(t, "CreateUserToken", args{"user_id": user, "app_id": credential.Mint(credential.AppID), "app_secret": otherSecret})
		if wrong.Detail != "Invalid app credentials" || missing.Detail != wrong.Detail {
			t.Errorf("a wrong secret is %q, an unknown application %q", wrong.Detail, missing.Detail)
		}
	}, unlimited)
}

// inBothHeaders presents a credential in both headers.
func inBothHeaders(key string) option {
	return func(r *http.Request) {
		bearer(key)(r)
		header("X-Open-Wearables-API-Key", key)(r)
	}
}

// TestAdminFormWithoutABody checks that an empty body, with or without a content type, selects the
// admin form.
func TestAdminFormWithoutABody(t *testing.T) {
	t.Parallel()
	n := start(t)
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	user := n.newUser(t, d, admin)
	for _, contentType := range []string{"", "application/json", "application/json; charset=utf-8"} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", n.url+"/api/v1/users/"+user+"/token", nil)
		if err != nil {
			t.Fatal(err)
		}
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		res, raw := n.send(t, r, bearer(admin))
		restAnswer(t, res, raw).want(t, 200, "")
	}
}

// tokenPart returns the decoded header (part 0) or claims (part 1) of a JWT.
func tokenPart(t *testing.T, token string, part int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[part])
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestClaims checks the claims of every kind of access token, after the mint and after a refresh.
func TestClaims(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		login := d.call(t, "Login", args{"email": n.email, "password": n.password}).want(t, 200, "")
		admin := login.str("access_token")
		me := d.call(t, "GetMe", nil, bearer(admin)).str("id")
		user := n.newUser(t, d, admin)
		app, secret := n.newApp(t, d, admin)
		keyID, key := n.newKey(t, d, admin, nil)
		for what, c := range map[string]struct {
			answer answer
			want   map[string]any
		}{
			"developer": {login, map[string]any{"sub": me, "scope": nil, "app_id": nil, "act": nil}},
			"app": {
				d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}),
				map[string]any{"sub": user, "scope": "sdk", "app_id": app, "act": nil},
			},
			"admin": {
				d.call(t, "CreateUserToken", args{"user_id": user}, bearer(admin)),
				map[string]any{"sub": user, "scope": "sdk", "app_id": "admin:" + me, "act": map[string]any{"sub": me}},
			},
			"key": {
				d.call(t, "CreateUserToken", args{"user_id": user}, bearer(key)),
				map[string]any{"sub": user, "scope": "sdk", "app_id": "key:" + keyID, "act": nil},
			},
		} {
			c.answer.want(t, 200, "")
			body := c.answer.Body.(map[string]any)
			if body["token_type"] != "bearer" || body["expires_in"] != 3600.0 || !regexp.MustCompile(`^rt_[0-9a-z]{63}$`).MatchString(c.answer.str("refresh_token")) {
				t.Errorf("%s: the pair is %v", what, body)
			}
			token := c.answer.str("access_token")
			checkClaims(t, what, token, c.want)
			refreshed := d.call(t, "RefreshToken", args{"refresh_token": c.answer.str("refresh_token")}).want(t, 200, "").str("access_token")
			checkClaims(t, what+" refreshed", refreshed, c.want)
			if tokenPart(t, refreshed, 1)["jti"] == tokenPart(t, token, 1)["jti"] || tokenPart(t, refreshed, 1)["sid"] != tokenPart(t, token, 1)["sid"] {
				t.Errorf("%s: a refresh must give another jti and the same sid", what)
			}
		}
	}, unlimited)
}

// checkClaims fails the test unless the token has the documented header, the common claims, and the
// wanted ones. A wanted nil means that the claim is absent.
func checkClaims(t *testing.T, what, token string, want map[string]any) {
	t.Helper()
	head, claims := tokenPart(t, token, 0), tokenPart(t, token, 1)
	if len(head) != 3 || head["alg"] != "HS256" || head["typ"] != "JWT" || head["kid"] == "" || len(token) > 4<<10 {
		t.Errorf("%s: the header is %v", what, head)
	}
	for name, v := range want {
		if string(encode(t, claims[name])) != string(encode(t, v)) {
			t.Errorf("%s: %s is %v, want %v", what, name, claims[name], v)
		}
	}
	iat, _ := claims["iat"].(float64)
	exp, _ := claims["exp"].(float64)
	if claims["iss"] != "openwearables" || exp-iat != 3600 || claims["nbf"] != iat {
		t.Errorf("%s: the claims are %v", what, claims)
	}
	audience := "openwearables:user"
	if claims["scope"] == nil {
		audience = "openwearables:developer"
	}
	if claims["aud"] != audience {
		t.Errorf("%s: aud is %v", what, claims["aud"])
	}
	for _, name := range []string{"sub", "sid", "jti"} {
		if s, _ := claims[name].(string); uuid.Validate(s) != nil {
			t.Errorf("%s: %s is %v", what, name, claims[name])
		}
	}
	for name := range claims {
		if !slices.Contains([]string{"iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "scope", "app_id", "act"}, name) {
			t.Errorf("%s: an unexpected claim %s", what, name)
		}
	}
}
