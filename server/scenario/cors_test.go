package scenario_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/server"
)

// foreignOrigins are origins that resemble an allowed one but are not allowed.
var foreignOrigins = []string{
	"https://evil.example", "null", "https://app.example.com.evil.example", "https://evil-app.example.com", "https://evilapp.example.com",
	"http://app.example.com", "https://app.example.com:8443", "https://example.com", "https://sub.app.example.com", "https://app.example.co",
	"https://app.example.com/", "https://app.example.com@evil.example", "https://app_example.com", "https://APP.example.com", "file://", "*",
	"https://app.example.com https://evil.example", "http://localhost:5173", "https://app.example.com\u2024evil.example",
}

// preflight sends a preflight request. openapi.yaml does not declare preflights, so only the
// headers that every answer carries are checked.
func (n *node) preflight(t *testing.T, path, origin, method, headers string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "OPTIONS", n.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", origin)
	r.Header.Set("Access-Control-Request-Method", method)
	if headers != "" {
		r.Header.Set("Access-Control-Request-Headers", headers)
	}
	check := n.http.Transport.(contractTransport)
	res, err := check.next.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	check.checkHeader(r, res)
	return res
}

// get sends a GET request as a script of the origin does.
func (n *node) get(t *testing.T, path, origin string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", n.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, _ := n.send(t, r, header("Origin", origin))
	return res
}

// wantCORS fails the test unless the answer allows the origin to read it with credentials or, if
// allowed is false, has no CORS header.
func wantCORS(t *testing.T, what string, h http.Header, origin string, allowed bool) {
	t.Helper()
	if allowed {
		if h.Get("Access-Control-Allow-Origin") != origin || h.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("%s of %s: %v", what, origin, h)
		}
	} else {
		for name := range h {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s of %q: %s is %q", what, origin, name, h.Get(name))
			}
		}
	}
	if !slices.Contains(listMembers(h, "Vary"), "origin") {
		t.Errorf("%s of %s: Vary is %q", what, origin, h["Vary"])
	}
}

// listMembers returns the members of a list header in lower case.
func listMembers(h http.Header, name string) []string {
	all := strings.Split(strings.ToLower(strings.Join(h[http.CanonicalHeaderKey(name)], ",")), ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

// corsPaths has a path of each surface, and one that does not exist.
var corsPaths = []string{"/api/v1/users", "/openwearables.v1.UserService/ListUsers", "/nowhere"}

// TestOriginsMatchExactly checks that origins are compared byte by byte with the allowed ones, in
// preflights and in answers, refusals included.
func TestOriginsMatchExactly(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, allowOrigins(allowedOrigin, "https://second.example:8443"))
	none := start(t, unlimited)
	for _, path := range corsPaths {
		for _, origin := range append(slices.Clone(foreignOrigins), "https://second.example", "https://second.example:443") {
			wantCORS(t, "preflight "+path, n.preflight(t, path, origin, "POST", "authorization").Header, origin, false)
			wantCORS(t, "answer "+path, n.get(t, path, origin).Header, origin, false)
		}
		for _, origin := range []string{allowedOrigin, "https://second.example:8443"} {
			wantCORS(t, "preflight "+path, n.preflight(t, path, origin, "POST", "authorization").Header, origin, true)
			wantCORS(t, "answer "+path, n.get(t, path, origin).Header, origin, true)
			wantCORS(t, "answer of a node that allows none", none.get(t, path, origin).Header, origin, false)
			wantCORS(t, "preflight of a node that allows none", none.preflight(t, path, origin, "GET", "").Header, origin, false)
		}
	}
}

// TestPreflightNamesWhatIsAllowed checks which methods and headers a page of an allowed origin may
// send, and which headers it may read.
func TestPreflightNamesWhatIsAllowed(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, allowOrigins(allowedOrigin))
	for _, path := range corsPaths {
		for _, name := range []string{
			"authorization", "content-type", "idempotency-key", "x-request-id", "x-open-wearables-api-key",
			"connect-protocol-version", "connect-timeout-ms", "x-grpc-web", "x-user-agent", "grpc-timeout",
			"traceparent", "tracestate", "baggage", "sentry-trace", "x-requested-with", "cache-control", "last-event-id", "accept",
		} {
			h := n.preflight(t, path, allowedOrigin, "POST", name).Header
			if !slices.Contains(listMembers(h, "Access-Control-Allow-Headers"), name) {
				t.Errorf("%s: %s may not be sent: %v", path, name, h)
			}
		}
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			res := n.preflight(t, path, allowedOrigin, method, "authorization,content-type,idempotency-key")
			if res.StatusCode != 204 || !slices.Contains(listMembers(res.Header, "Access-Control-Allow-Methods"), strings.ToLower(method)) {
				t.Errorf("%s: a preflight of %s is answered %d %v", path, method, res.StatusCode, res.Header)
			}
			if age, err := strconv.Atoi(res.Header.Get("Access-Control-Max-Age")); err != nil || age < 1 || age > 3600 {
				t.Errorf("%s: Access-Control-Max-Age is %q", path, res.Header.Get("Access-Control-Max-Age"))
			}
		}
		for method, name := range map[string]string{"POST": "x-evil", "TRACE": "authorization"} {
			if h := n.preflight(t, path, allowedOrigin, method, name).Header; h.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: a preflight of %s with %s is allowed: %v", path, method, name, h)
			}
		}
		exposed := listMembers(n.get(t, path, allowedOrigin).Header, "Access-Control-Expose-Headers")
		for _, name := range []string{
			"grpc-status", "grpc-message", "grpc-status-details-bin", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
			"retry-after", "x-request-id", "idempotent-replayed",
		} {
			if !slices.Contains(exposed, name) {
				t.Errorf("%s: %s may not be read, only %q", path, name, exposed)
			}
		}
		if slices.Contains(exposed, "*") || slices.Contains(exposed, "set-cookie") {
			t.Errorf("%s: exposed are %q", path, exposed)
		}
	}
}

