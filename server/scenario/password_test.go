package scenario_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/server"
)

// weakPasswords are passwords that the policy refuses, by the reason.
var weakPasswords = map[string]string{
	"empty":                     "",
	"14 characters":             "violet-otter-4",
	"14 characters, many bytes": "猫は窓辺で雨を静かに眺めて",
	"129 characters":            strings.Repeat("kettle otter 93 ", 8) + "x",
	"common":                    "passwordpassword",
	"common, dressed up":        "P@ssw0rdP@ssw0rd1",
	"breached":                  "qwertyuiopasdfghjkl",
	"a sequence":                "1234567890123456",
	"one character":             "aaaaaaaaaaaaaaaaa",
	"the product":               "openwearables2026",
	"the account":               "maximilian.mustermann1",
	"the account's address":     "maximilian.mustermann@example.com",
}

// TestPasswordPolicy checks which passwords the policy accepts, from a developer and from the
// operator.
func TestPasswordPolicy(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		m := *n
		m.email, m.password = "maximilian.mustermann@example.com", passphrase()
		n.addDeveloper(m.email, m.password)
		access, _ := m.login(t, d)
		change := func(next string) answer {
			t.Helper()
			return d.call(t, "ChangePassword", args{"current_password": m.password, "new_password": next, "confirm_password": next}, bearer(access))
		}
		for name, password := range weakPasswords {
			if a := change(password); a.Status != 422 || !slices.Equal(a.Fields, []string{"new_password"}) {
				t.Errorf("%s: %q is answered %d %s %v", name, password, a.Status, a.Reason, a.Fields)
			} else if password != "" && strings.Contains(string(encode(t, a.Body))+a.Detail, password) {
				t.Errorf("%s: the answer repeats the password: %s", name, a.Detail)
			}
			_, err := n.server.Auth().Developers.Create(t.Context(), m.email+".org", password)
			if e := problem.AsError(err); err == nil || e.Kind != problem.Invalid || e.Fields[0].Field != "password" {
				t.Errorf("%s: the operator may choose %q: %v", name, password, err)
			}
		}
		login := func(password string, status int) {
			t.Helper()
			reason := map[int]string{401: "invalid_credentials"}[status]
			d.call(t, "Login", args{"email": m.email, "password": password}).want(t, status, reason)
		}
		login(m.password, 200)
		for _, c := range []struct {
			password string
			same     []string // other encodings of the same password
			other    []string // different passwords
		}{
			{"violet otter 44", nil, []string{"Violet otter 44", "violet otter 44 "}},
			{"caf\u00e9 noir sans sucre", []string{"cafe\u0301 noir sans sucre"}, nil},
			{"🚲🌧️🦊🎷🧊🌋🥝🪁🎲🦑🧵🛶🍄🔭🧲", nil, nil},
			{longestPassword, nil, []string{longestPassword[:72] + strings.ToUpper(longestPassword[72:]), longestPassword[:127]}},
		} {
			change(c.password).want(t, 200, "")
			m.password = c.password
			for _, p := range append(c.same, c.password) {
				login(p, 200)
			}
			for _, p := range c.other {
				login(p, 401)
			}
		}
	}, unlimited)
}

// longestPassword has 128 characters, the most that the policy accepts.
const longestPassword = "kettle grumbles twice 93; violet pumpkin tundra mango lantern gravel canyon otter pulse " +
	"Ruderboot Kamille Trommel Wolke Anis Zau"

// TestPasswordMinimumIsASetting checks that the minimum length of a password is configurable, down
// to 8.
func TestPasswordMinimumIsASetting(t *testing.T) {
	t.Parallel()
	least := func(n int) func(*server.Config) {
		return func(c *server.Config) { c.Auth.Passwords.Min = n }
	}
	n := start(t, unlimited, least(8))
	d := n.drivers()[0]
	access, _ := n.login(t, d)
	change := func(next string) answer {
		return d.call(t, "ChangePassword", args{"current_password": n.password, "new_password": next, "confirm_password": next}, bearer(access))
	}
	change("k7-mQz.").want(t, 422, "invalid_request")
	change("k7-mQz.w").want(t, 200, "")
	config := server.DefaultConfig()
	config.Database = "sqlite:" + filepath.Join(t.TempDir(), "node.db")
	least(7)(&config)
	if s, err := server.New(t.Context(), config); err == nil || !strings.Contains(err.Error(), "--password-min") {
		t.Errorf("a node starts with a minimum password length of 7: %v", err)
		if err == nil {
			s.Close()
		}
	}
	if got := server.DefaultConfig().Auth.Passwords.Min; got != 15 {
		t.Errorf("the minimum password length is %d by default", got)
	}
}

