package scenario_test

import (
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/server"
)

// The upstream gets what the request is about and who asks on whose behalf never: no
// header of the caller passes that is not about the content.
func TestGatewayForwardsNoHeaderOfTheCaller(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	hostile := func(r *http.Request) {
		for _, name := range []string{
			"Cookie", "Origin", "Idempotency-Key", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-Ip",
			"X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override", "X_Open_Wearables_Api_Key", "X-Auth-Subject", "Referer", "Baggage",
			"Traceparent", "Proxy-Authorization", "Keep-Alive", "Accept-Encoding",
		} {
			r.Header[name] = []string{"smuggled"}
		}
		r.Header["Connection"] = []string{"X-Open-Wearables-API-Key, X-Request-Id, keep-alive"}
		r.Header["Te"] = []string{"trailers"}
		r.Header.Set("Accept", "application/json")
		r.Header.Set("X-Request-Id", "req-1")
	}
	body := `{"provider":"apple"}`
	g.ask(t, "POST", "/sdk/users/"+g.user+"/sync", body, hostile, bearer(g.own)).want(t, 202, "")
	sent := g.last(t)
	var names []string
	for name, values := range sent.Header {
		names = append(names, name)
		if strings.Contains(strings.Join(values, ""), "smuggled") {
			t.Errorf("%s passes", name)
		}
	}
	slices.Sort(names)
	if got, want := strings.Join(names, " "), "Accept Content-Length Content-Type User-Agent X-Open-Wearables-Api-Key X-Request-Id"; got != want {
		t.Errorf("the upstream gets %s, want %s", got, want)
	}
	if sent.Header.Get("X-Request-Id") != "req-1" || sent.Header.Get("X-Open-Wearables-Api-Key") != g.upstream.Key {
		t.Errorf("the upstream gets %v", sent.Header)
	}
}

// A request with two credentials, or one in the query, is refused as everywhere, and a
// token without a scheme is taken.
func TestGatewayTakesOneCredential(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	path := "/users/" + g.user + "/connections"
	g.ask(t, "GET", path, "", bearer(g.own), header("X-Open-Wearables-API-Key", g.key)).want(t, 400, "multiple_credentials")
	g.ask(t, "GET", path+"?token="+g.own+"&api_key="+g.key, "").want(t, 401, "missing_credential")
	g.untouched(t)
	g.ask(t, "GET", path, "", header("Authorization", g.own)).want(t, 200, "")
	g.ask(t, "GET", path, "", header("Authorization", g.key)).want(t, 200, "")
}

// A query passes as it came if both sides read it alike.
func TestGatewayForwardsQueries(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	own := "/users/" + g.user + "/timeseries"
	for _, query := range []string{"types=heart_rate&types=steps&start_time=2026-03-01T00%3A00%3A00Z&limit=1", "a=%26b+c&empty=&bare", "q=caf%C3%A9"} {
		g.ask(t, "GET", own+"?"+query, "", bearer(g.own)).want(t, 200, "")
		if sent := g.last(t); sent.URI != "/api/v1"+own+"?"+query {
			t.Errorf("%s is forwarded as %s", query, sent.URI)
		}
	}
	for _, query := range []string{"q=1;2", "q=%zz", "q=%", "user_id=" + g.other, "user_id=" + g.user + "&user_id=" + g.other, "USER_ID=" + g.other, "user_id=x", "user_id="} {
		g.ask(t, "GET", own+"?"+query, "", bearer(g.own)).want(t, 400, "invalid_request")
	}
	g.untouched(t)
	g.ask(t, "GET", "/sync/runs?limit=5&user_id="+strings.ToUpper(g.other), "", bearer(g.dev)).want(t, 200, "")
	if sent := g.last(t); sent.URI != "/api/v1/sync/runs?limit=5&user_id="+g.other {
		t.Errorf("forwarded as %s", sent.URI)
	}
	g.ask(t, "GET", "/sync/runs?user_id="+g.user, "", bearer(g.own)).want(t, 403, "credential_not_allowed")
}

