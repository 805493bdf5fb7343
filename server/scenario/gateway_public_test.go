package scenario_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/upstream"
	"github.com/openwearables/openwearables/server"
)

// What a provider sends arrives as it was signed. Its bearer is not ours: nobody is
// authenticated by it, and nothing is noted of it.
func TestGatewayPassesProvidersOn(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	body := "{ \"a\" :1}\r\n"
	mac := hmac.New(sha256.New, []byte(upstream.WebhookSecret))
	mac.Write([]byte(body))
	signature := hex.EncodeToString(mac.Sum(nil))
	for _, path := range []string{
		"/providers/whoop/webhooks", "/garmin/webhooks/ping", "/garmin/webhooks/push", "/oura/webhooks", "/strava/webhooks", "/strava/webhook", "/sns/notification",
	} {
		a := g.ask(t, "POST", path, body, header("X-WHOOP-Signature", signature), header("X-Whoop-Signature-Timestamp", "1"), header("garmin-client-id", "id"))
		a.want(t, 200, "")
		sent := g.last(t)
		if string(sent.Body) != body || sent.Header.Get("garmin-client-id") != "id" || sent.Header.Get("X-Whoop-Signature-Timestamp") != "1" ||
			sent.Header.Get("X-Open-Wearables-API-Key") != "" {
			t.Errorf("%s arrives as %q with %v", path, sent.Body, sent.Header)
		}
	}
	g.ask(t, "POST", "/providers/google/webhooks", body, bearer(upstream.WebhookSecret)).want(t, 200, "")
	if sent := g.last(t); sent.Header.Get("Authorization") != "Bearer "+upstream.WebhookSecret {
		t.Errorf("the bearer arrives as %v", sent.Header)
	}
	g.ask(t, "POST", "/providers/google/webhooks", body, bearer("forged"), header("X-Open-Wearables-API-Key", "a"), header("Cookie", "__Host-ow_refresh=ours")).want(t, 401, "")
	if sent := g.last(t); sent.Header.Get("Cookie") != "" {
		t.Errorf("a cookie of this server passes: %v", sent.Header)
	}
	a := g.ask(t, "GET", "/strava/webhooks?hub.mode=subscribe&hub.challenge=c;d&hub.verify_token=%zz", "")
	if sent := g.last(t); sent.URI != "/api/v1/strava/webhooks?hub.mode=subscribe&hub.challenge=c;d&hub.verify_token=%zz" {
		t.Errorf("the query arrives as %s (%d)", sent.URI, a.Status)
	}
	g.ask(t, "POST", "/providers/garmin/webhooks/subscriptions", "{}").want(t, 401, "missing_credential")
	g.ask(t, "PUT", "/oauth/providers", "{}").want(t, 401, "missing_credential")
	g.untouched(t)
	events := g.drivers()[0].call(t, "ListAuditEvents", args{"outcome": "invalid_token"}, bearer(g.dev)).want(t, 200, "")
	if rows := events.list("data"); len(rows) > 0 {
		t.Errorf("the audit trail has %v", rows)
	}
}

