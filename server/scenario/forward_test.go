package scenario_test

import (
	"crypto/rand"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// forwarding serves /forward-auth with a policy. Proxies on this machine may ask, if trusted.
func forwarding(t *testing.T, policy string, trusted bool) func(*server.Config) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *server.Config) {
		c.ForwardAuthPolicy = path
		if trusted {
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}
	}
}

// asked sends what a proxy asks about a request.
func (n *node) asked(t *testing.T, method, uri string, status int, reason string, o ...option) answer {
	t.Helper()
	return n.wantRaw(t, "GET", "/forward-auth", "", "", status, reason,
		append([]option{header("X-Forwarded-Method", method), header("X-Forwarded-Uri", uri), header("X-Forwarded-Host", "example.com")}, o...)...)
}

const forwardPolicy = `
rules:
  - {methods: [GET], path: /spent, allow: [key]}
  - {methods: [GET], path: /free, allow: [key], spend: false}
  - {methods: [GET], path: /open, allow: [none]}
  - {methods: [GET], path: /open/free, allow: [none], spend: false}
  - {methods: [OPTIONS], path: /spent, allow: [none], spend: false}
`

// TestForwardedRequestsSpendLimits checks that a request counts where the rule says so, for the
// credential or else the address, and that what is over the limit is refused until the window ends.
func TestForwardedRequestsSpendLimits(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, forwarding(t, forwardPolicy, true), func(c *server.Config) {
		c.Auth.Limits.Key.Limit, c.Auth.Limits.Address.Limit = 3, 3
	})
	admin, _ := n.login(t, restDriver{n})
	_, key := n.newKey(t, restDriver{n}, admin, args{})
	client := header("X-Forwarded-For", "203.0.113.7")
	for range 5 {
		n.asked(t, "GET", "/free", 200, "", bearer(key), client)
		n.asked(t, "GET", "/open/free", 200, "", client)
		n.asked(t, "OPTIONS", "/spent", 200, "", client)
	}
	for range 3 {
		n.asked(t, "GET", "/spent", 200, "", bearer(key), client)
		n.asked(t, "GET", "/open", 200, "", client)
	}
	for _, path := range []string{"/spent", "/free"} {
		if a := n.asked(t, "GET", path, 429, "rate_limited", bearer(key), client); a.Header.Get("X-Reason") != "rate_limited" || a.Header.Get("X-Auth-Subject") != "" {
			t.Errorf("a refusal has the header %v", a.Header)
		}
	}
	for path, o := range map[string][]option{"/open": nil, "/spent": nil, "/nowhere": nil, "/spent/": {bearer(key)}, "/spent/.": {bearer(key)}} {
		n.asked(t, "GET", path, 429, "rate_limited", append(o, client)...)
	}
	n.asked(t, "GET", "/open", 200, "", header("X-Forwarded-For", "203.0.113.8"))
	n.asked(t, "OPTIONS", "/free", 403, "path_not_allowed", header("X-Forwarded-For", "203.0.113.8"))
	n.clock.advance(time.Minute)
	n.asked(t, "GET", "/spent", 200, "", bearer(key), client)
}

// TestForwardedRequestsAreOneRequest checks that whatever could name another request than the proxy
// forwards is refused, and that a request to become a websocket is only asked about.
func TestForwardedRequestsAreOneRequest(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, forwarding(t, forwardPolicy, true))
	twice := func(name, value string) option { return func(r *http.Request) { r.Header.Add(name, value) } }
	for _, o := range []option{
		twice("X-Forwarded-Uri", "/spent"), twice("X-Forwarded-Method", "GET"), twice("X-Forwarded-Host", "example.org"), header("X-Forwarded-Host", "a, b"), header("X-Forwarded-Host", "example.com."),
		header("X-Original-Uri", "/open"), header("X-Original-Url", "/open"), header("X-Original-Method", "GET"), header("X-Http-Method-Override", "POST"),
		header("X-Rewrite-Url", "/"), header("X-Forwarded_uri", "/open"), header("X_forwarded_method", "GET"), header("X_auth_subject", "key:x"), header("X_real_ip", "::1"),
		header("X-Open_wearables_api_key", "x"), header("X-Forwarded-Uri", ""), header("X-Forwarded-Method", ""),
	} {
		n.asked(t, "GET", "/open", 400, "ambiguous_request", o)
	}
	for _, uri := range []string{"//open", "/open/../spent", "/op%65n", "/open;x", "open", "http://example.com/open", "/open%2Ffree", `/open\`} {
		n.asked(t, "GET", uri, 400, "malformed_path")
	}
	n.asked(t, "get", "/open", 403, "path_not_allowed")
	n.wantRaw(t, "GET", "/forward-auth/open", "", "", 404, "not_found") // the other family
	n.wantRaw(t, "POST", "/forward-auth", "", "", 404, "not_found")
	if a := n.asked(t, "GET", "/open", 200, "", header("Connection", "Upgrade"), header("Upgrade", "websocket"), header("Sec-Websocket-Version", "13")); a.Header.Get("Upgrade") != "" {
		t.Errorf("an upgrade is answered %v", a.Header)
	}
}

// TestOnlyProxiesMayAsk checks that nobody asks who is neither at a trusted address nor has the secret,
// whatever credential it holds.
func TestOnlyProxiesMayAsk(t *testing.T) {
	t.Parallel()
	secret := rand.Text() + rand.Text()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := start(t, unlimited, forwarding(t, "secret_file: "+path+forwardPolicy, true))
	admin, _ := n.login(t, restDriver{n})
	for _, o := range [][]option{
		nil,
		{bearer(admin)},
		{header("X-Forward-Auth-Secret", "")},
		{header("X-Forward-Auth-Secret", secret[1:])},
		{header("X-Forward-Auth-Secret", secret), func(r *http.Request) { r.Header.Add("X-Forward-Auth-Secret", secret) }},
	} {
		n.asked(t, "GET", "/open", 403, "proxy_not_trusted", o...)
	}
	n.asked(t, "GET", "/open", 200, "", header("X-Forward-Auth-Secret", secret))

	elsewhere := start(t, unlimited, forwarding(t, forwardPolicy, false), func(c *server.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}
	})
	elsewhere.asked(t, "GET", "/open", 403, "proxy_not_trusted")
	elsewhere.asked(t, "GET", "/open", 403, "proxy_not_trusted", header("X-Forwarded-For", "203.0.113.7"))
}