// TestPreflightSpendsNothing checks that a preflight reports the bucket of the address, spends
// nothing, and is never refused by it.
func TestPreflightSpendsNothing(t *testing.T) {
	t.Parallel()
	var clock *manualClock
	n := start(t, allowOrigins(allowedOrigin), withManualClock(&clock), func(c *server.Config) { c.Auth.Limits.Address.Limit = 3 })
	for spent := range 5 {
		want := strconv.Itoa(max(0, 3-spent))
		for _, origin := range []string{allowedOrigin, "https://evil.example"} {
			res := n.preflight(t, "/api/v1/users", origin, "GET", "authorization")
			h := res.Header
			if res.StatusCode != 204 || h.Get("X-RateLimit-Remaining") != want || h.Get("X-RateLimit-Limit") != "3" || !strings.HasPrefix(h.Get("RateLimit-Policy"), `"address";`) {
				t.Errorf("after %d requests a preflight of %s is answered %d, %s of %s remaining", spent, origin, res.StatusCode,
					h.Get("X-RateLimit-Remaining"), h.Get("X-RateLimit-Limit"))
			}
		}
		status := 401
		if spent >= 3 {
			status = 429
		}
		if res := n.get(t, "/api/v1/users", allowedOrigin); res.StatusCode != status || res.Header.Get("Access-Control-Allow-Origin") != allowedOrigin {
			t.Errorf("request %d is answered %d %v", spent, res.StatusCode, res.Header)
		}
	}
}

// TestDevAllowsLocalhost checks that --dev, and nothing else, allows pages of localhost on any
// port.
func TestDevAllowsLocalhost(t *testing.T) {
	t.Parallel()
	dev := start(t, unlimited, allowOrigins(allowedOrigin), func(c *server.Config) { c.Dev = true })
	plain := start(t, unlimited, allowOrigins(allowedOrigin))
	for origin, allowed := range map[string]bool{
		allowedOrigin: true, "http://localhost": true, "http://localhost:5173": true, "http://127.0.0.1:3000": true, "http://[::1]:8080": true,
		"http://localhost.evil.example": false, "http://localhost:5173.evil.example": false, "http://localhost:": false, "http://localhost:x": false,
		"http://evil.localhost:5173": false, "http://127.0.0.1.evil.example": false, "http://127.0.0.2:80": false, "http://localhost@evil.example": false,
		"http://localhost:80@evil.example": false, "null": false, "https://evil.example": false,
	} {
		wantCORS(t, "preflight", dev.preflight(t, "/api/v1/auth/refresh", origin, "POST", "content-type").Header, origin, allowed)
		wantCORS(t, "answer", dev.get(t, "/api/v1/auth/me", origin).Header, origin, allowed)
		wantCORS(t, "answer without --dev", plain.get(t, "/api/v1/auth/me", origin).Header, origin, allowed && origin == allowedOrigin)

		status, reason := 401, "invalid_refresh_token"
		if !allowed {
			status, reason = 403, "cross_origin"
		}
		dev.drivers()[0].call(t, "RefreshToken", args{}, cookie("garbage"), fromPage(origin, "same-site")).want(t, status, reason)
	}
}