// TestPasswordsDoNotAge checks that a password logs in, and is not asked to be changed, ten years after
// it was chosen.
func TestPasswordsDoNotAge(t *testing.T) {
	t.Parallel()
	var clock *manualClock
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		in := args{"email": n.email, "password": n.password}
		d.call(t, "Login", in).want(t, 200, "")
		clock.advance(10 * 366 * day)
		access := d.call(t, "Login", in).want(t, 200, "").str("access_token")
		d.call(t, "GetMe", nil, bearer(access)).want(t, 200, "")
	}, withManualClock(&clock))
}

// TestSensitiveChangesNeedThePassword checks that changing the password or email needs the current
// password, and that a refused change changes nothing.
func TestSensitiveChangesNeedThePassword(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		password := passphrase()
		n.addDeveloper("Taken@example.com", password)
		access, refresh := n.login(t, d)
		other := &clientSession{d: d}
		other.record(d.call(t, "Login", args{"email": n.email, "password": n.password}).want(t, 200, ""))
		next := passphrase()
		passwords := func(current, next, confirm any) args {
			in := args{"current_password": current, "new_password": next, "confirm_password": confirm}
			maps.DeleteFunc(in, func(_ string, v any) bool { return v == nil })
			return in
		}
		refusals := map[string]struct {
			operation string
			in        args
			status    int
			reason    string
			field     string
		}{
			"wrong current":                    {"ChangePassword", passwords("wrong", next, next), 400, "incorrect_password", ""},
			"another's password":               {"ChangePassword", passwords(password, next, next), 400, "incorrect_password", ""},
			"empty current":                    {"ChangePassword", passwords("", next, next), 422, "invalid_request", "current_password"},
			"no current":                       {"ChangePassword", passwords(nil, next, next), 422, "invalid_request", "current_password"},
			"not confirmed":                    {"ChangePassword", passwords(n.password, next, next+"x"), 422, "invalid_request", "confirm_password"},
			"no confirmation":                  {"ChangePassword", passwords(n.password, next, nil), 422, "invalid_request", "confirm_password"},
			"no new one":                       {"ChangePassword", passwords(n.password, nil, nil), 422, "invalid_request", "new_password"},
			"email without password":           {"UpdateMe", args{"email": "new@example.com"}, 422, "invalid_request", "current_password"},
			"email, empty password":            {"UpdateMe", args{"email": "new@example.com", "current_password": ""}, 422, "invalid_request", "current_password"},
			"email, wrong password":            {"UpdateMe", args{"email": "new@example.com", "current_password": "wrong"}, 400, "incorrect_password", ""},
			"email of another":                 {"UpdateMe", args{"email": "tAKEN@example.com", "current_password": n.password}, 409, "email_taken", ""},
			"an invalid email":                 {"UpdateMe", args{"email": "new example.com", "current_password": n.password}, 422, "invalid_request", "email"},
			"email cleared":                    {"UpdateMe", args{"email": nil, "current_password": n.password}, 422, "invalid_request", "email"},
			"name too long":                    {"UpdateMe", args{"first_name": strings.Repeat("n", 101)}, 422, "invalid_request", "first_name"},
			"a valid name in a refused change": {"UpdateMe", args{"first_name": "Eve", "email": "new@example.com"}, 422, "invalid_request", "current_password"},
		}
		for name, c := range refusals {
			a := d.call(t, c.operation, c.in, bearer(access))
			if a.Status != c.status || a.Reason != c.reason || c.field != "" && !slices.Contains(a.Fields, c.field) {
				t.Errorf("%s is answered %d %s %v", name, a.Status, a.Reason, a.Fields)
			}
			if c.status == 400 && a.Detail != "Incorrect current password" {
				t.Errorf("%s is answered %q", name, a.Detail)
			}
			d.call(t, c.operation, c.in).want(t, 401, "missing_credential")
		}
		other.wantAccepted(t)
		me := d.call(t, "GetMe", nil, bearer(access)).want(t, 200, "")
		if me.str("email") != n.email || me.str("first_name") != "" {
			t.Errorf("a refused change left %v", me.Body)
		}
		d.call(t, "Login", args{"email": n.email, "password": n.password}).want(t, 200, "")

		d.call(t, "UpdateMe", args{"first_name": "Ada", "last_name": "L"}, bearer(access)).want(t, 200, "")
		after := d.call(t, "UpdateMe", args{"last_name": nil, "email": "Ada@Example.com", "current_password": n.password}, bearer(access)).want(t, 200, "")
		if d := after.Body.(map[string]any); after.str("first_name") != "Ada" || d["last_name"] != nil || after.str("email") != "Ada@Example.com" ||
			after.str("id") != me.str("id") || after.str("created_at") != me.str("created_at") || after.str("updated_at") <= me.str("updated_at") {
			t.Errorf("the change left %v of %v", d, me.Body)
		}
		sameJSON(t, d.call(t, "GetMe", nil, bearer(access)).want(t, 200, "").Body, after.Body)
		d.call(t, "Login", args{"email": n.email, "password": n.password}).want(t, 401, "invalid_credentials")
		d.call(t, "Login", args{"email": "ada@example.com", "password": n.password}).want(t, 200, "")

		a := d.call(t, "ChangePassword", passwords(n.password, next, next), bearer(access)).want(t, 200, "")
		if a.str("message") == "" {
			t.Errorf("ChangePassword answers %v", a.Body)
		}
		other.wantEnded(t)
		own := &clientSession{d: d, access: []string{access}, refresh: []string{refresh}}
		own.wantAccepted(t)
		own.rotate(t, "")
		d.call(t, "Login", args{"email": "ada@example.com", "password": n.password}).want(t, 401, "invalid_credentials")
		d.call(t, "Login", args{"email": "ada@example.com", "password": next}).want(t, 200, "")
	}, unlimited)
}

