package scenario_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/server"
)

// introspect posts a form, and returns the status, the header and the members of the answer.
func (n *node) introspect(t *testing.T, form string, o ...option) (int, http.Header, string) {
	t.Helper()
	r := newRequest(t, "POST", n.url+"/oauth/introspect", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, f := range o {
		f(r)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-RateLimit-Limit") == "" || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the headers are %v", res.Header)
	}
	return res.StatusCode, res.Header, strings.TrimSpace(string(raw))
}

func basic(id, secret string) option {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
}

const inactive = `{"active":false}`

// TestIntrospection checks RFC 7662: what is said of each kind of token, to whom, and that nothing is said
// of any that is not active.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.drivers()[0]
	v := newVerifying(t, n, d)
	token, refresh := n.exchange(t, d, v.user, v.app, v.secret)
	other, otherSecret := n.newApp(t, d, v.admin)
	says := func(token string, o option) map[string]any {
		t.Helper()
		status, _, body := n.introspect(t, url.Values{"token": {token}, "token_type_hint": {"no_such_hint"}}.Encode(), o)
		var members map[string]any
		if err := json.Unmarshal([]byte(body), &members); err != nil || status != 200 {
			t.Fatalf("an introspection is %d %s", status, body)
		}
		if members["active"] == false && body != inactive {
			t.Errorf("of an inactive token is said %s", body)
		}
		return members
	}
	for _, as := range []option{v.asks, bearer(v.admin), basic(v.app, v.secret)} {
		got := says(token, as)
		exp, _ := got["exp"].(float64)
		if got["active"] != true || got["sub"] != v.user || got["scope"] != "sdk" || got["client_id"] != v.app || got["token_type"] != "Bearer" ||
			got["token_use"] != "user_token" || got["iss"] != "openwearables" || exp != float64(int64(exp)) || int64(exp) <= n.clock.now().Unix() {
			t.Errorf("of a user's token is said %v", got)
		}
	}
	if got := says(v.key, v.asks); got["active"] != true || got["sub"] != v.keyID || got["scope"] != "users:read workouts:read" || got["exp"] != nil || got["client_id"] != nil {
		t.Errorf("of a key is said %v", got)
	}
	_, admin, _ := strings.Cut(v.admin, ".")
	for _, wrong := range []string{"x", refresh, v.secret, credential.Mint(credential.LiveKey), "a." + admin, strings.Repeat("x", 8193)} {
		says(wrong, v.asks)
	}
	if says(token, basic(other, otherSecret))["active"] != false || says(v.key, basic(v.app, v.secret))["active"] != false || says(v.admin, basic(v.app, v.secret))["active"] != false {
		t.Error("an application is told of what is not its own")
	}
	d.call(t, "RevokeUserTokens", args{"user_id": v.user}, bearer(v.admin)).want(t, 204, "")
	if says(token, v.asks)["active"] != false || says(token, basic(v.app, v.secret))["active"] != false {
		t.Error("a token is active after its end")
	}
	d.call(t, "UpdateKey", args{"id": v.keyID, "enabled": false}, bearer(v.admin)).want(t, 200, "")
	if says(v.key, v.asks)["active"] != false {
		t.Error("a disabled key is active")
	}
	n.clock.advance(2 * time.Hour)
	if says(v.admin, v.asks)["active"] != false {
		t.Error("an expired token is active")
	}
}

// TestIntrospectionRefuses checks who may not ask, and which requests cannot be read.
func TestIntrospectionRefuses(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.drivers()[0]
	v := newVerifying(t, n, d)
	for _, c := range []struct {
		name, form string
		as         []option
		status     int
		code       string
		reason     string
	}{
		{"nobody", "token=x", nil, 401, "invalid_client", "missing_credential"},
		{"a wrong key", "token=x", []option{bearer(credential.Mint(credential.LiveKey))}, 401, "invalid_client", "invalid_api_key"},
		{"a key without the scope", "token=x", []option{bearer(v.key)}, 403, "invalid_request", "insufficient_scope"},
		{"a wrong secret", "token=x", []option{basic(v.app, credential.Mint(credential.AppSecret))}, 401, "invalid_client", "invalid_app_credentials"},
		{"half of an application", "token=x", []option{basic(v.app, "")}, 401, "invalid_client", "invalid_app_credentials"},
		{"a broken header", "token=x", []option{header("Authorization", "Basic %%%")}, 401, "invalid_client", "invalid_app_credentials"},
		{"no token", "", []option{v.asks}, 400, "invalid_request", "invalid_request"},
		{"an empty token", "token=", []option{v.asks}, 400, "invalid_request", "invalid_request"},
		{"two tokens", "token=a&token=b", []option{v.asks}, 400, "invalid_request", "invalid_request"},
		{"two hints", "token=a&token_type_hint=b&token_type_hint=c", []option{v.asks}, 400, "invalid_request", "invalid_request"},
		{"no form", "token=%zz", []option{v.asks}, 400, "invalid_request", "invalid_request"},
		{"JSON", `{"token":"x"}`, []option{v.asks, header("Content-Type", "application/json")}, 415, "invalid_request", "unsupported_media_type"},
		{"too much", "token=x&y=" + strings.Repeat("y", 16<<10), []option{v.asks}, 413, "invalid_request", "body_too_large"},
	} {
		status, h, body := n.introspect(t, c.form, c.as...)
		var got struct{ Error, Reason, Detail string }
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != c.status || got.Error != c.code || got.Reason != c.reason || got.Detail == "" {
			t.Errorf("%s: %d %s, want %d %s %s", c.name, status, body, c.status, c.code, c.reason)
		}
		if challenges := h.Values("WWW-Authenticate"); status == 401 && (len(challenges) != 2 || !strings.HasPrefix(challenges[1], "Basic")) {
			t.Errorf("%s is challenged by %v", c.name, challenges)
		}
	}
	res, err := http.Get(n.url + "/oauth/introspect?token=x")
	if err != nil {
		t.Fatal(err)
	}
	if res.Body.Close(); res.StatusCode != 405 {
		t.Errorf("GET is %d", res.StatusCode)
	}
}

// TestIntrospectionIsLimited checks that an application spends the limit of verifications, and that
// guesses at its secret are bounded as in an exchange.
func TestIntrospectionIsLimited(t *testing.T) {
	t.Parallel()
	n := start(t, func(c *server.Config) {
		c.Auth.Limits.Verify.Limit, c.Auth.Limits.ExchangeRefused.Limit = 3, 2
	})
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	app, secret := n.newApp(t, d, admin)
	for i, want := range []int{200, 200, 200, 429} {
		if status, h, _ := n.introspect(t, "token=a.b", basic(app, secret)); status != want || bucketOf(t, h, n.clock.now()).name != "verify" {
			t.Errorf("introspection %d is %d, %s", i, status, h.Get("RateLimit"))
		}
	}
	for i, want := range []int{401, 401, 429} {
		if status, _, body := n.introspect(t, "token=a.b", basic(app, credential.Mint(credential.AppSecret))); status != want {
			t.Errorf("guess %d is %d %s", i, status, body)
		}
	}
}