// TestAllowedOriginsAreOrigins checks that the node does not start with an allowed origin that no
// browser can send.
func TestAllowedOriginsAreOrigins(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{
		"*", "null", "app.example.com", "https://app.example.com/path", "https://app.example.com//", "https://*.example.com", "https://*", "ftp://app.example.com",
		"file://", "file:///", "https://", "", "https:app.example.com", "https://user@app.example.com", "https://app.example.com?", "https://app.example.com#",
		"https://app.example.com:0", "https://app.example.com:65536", "https://app..example.com", "https://127.1", "https://0x7f000001", "https://app.example.1",
		"https://[::ffff:127.0.0.1]", "https://[fe80::1%25eth0]", "https://a%2eexample", "https://a b.example", "capacitor://", "capacitor://a/b", "1app://a",
	} {
		config := server.DefaultConfig()
		config.Database = "sqlite:" + t.TempDir() + "/node.db"
		config.AllowedOrigins = []string{origin}
		s, err := server.New(t.Context(), config)
		if err == nil {
			t.Errorf("a node starts with the allowed origin %q", origin)
			s.Close()
		} else if !strings.Contains(err.Error(), "--allowed-origins") {
			t.Errorf("the allowed origin %q is refused with %q", origin, err)
		}
	}
}

// TestAllowedOriginsHaveOneForm checks that an allowed origin is written as browsers send it, however
// it is given.
func TestAllowedOriginsHaveOneForm(t *testing.T) {
	t.Parallel()
	for given, sent := range map[string]string{
		"https://APP.Example.com": "https://app.example.com", "HTTPS://app.example.com/": "https://app.example.com",
		"https://app.example.com:443": "https://app.example.com", "http://app.example.com:080": "http://app.example.com",
		"https://app.example.com:08443": "https://app.example.com:8443", "https://app.example.com:": "https://app.example.com",
		"https://m\u00fcnchen.example": "https://xn--mnchen-3ya.example", "https://stra\u00dfe.example": "https://xn--strae-oqa.example",
		"https://my_app.internal": "https://my_app.internal", "http://[0:0:0:0:0:0:0:1]:3000": "http://[::1]:3000",
		"http://192.0.2.1:8080": "http://192.0.2.1:8080", "capacitor://localhost": "capacitor://localhost", "Ionic://localhost": "ionic://localhost",
		"tauri://localhost": "tauri://localhost", "chrome-extension://ABCdefghijklmnopabcdefghijklmnop": "chrome-extension://ABCdefghijklmnopabcdefghijklmnop",
	} {
		config := server.DefaultConfig()
		config.AllowedOrigins = []string{given, sent}
		if err := config.Check(); err != nil || !slices.Equal(config.AllowedOrigins, []string{sent}) {
			t.Errorf("%s becomes %q, %v, want %q alone", given, config.AllowedOrigins, err, sent)
		}
	}
	n := start(t, unlimited, allowOrigins("https://App.Example:443/", "capacitor://localhost"))
	for _, origin := range []string{"https://app.example", "capacitor://localhost"} {
		wantCORS(t, "preflight", n.preflight(t, "/api/v1/users", origin, "PUT", "authorization").Header, origin, true)
		n.drivers()[0].call(t, "RefreshToken", args{}, cookie("garbage"), fromPage(origin, "cross-site")).want(t, 401, "invalid_refresh_token")
	}
}

// TestRefusedPreflightIsLoggedOnce checks that an operator learns which flag admits a page, once for
// each origin, whatever a caller sends.
func TestRefusedPreflightIsLoggedOnce(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, allowOrigins(allowedOrigin))
	for range 3 {
		n.preflight(t, "/api/v1/users", "https://new.example", "POST", "authorization")
		n.preflight(t, "/api/v1/users", allowedOrigin, "POST", "x-tenant")
		n.preflight(t, "/api/v1/users", allowedOrigin, "POST", "traceparent")
	}
	log := n.log.String()
	for said, times := range map[string]int{`"flag":"--allowed-origins https://new.example"`: 1, `"flag":"--allowed-headers x-tenant"`: 1, "traceparent": 0} {
		if got := strings.Count(log, said); got != times {
			t.Errorf("%s is logged %d times, want %d:\n%s", said, got, times, log)
		}
	}
	secret := credential.Mint(credential.LiveKey)
	for i := range 300 {
		n.preflight(t, "/api/v1/users", "https://"+strconv.Itoa(i)+"."+secret+".example", "POST", "authorization")
	}
	if log := n.log.String(); strings.Contains(log, secret) || strings.Count(log, "--allowed-origins") > 101 {
		t.Errorf("300 origins make %d lines, with the secret %t", strings.Count(log, "--allowed-origins"), strings.Contains(log, secret))
	}
}