// An answer says of itself what it holds, and this server the rest.
func TestGatewayAnswersWithItsOwnHeaders(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *server.Config) { c.AllowedOrigins = []string{"https://app.example.com"} })
	g.upstream.Break(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusContinue)
		w.Header().Set("X-Secret", "theirs")
		w.WriteHeader(http.StatusEarlyHints)
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Set-Cookie", "__Host-ow_refresh=theirs")
		h.Set("Cache-Control", "public")
		h.Set("Server", "uvicorn")
		h.Set("Connection", "X-Other")
		h.Set("Content-Type", "application/json")
		h.Set("Trailer", "X-Late")
		_, _ = w.Write([]byte("[]"))
		h.Set("X-Late", "theirs")
		return true
	})
	var hinted []textproto.MIMEHeader
	r := newRequest(t, "GET", g.address("/users/"+g.user+"/connections"), nil)
	a := g.send(t, traced(r, &hinted), bearer(g.own), header("Origin", "https://app.example.com"))
	a.want(t, 200, "")
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "https://app.example.com", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Content-Type": "application/json", "Set-Cookie": "", "Server": "", "X-Secret": "", "X-Late": "", "Trailer": "",
	} {
		if got := strings.Join(a.Header.Values(name), "|"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if a.Header.Get("X-Request-Id") == "" || a.Header.Get("X-Ratelimit-Limit") == "" {
		t.Errorf("the answer has %v", a.Header)
	}
	if len(hinted) > 0 {
		t.Errorf("answers of 1xx pass with %v", hinted)
	}
}

// The preflight of the page that follows a user's syncs.
func TestGatewayAdmitsPagesOfStreams(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *server.Config) { c.AllowedOrigins = []string{"https://app.example.com"} })
	a := g.ask(t, "OPTIONS", "/users/"+g.user+"/sync/stream", "", header("Origin", "https://app.example.com"),
		header("Access-Control-Request-Method", "GET"), header("Access-Control-Request-Headers", "authorization,cache-control,if-none-match,last-event-id"))
	if a.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
		t.Errorf("the preflight is answered with %v", a.Header)
	}
	g.untouched(t)
}

// A path passes in its own spelling or not at all, whoever asks.
func TestGatewayRefusesOtherSpellings(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	for _, path := range []string{
		"/users%2F{other}%2Fconnections", "/users/{other}%2fconnections", "/users/{user}%2F..%2F{other}%2Fconnections", "/users/{user}/../{other}/connections",
		"/users/{user}/%2e%2e/{other}/connections", "/users/{other}/connections%00", "/users/{other}/connections;x", "/users/{other}//connections",
		"/users/%7B{other}%7D/connections", "/users/urn:uuid:{other}/connections", "/users\\{other}\\connections", "/users%5C{other}%5Cconnections",
		"/providers/garmin/users%2F{other}%2Fworkouts", "/users/{user}%252F..%252F{other}/connections", "/sdk/users/{user}/../{other}/sync",
		"/users/{other}/timeseries%3Fuser_id=x", "/users/{other}/connections/%2e", "/oauth/providers%2Fgarmin", "/providers/garmin/webhooks%2Fsubscriptions",
		"/oauth/providers/../../users/{other}/connections", "//static/..%2fapi/v1/users/{other}/connections", "//static/../api/v1/users/{other}/connections",
	} {
		path = strings.NewReplacer("{user}", g.user, "{other}", g.other).Replace(path)
		for _, method := range []string{"GET", "POST"} {
			for _, token := range []string{g.own, g.key} {
				r := newRequest(t, method, g.url, nil)
				r.URL.Opaque = strings.TrimPrefix(g.address(path), "http:")
				if a := g.send(t, r, bearer(token)); (a.Status < 400 || a.Status > 422) && !(a.Status == 503 && strings.HasPrefix(path, "/sdk/")) {
					t.Errorf("%s %s is %d", method, path, a.Status)
				}
			}
		}
	}
	g.untouched(t)
	for _, spelled := range []string{strings.ToUpper(g.other), strings.ReplaceAll(g.other, "-", ""), fmt.Sprintf("%%%02x", g.other[0]) + g.other[1:]} {
		path := "/users/" + spelled + "/connections"
		g.ask(t, "GET", path, "", bearer(g.own)).want(t, 403, "other_user")
		g.untouched(t)
		g.ask(t, "GET", path, "", bearer(g.otherToken)).want(t, 200, "")
		if sent := g.last(t); sent.URI != "/api/v1/users/"+g.other+"/connections" {
			t.Errorf("%s is forwarded as %s", path, sent.URI)
		}
	}
}
