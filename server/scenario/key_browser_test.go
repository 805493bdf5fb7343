package scenario_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// sends adds headers by name and value.
func sends(pairs ...string) option {
	return func(r *http.Request) {
		for i := 0; i < len(pairs); i += 2 {
			r.Header.Set(pairs[i], pairs[i+1])
		}
	}
}

// pages send what a browser adds to a request of a script, by what the page is.
var pages = map[string]option{
	"another site":                sends("Origin", allowedOrigin, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"),
	"the same site":               sends("Origin", allowedOrigin, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"),
	"this origin, reading":        sends("Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"),
	"this origin, mode":           sends("Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "same-origin"),
	"no-cors":                     sends("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"),
	"without TLS":                 sends("Origin", "http://intranet"),
	"an old browser":              sends("Origin", allowedOrigin),
	"a sandboxed frame or a file": sends("Origin", "null", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"),
}

// programs send what clients outside of pages are known to add.
var programs = map[string]option{
	"curl and Go":             sends(),
	"Node, Electron's too":    sends("Sec-Fetch-Mode", "cors", "Accept-Language", "*", "User-Agent", "node"),
	"Electron's net":          sends("Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "empty"),
	"a page of an app":        sends("Origin", "capacitor://localhost", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"),
	"a file in Electron":      sends("Origin", "file://", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"),
	"an extension":            sends("Origin", "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "Sec-Fetch-Site", "none"),
	"an empty header":         sends("Origin", "", "Sec-Fetch-Site", ""),
	"Deno, Bun, React Native": sends("Accept", "*/*", "Accept-Language", "*"),
}

// TestKeysAreRefusedToPages checks that the secrets of servers are refused to pages, and to nobody else,
// in words that a page can read, and that pages may use whatever else there is.
func TestKeysAreRefusedToPages(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin := n.admin(t, d)
		user := n.newUser(t, d, admin)
		app, appSecret := n.newApp(t, d, admin)
		exchange := args{"user_id": user, "app_id": app, "app_secret": appSecret}
		id, secret := n.newKey(t, d, admin, args{"allowed_networks": []string{"127.0.0.1"}})
		access, _ := n.exchange(t, d, user, app, appSecret)
		for name, program := range programs {
			t.Run(name, func(t *testing.T) {
				d.call(t, "ListUsers", nil, bearer(secret), program).want(t, 200, "")
				d.call(t, "CreateUserToken", exchange, program).want(t, 200, "")
			})
		}
		for name, page := range pages {
			t.Run(name, func(t *testing.T) {
				a := d.call(t, "ListUsers", nil, bearer(secret), page).want(t, 403, "key_in_browser")
				if !strings.Contains(a.Detail, "backend") || !strings.Contains(a.Detail, "CreateUserToken") || !strings.HasPrefix(a.Header.Get("RateLimit-Policy"), `"address"`) {
					t.Errorf("%s, limit %q", a.Detail, a.Header.Get("RateLimit-Policy"))
				}
				d.call(t, "ListUsers", nil, header("X-Open-Wearables-API-Key", secret), page).want(t, 403, "key_in_browser")
				d.call(t, "CreateUserToken", args{"user_id": user}, bearer(secret), page).want(t, 403, "key_in_browser")
				a = d.call(t, "CreateUserToken", exchange, page).want(t, 403, "key_in_browser")
				if !strings.Contains(a.Detail, "secret of an application") {
					t.Error(a.Detail)
				}
				d.call(t, "GetUser", args{"id": user}, bearer(access), page).want(t, 200, "")
				d.call(t, "ListUsers", nil, bearer(admin), page).want(t, 200, "")
				d.call(t, "CreateUserToken", args{"user_id": user}, bearer(admin), page).want(t, 200, "")
				d.call(t, "ListUsers", nil, bearer(secret[:len(secret)-1]+"?"), page).want(t, 401, "invalid_api_key")
				d.call(t, "CreateUserToken", withMembers(exchange, args{"app_secret": appSecret[:len(appSecret)-1] + "?"}), page).want(t, 401, "invalid_app_credentials")
			})
		}
		a := d.call(t, "ListUsers", nil, bearer(secret), pages["another site"]).want(t, 403, "key_in_browser")
		wantCORS(t, "refusal", a.Header, allowedOrigin, true)
		n.wantBrowserRows(t, auditRow{action: "key.use", actor: "key:" + id, subject: "key:" + id}, auditRow{action: "token.mint", actor: "anonymous", subject: "application:" + app})
		usage := usageOf(t, d, "GetKeyUsage", args{"id": id}, float64(len(programs)+3*len(pages)+1), bearer(admin)).named("operations", "operation")
		wantNamed(t, "operations", usage, map[string][4]float64{
			"ListUsers": {float64(len(programs) + 2*len(pages) + 1), float64(2*len(pages) + 1), 0, 0}, "CreateUserToken": {float64(len(pages)), float64(len(pages))},
		})
		usage = usageOf(t, d, "GetApplicationUsage", args{"app_id": app}, float64(1+len(programs)+2*len(pages)), bearer(admin)).named("operations", "operation")
		wantNamed(t, "operations", usage, map[string][4]float64{
			"GetUser": {float64(len(pages))}, "CreateUserToken": {float64(1 + len(programs) + len(pages)), float64(len(pages))},
		})
		d.call(t, "ReportCredential", args{"credential": secret}, pages["another site"]).want(t, 204, "") // a page of those who find keys
		d.call(t, "ListUsers", nil, bearer(secret), pages["another site"]).want(t, 401, "invalid_api_key")
	}, unlimited, allowOrigins(allowedOrigin))
}

// wantBrowserRows fails the test unless the rows about secrets in pages are of these kinds, each of which
// there is.
func (n *node) wantBrowserRows(t *testing.T, kinds ...auditRow) {
	t.Helper()
	var got []auditRow
	for _, r := range n.auditRowsWith(t, "key_in_browser") {
		if kind := (auditRow{action: r.action, actor: r.actor, subject: r.subject}); !slices.Contains(got, kind) {
			got = append(got, kind)
		}
	}
	if len(got) != len(kinds) || slices.ContainsFunc(kinds, func(k auditRow) bool { return !slices.Contains(got, k) }) {
		t.Errorf("audited are %v, want %v", got, kinds)
	}
}

// TestKeysInPagesCanBeAllowed checks the setting that admits keys to pages, and that the audit trail
// tells of them: with one row an hour for each.
func TestKeysInPagesCanBeAllowed(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin := n.admin(t, d)
		user := n.newUser(t, d, admin)
		app, appSecret := n.newApp(t, d, admin)
		id, secret := n.newKey(t, d, admin, args{"allowed_networks": []string{"127.0.0.1"}})
		use := func() {
			for _, page := range pages {
				d.call(t, "ListUsers", nil, bearer(secret), page).want(t, 200, "")
				d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": appSecret}, page).want(t, 200, "")
			}
			d.call(t, "ListUsers", nil, bearer(secret)).want(t, 200, "")
		}
		wantRows := func(want int) {
			t.Helper()
			var rows []auditRow
			for end := time.Now().Add(20 * time.Second); len(rows) < want && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				rows = n.auditRowsWith(t, "key_in_browser")
			}
			if len(rows) != want {
				t.Errorf("audited are %v, want %d rows", rows, want)
			}
		}
		n.clock.advance(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour + time.Minute))) // no hour ends while it runs
		use()
		use()
		wantRows(2)
		n.clock.advance(time.Hour)
		use()
		wantRows(4)
		n.wantBrowserRows(t, auditRow{action: "key.use", actor: "key:" + id, subject: "key:" + id}, auditRow{action: "token.mint", actor: "application:" + app, subject: "application:" + app})
		d.call(t, "UpdateKey", args{"id": id, "allowed_networks": []string{"192.0.2.1"}}, bearer(n.admin(t, d))).want(t, 200, "")
		d.call(t, "ListUsers", nil, bearer(secret), pages["another site"]).want(t, 403, "network_not_allowed")
	}, unlimited, allowOrigins(allowedOrigin), func(c *server.Config) { c.Auth.KeysInBrowsers = true })
}
