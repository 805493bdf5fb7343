package scenario_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/upstream"
	"github.com/openwearables/openwearables/server"
)

// gatewayNode is a node before an upstream, with one user on both sides and who may ask.
type gatewayNode struct {
	*node
	upstream *upstream.Server
	client   *http.Client

	user, other       string // ids
	dev               string // an access token
	key               string // with every scope
	own, otherToken   string // access tokens of the users
	appID, appSecret  string
	ownRefresh, keyID string
}

// startGateway starts a node before an upstream.
func startGateway(t *testing.T, change ...func(*server.Config)) *gatewayNode {
	t.Helper()
	up := upstream.New(t)
	n := start(t, append([]func(*server.Config){unlimited, func(c *server.Config) {
		c.Upstream = server.Upstream{URL: up.URL, Key: up.Key, Email: up.Email, Password: up.Password, Streams: 30}
	}}, change...)...)
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	t.Cleanup(transport.CloseIdleConnections)
	g := &gatewayNode{node: n, upstream: up, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	d := n.drivers()[0]
	g.dev, _ = n.login(t, d)
	g.keyID, g.key = n.newKey(t, d, g.dev, nil)
	g.appID, g.appSecret = n.newApp(t, d, g.dev)
	g.user, g.other = n.newUser(t, d, g.dev), n.newUser(t, d, g.dev)
	for _, id := range []string{g.user, g.other} {
		// From now on, the node knows for a minute that the user is there, and asks no more.
		if err := n.server.Auth().Mirror.Ensure(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	g.own, g.ownRefresh = n.exchange(t, d, g.user, g.appID, g.appSecret)
	g.otherToken, _ = n.exchange(t, d, g.other, g.appID, g.appSecret)
	for _, id := range []string{g.user, g.other} { // so that the node knows that it is there
		g.ask(t, "DELETE", "/users/"+id+"/events/sleep/1", "", bearer(g.key)).want(t, 204, "")
	}
	up.Requests()
	return g
}

// forwarded is an answer to a request of whatever path.
type forwarded struct {
	Status int
	Reason string
	Header http.Header
	Body   string
}

func (f forwarded) want(t *testing.T, status int, reason string) forwarded {
	t.Helper()
	if f.Status != status || f.Reason != reason {
		t.Fatalf("answer is %d %q %s, want %d %q", f.Status, f.Reason, f.Body, status, reason)
	}
	return f
}

// ask sends a request below /api/v1, or to a path that begins with two slashes without
// the first.
func (g *gatewayNode) ask(t *testing.T, method, path, body string, o ...option) forwarded {
	t.Helper()
	r := newRequest(t, method, g.address(path), strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return g.send(t, r, o...)
}

func (g *gatewayNode) address(path string) string {
	if root, ok := strings.CutPrefix(path, "//"); ok {
		return g.url + "/" + root
	}
	return g.url + "/api/v1" + path
}

func (g *gatewayNode) send(t *testing.T, r *http.Request, o ...option) forwarded {
	t.Helper()
	for _, f := range o {
		f(r)
	}
	answer, err := g.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Reason string `json:"reason"`
	}
	if answer.StatusCode >= 400 {
		_ = json.Unmarshal(data, &said) // a body without a reason has none
	}
	return forwarded{answer.StatusCode, said.Reason, answer.Header, string(data)}
}

// last returns the one request that reached the upstream since it was asked last.
func (g *gatewayNode) last(t *testing.T) upstream.Request {
	t.Helper()
	all := g.upstream.Requests()
	if len(all) != 1 {
		t.Fatalf("%d requests reached the upstream, want 1", len(all))
	}
	return all[0]
}

// untouched fails the test if anything has reached the upstream.
func (g *gatewayNode) untouched(t *testing.T) {
	t.Helper()
	for _, r := range g.upstream.Requests() {
		t.Errorf("%s %s reached the upstream", r.Method, r.URI)
	}
}

// gatewayRoute is a line of testdata/gateway.txt.
type gatewayRoute struct{ method, path, who, scope, credential string }

func gatewayRoutes(t *testing.T) []gatewayRoute {
	t.Helper()
	data, err := os.ReadFile("testdata/gateway.txt")
	if err != nil {
		t.Fatal(err)
	}
	var routes []gatewayRoute
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		if f := strings.Fields(lines.Text()); len(f) == 5 && f[0] != "#" && !strings.HasPrefix(f[0], "#") {
			routes = append(routes, gatewayRoute{f[0], f[1], f[2], f[3], f[4]})
		}
	}
	if len(routes) < 60 {
		t.Fatalf("%d routes", len(routes))
	}
	return routes
}

// at returns the path of the route for a user.
func (r gatewayRoute) at(user string) string {
	return strings.NewReplacer("{user}", user, "{id}", "0192d3f0-0000-7000-8000-000000000001").Replace(r.path)
}

// Each route admits whom the table says and gets the credential that the other side
// needs. No token of a user reads another's data at any of them, and nothing that is
// refused is forwarded.
func TestGatewayAdmitsWhomItsTableSays(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	d := g.drivers()[0]
	_, weak := g.newKey(t, d, g.dev, args{"scopes": []any{"users:read", "users:write", "workouts:read", "workouts:write", "tokens:write", "audit:read"}})
	for _, route := range gatewayRoutes(t) {
		hasUser := strings.Contains(route.path, "{user}")
		body := ""
		if route.method != "GET" && route.method != "DELETE" {
			body = `{"provider":"apple"}`
		}
		path := route.at(g.user)
		t.Run(route.method+route.path, func(t *testing.T) {
			g.ask(t, route.method, path, body).want(t, 401, "missing_credential")
			g.ask(t, route.method, path, body, bearer("garbage")).want(t, 401, "invalid_token")
			lacks := "insufficient_scope"
			if route.who == "developer" {
				lacks = "credential_not_allowed"
			}
			g.ask(t, route.method, path, body, header("X-Open-Wearables-API-Key", weak)).want(t, 403, lacks)
			foreign := "other_user"
			if route.who == "account" || route.who == "developer" {
				foreign = "credential_not_allowed"
			}
			g.ask(t, route.method, path, body, bearer(g.otherToken)).want(t, 403, foreign)
			g.untouched(t)

			g.admits(t, route, path, body, "developer", bearer(g.dev), route.who != "upload")
			g.admits(t, route, path, body, "key", header("X-Open-Wearables-API-Key", g.key), route.who != "developer")
			g.admits(t, route, path, body, "user", bearer(g.own), route.who == "owner" || route.who == "upload")
			if hasUser {
				stranger := route.at("0192d3f0-0000-7000-8000-00000000dead")
				g.ask(t, route.method, stranger, body, bearer(g.key)).want(t, 404, "not_found")
				g.untouched(t)
			}
		})
	}
}

// admits checks that one caller is admitted to the route, or refused.
func (g *gatewayNode) admits(t *testing.T, route gatewayRoute, path, body, who string, o option, yes bool) {
	t.Helper()
	a := g.ask(t, route.method, path, body, o)
	if !yes {
		a.want(t, 403, "credential_not_allowed")
		g.untouched(t)
		return
	}
	if a.Status >= 300 {
		t.Fatalf("%s gets %d %s", who, a.Status, a.Body)
	}
	sent := g.last(t)
	key, token := sent.Header.Get("X-Open-Wearables-API-Key"), sent.Header.Get("Authorization")
	if (key == g.upstream.Key) != (route.credential == "key") || (token != "") != (route.credential == "token") || strings.Contains(token, g.dev) {
		t.Errorf("%s reaches the upstream with a key: %v, and a token: %v", who, key != "", token != "")
	}
	if strings.Contains(route.path, "/sync/") && route.who == "upload" {
		path = route.at(g.user)[:strings.Index(path, "/sync/")] + "/sync"
	}
	if sent.URI != "/api/v1"+path || sent.Method != route.method {
		t.Errorf("%s reaches the upstream as %s %s, want %s", who, sent.Method, sent.URI, path)
	}
	if body != "" && !strings.Contains(string(sent.Body), `"provider":"apple"`) {
		t.Errorf("the body arrives as %s", sent.Body)
	}
	if strings.Contains(a.Body, g.other) {
		t.Errorf("%s gets what is another user's: %s", who, a.Body)
	}
}

// What only this server may answer, and what nobody knows, is never forwarded. Of a user,
// it asks the upstream by itself.
func TestGatewayNeverForwards(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	for _, path := range []string{
		"GET /developers", "DELETE /developers/0192d3f0-0000-7000-8000-000000000001", "GET /invitations", "POST /invitation-code/redeem",
		"POST /users/{user}/invitation-code", "POST /token/refresh", "POST /token/revoke", "POST /users/{user}/token", "POST /auth/login",
		"POST /auth/logout", "GET /auth/me", "GET /developer/api-keys", "GET /applications", "POST /users/{user}/unknown",
		"GET /admin", "GET /newer/things", "PUT /users/{user}/connections", "GET /sdk/users/{user}/sync", "POST /sdk/users/{user}/else",
		"POST /oauth/providers", "GET //docs", "GET //openapi.json", "GET //api/v2/users", "GET //static", "GET /providers", "POST /users/{user}/timeseries",
	} {
		method, path, _ := strings.Cut(strings.ReplaceAll(path, "{user}", g.user), " ")
		for _, token := range []string{g.dev, g.key, g.own} {
			g.ask(t, method, path, "", bearer(token))
		}
	}
	g.untouched(t)
}

// A phone hears of its credential first, also where nothing is, and keeps its data there.
func TestGatewayTellsPhonesOfTheirCredentialFirst(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	for _, path := range []string{"/sdk/users/" + g.user + "/else", "/sdk/", "/sdk/users//sync", "/sdk/users/no-id/sync"} {
		g.ask(t, "POST", path, "{}").want(t, 401, "missing_credential")
		g.ask(t, "POST", path, "{}", bearer("garbage")).want(t, 401, "invalid_token")
		if a := g.ask(t, "POST", path, "{}", bearer(g.own)).want(t, 503, "unavailable"); a.Header.Get("Retry-After") == "" {
			t.Errorf("%s is answered with %v", path, a.Header)
		}
	}
	g.untouched(t)
}