// Pages without a login get what they show, and no credential of this server passes.
func TestGatewayServesPublicPages(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	for path, want := range map[string]string{
		"/oauth/providers?cloud_only=true": "garmin", "/meta/coverage": "{}", "/webhooks/event-types": "[]", "//static/provider-icons/garmin.svg": "<svg/>",
		"/oauth/success": "<script>", "/oauth/garmin/callback?state=s&code=c": "",
	} {
		a := g.ask(t, "GET", path, "", bearer(g.dev), header("Cookie", "__Host-ow_refresh=ours"))
		if a.Status >= 400 || !strings.Contains(a.Body, want) {
			t.Errorf("%s is %d %s", path, a.Status, a.Body)
		}
		if sent := g.last(t); sent.Header.Get("Authorization") != "" || sent.Header.Get("Cookie") != "" {
			t.Errorf("%s arrives with %v", path, sent.Header)
		}
		if policy := strings.Join(a.Header.Values("Content-Security-Policy"), "|"); !strings.HasPrefix(policy, "sandbox ") || strings.Contains(policy, "same-origin") || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s has %v", path, a.Header)
		}
	}
	if a := g.ask(t, "GET", "//static/a.svg", ""); a.Header.Get("Cache-Control") != "public, max-age=60" || a.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("a file has %v", a.Header)
	}
	if a := g.ask(t, "GET", "/oauth/garmin/callback?state=s", ""); a.Status != 307 || a.Header.Get("Location") != "/api/v1/oauth/success" {
		t.Errorf("a provider is answered %d, %v", a.Status, a.Header)
	}
	g.upstream.Break(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Location", g.upstream.URL+"/api/v1/oauth/error?message=x")
		w.WriteHeader(http.StatusFound)
		return true
	})
	if a := g.ask(t, "GET", "/oauth/garmin/callback?state=s", ""); a.Header.Get("Location") != "/api/v1/oauth/error?message=x" {
		t.Errorf("an address of the upstream comes down as %v", a.Header)
	}
	g.upstream.Break(says(401, "application/json", `{"detail":"log in"}`))
	g.ask(t, "GET", "/oauth/providers", "").want(t, 503, "unavailable")
}

// A page may connect a user that there is, and is sent back to a known origin alone.
func TestGatewayConnectsKnownUsers(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *server.Config) { c.AllowedOrigins = []string{"https://app.example.com"} })
	path := "/oauth/garmin/authorize?user_id=" + g.user
	g.ask(t, "GET", path, "").want(t, 200, "")
	g.ask(t, "GET", path+"&redirect_uri=https%3A%2F%2Fapp.example.com%2Fdone", "").want(t, 200, "")
	g.ask(t, "GET", path+"&redirect_uri="+strings.ReplaceAll(g.url, "/", "%2F")+"%2Fpair", "").want(t, 200, "")
	g.upstream.Requests()
	for _, uri := range []string{
		"https://evil.example", "https://app.example.com.evil.example/", "https://app.example.com@evil.example/", "//evil.example/", "javascript:alert(1)",
		"https:/app.example.com", "%20https://app.example.com", "https://app.example.com%5C@evil.example", "http://app.example.com/", "",
	} {
		g.ask(t, "GET", path+"&redirect_uri="+uri, "").want(t, 400, "invalid_request")
	}
	g.ask(t, "GET", path+"&redirect_uri=https://app.example.com/&redirect_uri=https://evil.example/", "").want(t, 400, "invalid_request")
	g.ask(t, "GET", "/oauth/garmin/authorize?user_id=0192d3f0-0000-7000-8000-00000000dead", "").want(t, 404, "not_found")
	g.ask(t, "GET", "/oauth/garmin/authorize?user_id=x", "").want(t, 400, "invalid_request")
	g.untouched(t)
}

// A server that knows its own address takes a request's word for no other.
func TestGatewayKnowsItsOwnPages(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *server.Config) { c.PublicURL = "https://health.example.com/auth" })
	path := "/oauth/garmin/authorize?user_id=" + g.user + "&redirect_uri="
	g.ask(t, "GET", path+"https://health.example.com/pair", "").want(t, 200, "")
	for _, page := range []string{g.url, "http://health.example.com", "https://health.example.com:8443"} {
		g.ask(t, "GET", path+url.QueryEscape(page+"/pair"), "").want(t, 400, "invalid_request")
	}
}

// Public traffic has a limit of its own, told as a passing fault, and spends no other.
func TestGatewayBoundsPublicTraffic(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *server.Config) { c.Auth.Limits.Public.Limit, c.Auth.Limits.Address.Limit = 3, 50 })
	for range 3 {
		g.ask(t, "GET", "/oauth/providers", "").want(t, 200, "")
	}
	if a := g.ask(t, "POST", "/providers/strava/webhooks", "{}").want(t, 503, "rate_limited"); a.Header.Get("Retry-After") == "" {
		t.Errorf("the refusal has %v", a.Header)
	}
	a := g.ask(t, "GET", "/users/"+g.user+"/connections", "").want(t, 401, "missing_credential")
	if left := a.Header.Get("X-RateLimit-Remaining"); left != "49" {
		t.Errorf("the limit of the address has %s left", left)
	}
}