// TestPasswordIsChangedElsewhere checks that UpdateMe says where a password is changed, rather than
// ignore it, and changes nothing.
func TestPasswordIsChangedElsewhere(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	access, _ := n.login(t, n.drivers()[0])
	const update = "/openwearables.v1.SessionService/UpdateMe"
	for _, c := range []struct{ method, path, body, field string }{
		{"PATCH", "/api/v1/auth/me", `{"password":"x","first_name":"Eve"}`, "password"},
		{"PATCH", "/api/v1/auth/me", `{"new_password":"x","current_password":"y"}`, "new_password"},
		{"POST", update, `{"password":7,"firstName":"Eve","updateMask":"firstName"}`, "password"},
		{"POST", update, `{"newPassword":"x"}`, "new_password"},
		{"PATCH", "/api/v1/auth/me", `{"password":null,"nickname":"x"}`, ""},
		{"POST", update, `{"password":null,"nickname":"x"}`, ""},
	} {
		r := newRequest(t, c.method, n.url+c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", jsonType)
		res, raw := n.send(t, r, bearer(access))
		a := answer{Status: res.StatusCode}
		if c.path != update {
			a = restAnswer(t, res, raw)
		} else if res.StatusCode != 200 {
			a = rpcRefusal(t, res, raw)
		}
		if c.field == "" {
			a.want(t, 200, "")
		} else if want := c.field + ": is changed by ChangePassword, POST /api/v1/auth/change-password"; a.want(t, 422, "invalid_request").Detail != want {
			t.Errorf("%s %s says %q", c.path, c.body, a.Detail)
		}
	}
	if me := n.drivers()[0].call(t, "GetMe", nil, bearer(access)).want(t, 200, ""); me.str("first_name") != "" {
		t.Errorf("a refused update left %v", me.Body)
	}
}

// TestGuessesOfTheCurrentPasswordAreLimited checks that wrong current passwords are limited like
// logins, but separately: neither limit locks the other. The answers describe the credential's
// bucket.
func TestGuessesOfTheCurrentPasswordAreLimited(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		next := passphrase()
		guess := func(password string) answer {
			t.Helper()
			a := d.call(t, "ChangePassword", args{"current_password": password, "new_password": next, "confirm_password": next}, bearer(access))
			if p := a.Header.Get("RateLimit-Policy"); !strings.HasPrefix(p, `"developer";`) {
				t.Errorf("an answer %d describes the bucket %q", a.Status, p)
			}
			return a
		}
		guess("wrong").want(t, 400, "incorrect_password")
		guess("wrong").want(t, 400, "incorrect_password")
		guess(n.password).want(t, 429, "rate_limited")
		d.call(t, "UpdateMe", args{"email": "new@example.com", "current_password": n.password}, bearer(access)).want(t, 429, "rate_limited")
		d.call(t, "UpdateMe", args{"first_name": "Ada"}, bearer(access)).want(t, 200, "")
		d.call(t, "Login", args{"email": n.email, "password": n.password}).want(t, 200, "")
	}, func(c *server.Config) { c.Auth.Limits.LoginAccount.Limit = 2 })
}
