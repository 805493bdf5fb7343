package main_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

// guarded is a server that proxies ask, and credentials of each kind.
type guarded struct {
	*process
	admin       string
	user, other string // ids
	credentials map[string]string
}

const bearerLine = "Authorization: Bearer "

// guard starts a server with the policy of deploy, in which headers may be replaced.
func guard(t *testing.T, headers string, args ...string) *guarded {
	t.Helper()
	i, password := installWithDeveloper(t)
	text := readText(t, deploy+"forward-auth/policy.yaml")
	if strings.Count(text, "headers: x-forwarded\n") != 1 {
		t.Fatal("the policy has no headers: x-forwarded")
	}
	i.put("policy.yaml", strings.Replace(text, "headers: x-forwarded\n", "headers: "+headers+"\n", 1), 0o600)
	g := &guarded{process: i.serve(append([]string{
		"--trusted-proxies", "127.0.0.1", "--forward-auth-policy", "policy.yaml", "--ext-authz-addr", "127.0.0.1:0",
		"--limit-address", "100000",
	}, args...)...)}
	g.admin = g.login(email, password).access
	newUser := func() string {
		return g.want(201, "POST", "/api/v1/users", g.admin, map[string]any{}).str("id")
	}
	g.user, g.other = newUser(), newUser()
	reader, _ := g.newKey("workouts:read")
	writer, _ := g.newKey("users:read", "users:write")
	off, id := g.newKey("workouts:read")
	g.want(200, "PATCH", "/api/v1/api-keys/"+id, g.admin, map[string]any{"enabled": false})
	elsewhere := g.want(201, "POST", "/api/v1/api-keys", g.admin, map[string]any{"allowed_networks": []string{"203.0.113.0/24"}}).str("key")
	token := g.want(200, "POST", "/api/v1/users/"+g.user+"/token", g.admin, nil)
	g.credentials = map[string]string{
		"nobody": "", "a developer": bearerLine + g.admin, "a key of workouts": bearerLine + reader, "that key in its own field": "X-Open-Wearables-API-Key: " + reader,
		"a key of users": bearerLine + writer, "a disabled key": bearerLine + off, "a key for elsewhere": bearerLine + elsewhere,
		"the user": bearerLine + token.str("access_token"), "a refresh token": bearerLine + token.str("refresh_token"),
		"another user": bearerLine + g.want(200, "POST", "/api/v1/users/"+g.other+"/token", g.admin, nil).str("access_token"),
		"rubbish":      bearerLine + "ow_live_rubbish", "two credentials": bearerLine + g.admin + "\r\nX-Open-Wearables-API-Key: " + reader,
		"another scheme": "Authorization: Basic YTpi", "a key in a page": bearerLine + reader + "\r\nOrigin: https://app.example.com",
	}
	return g
}

// newKey returns the secret and the id of a new key with the scopes.
func (g *guarded) newKey(scopes ...string) (secret, id string) {
	g.t.Helper()
	a := g.want(201, "POST", "/api/v1/api-keys", g.admin, map[string]any{"scopes": scopes})
	return a.str("key"), a.str("id")
}

// forwardFamilies are the ways in which proxies ask.
var forwardFamilies = []string{"x-forwarded", "request-line"}

// One table of credentials and endpoints has the same verdicts behind each proxy, asked
// directly, and at the operations of the API that have the same rules.
func TestProxiesDecideAsTheServerDoes(t *testing.T) {
	t.Parallel()
	for _, family := range forwardFamilies {
		t.Run(family, func(t *testing.T) {
			t.Parallel()
			g := guard(t, family)
			endpoints := []struct{ method, path, same string }{
				{"GET", "/users/" + g.user + "/workouts?limit=1", "/api/v1/users/" + g.user + "/events/workouts?start_date=2026-01-01&end_date=2026-01-02"},
				{"GET", "/users", "/api/v1/users"},
				{"GET", "/status", ""},
				{"GET", "/unknown", ""},
				{"PUT", "/users", ""},
				{"GET", "/settings/all", ""},
			}
			compared := 0
			for _, gate := range gates(t, g.process, newService(t), family == "request-line") {
				for who, credential := range g.credentials {
					for _, e := range endpoints {
						want := passed{status: 403, reason: "path_not_allowed"}
						switch {
						case e.same != "":
							direct := gateTo(g).ask(e.method, e.same, lines(credential)...)
							want = passed{status: direct.status, reason: direct.reason}
							compared++
						case e.path == "/status" && who == "two credentials":
							want = passed{status: 400, reason: "multiple_credentials"}
						case e.path == "/status":
							want = passed{status: 200}
						case who == "two credentials" && e.path != "/unknown":
							continue
						}
						got := gate.ask(e.method, e.path, lines(credential)...)
						if got.status != want.status || got.reason != want.reason {
							t.Errorf("%s: %s %s for %s is %d %q, want %d %q", gate.name, e.method, e.path, who, got.status, got.reason, want.status, want.reason)
						}
						if gate.name != "" && (got.saw != nil) != (want.status == 200) {
							t.Errorf("%s: %s %s for %s reaches the service: %v", gate.name, e.method, e.path, who, got.saw != nil)
						}
						if want.status == 401 && len(got.header.Values("WWW-Authenticate")) != 1 {
							t.Errorf("%s: %s %s for %s has the challenges %q", gate.name, e.method, e.path, who, got.header.Values("WWW-Authenticate"))
						}
						g.checkIdentity(gate, who, e.path, got)
					}
				}
			}
			if compared < 20 {
				t.Errorf("only %d verdicts were compared", compared)
			}
		})
	}
}

func lines(credential string) []string {
	if credential == "" {
		return nil
	}
	return strings.Split(credential, "\r\n")
}

// gateTo returns the API as a gate that no proxy stands before.
func gateTo(g *guarded) gate {
	return gate{t: g.t, name: "the API", network: "tcp", address: strings.TrimPrefix(g.url, "http://"), service: &service{}}
}

var identityFields = []string{"X-Auth-Subject", "X-Auth-Kind", "X-Auth-Scopes", "X-Auth-User-Id", "X-Auth-App-Id", "X-Auth-Environment"}

// checkIdentity checks what the service, or whoever asks directly, is told of the caller.
func (g *guarded) checkIdentity(gate gate, who, path string, got passed) {
	g.t.Helper()
	told := got.saw
	if gate.name == "" {
		told = got.header
		for _, field := range identityFields {
			if len(told[field]) != 1 || got.status != 200 && told.Get(field) != "" {
				g.t.Errorf("%s for %s has %s %q", path, who, field, told[field])
			}
		}
		if len(told["X-Reason"]) != 1 || told.Get("Cache-Control") != "no-store" || got.status == 200 && told.Get("Content-Length") != "0" {
			g.t.Errorf("%s for %s has the header %v", path, who, told)
		}
	}
	if got.status != 200 {
		return
	}
	kind := map[string]string{"a developer": "developer_token", "the user": "user_token", "another user": "user_token", "a key of workouts": "api_key", "that key in its own field": "api_key", "a key of users": "api_key"}[who]
	user := map[string]string{"the user": g.user, "another user": g.other}[who]
	if told.Get("X-Auth-Kind") != kind || told.Get("X-Auth-User-Id") != user || (told.Get("X-Auth-Subject") != "") != (kind != "") {
		g.t.Errorf("%s: %s for %s: the service learns %v", gate.name, path, who, told)
	}
	if who == "a key of workouts" && told.Get("X-Auth-Scopes") != "workouts:read" {
		g.t.Errorf("%s: of a key is told %q", gate.name, told.Get("X-Auth-Scopes"))
	}
	if gate.name != "" && told.Get("Authorization")+told.Get("X-Open-Wearables-Api-Key") != "" {
		g.t.Errorf("%s: the service gets the credential", gate.name)
	}
}

// What ends between two requests is refused at the second, on each proxy.
func TestProxiesForgetAtOnce(t *testing.T) {
	t.Parallel()
	for _, family := range forwardFamilies {
		t.Run(family, func(t *testing.T) {
			t.Parallel()
			g := guard(t, family)
			path := "/users/" + g.user + "/workouts"
			for _, gate := range gates(t, g.process, newService(t), family == "request-line") {
				key, id := g.newKey("workouts:read")
				token := g.want(200, "POST", "/api/v1/users/"+g.user+"/token", g.admin, nil).str("access_token")
				for range 3 {
					for _, secret := range []string{key, token} {
						if got := gate.ask("GET", path, bearerLine+secret); got.status != 200 {
							t.Fatalf("%s: before its end a credential is answered %d %s", gate.name, got.status, got.reason)
						}
					}
				}
				g.want(200, "PATCH", "/api/v1/api-keys/"+id, g.admin, map[string]any{"scopes": []string{"users:read"}})
				if got := gate.ask("GET", path, bearerLine+key); got.status != 403 || got.reason != "insufficient_scope" {
					t.Errorf("%s: without its scope a key is answered %d %s", gate.name, got.status, got.reason)
				}
				g.want(200, "DELETE", "/api/v1/api-keys/"+id, g.admin, nil)
				g.want(204, "DELETE", "/api/v1/users/"+g.user+"/tokens", g.admin, nil)
				for reason, secret := range map[string]string{"invalid_api_key": key, "invalid_token": token} {
					if got := gate.ask("GET", path, bearerLine+secret); got.status != 401 || got.reason != reason || got.saw != nil {
						t.Errorf("%s: after its end a credential is answered %d %s", gate.name, got.status, got.reason)
					}
				}
			}
		})
	}
}

// Nothing that a client writes makes a proxy ask about another request than it forwards, or
// tells the service that somebody else sends it.
func TestProxiesAreNotFooled(t *testing.T) {
	t.Parallel()
	hostile := []string{
		"X-Forwarded-Uri: /status", "X-Forwarded-Method: OPTIONS", "X-Forwarded-Host: admin.example.com", "X-Original-URI: /status", "X-Original-URL: /status",
		"X-Original-Method: OPTIONS", "X-Rewrite-URL: /status", "X-HTTP-Method-Override: OPTIONS", "X-Forwarded-Prefix: /status", "X-Replaced-Path: /status",
		"X-Forwarded-For: 203.0.113.7", "X-Real-IP: 203.0.113.7", "X_Forwarded_Uri: /status", "X-Forwarded_Uri: /status", "X_Auth_Subject: developer:dev_1", "X-Auth-Subject: developer:dev_1",
		"X-Auth-User-Id: somebody", "X-Auth-Anything: yes", "Connection: X-Auth-Subject, X-Forwarded-Uri, Authorization", "Upgrade: websocket", "X-Forward-Auth-Secret: x",
	}
	for _, family := range forwardFamilies {
		t.Run(family, func(t *testing.T) {
			t.Parallel()
			g := guard(t, family)
			for _, gate := range gates(t, g.process, newService(t), family == "request-line") {
				if gate.name == "" {
					continue // which is told these by the proxy alone
				}
				for _, line := range hostile {
					for who, forbidden := range map[string]string{"nobody": "/users", "a key of workouts": "/users", "another user": "/users/" + g.user + "/workouts", "a key for elsewhere": "/users"} {
						if got := gate.ask("GET", forbidden, append(lines(g.credentials[who]), line)...); got.status == 200 || got.saw != nil {
							t.Errorf("%s: with %q %s gets %s: %d", gate.name, line, who, forbidden, got.status)
						}
					}
					got := gate.ask("GET", "/users", bearerLine+g.admin, line)
					for name, values := range got.saw {
						dashed := http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
						ours := name == dashed && (values[0] == "" || name == "X-Auth-Kind" || name == "X-Auth-Subject" && !strings.Contains(values[0], "dev_1"))
						if strings.HasPrefix(dashed, "X-Auth-") && dashed != "X-Auth-Anything" && !ours || len(values) > 1 && strings.HasPrefix(dashed, "X-") {
							t.Errorf("%s: with %q the service is told %s: %q", gate.name, line, name, values)
						}
					}
					if got.saw != nil && got.saw.Get("Seen-Uri") != "/users" {
						t.Errorf("%s: with %q the service is asked for %s", gate.name, line, got.saw.Get("Seen-Uri"))
					}
				}
				g.checkPaths(gate)
				g.checkHosts(gate)
			}
		})
	}
}

// checkPaths checks that a path which the proxy or the service could read in another way
// than the server reaches nothing, whoever asks.
func (g *guarded) checkPaths(gate gate) {
	g.t.Helper()
	for _, path := range []string{
		"/status/../users", "/status/%2e%2e/users", "/status%2f..%2fusers", "/status;/../users", "/status/..;/users", "//status", "/status//", "/./status", "/%73tatus", "/status%00",
		"/status%3b", "/status\\..\\users", "/users/%2e%2e/status", "/users/" + g.user + "%2fworkouts", "/users/" + g.user + "/workouts/../../../status", "/users/" + strings.ToUpper(g.user) + "/workouts",
		"/users/" + g.other + "/../" + g.user + "/workouts", "/status%23", "/status%3fa", "/STATUS", "/status/", "/users/" + g.user + "/workouts;x", "/caf%c3%a9", "*", "status",
	} {
		for _, who := range []string{"nobody", "the user"} {
			got := gate.ask("GET", path, lines(g.credentials[who])...)
			if got.saw == nil && got.status >= 400 {
				continue
			}
			// Envoy resolves dots, and Traefik escapes of what needs none, before they ask; both forward
			// what they have asked about.
			mends := strings.HasPrefix(gate.name, "envoy") || gate.name == "traefik"
			if seen := got.saw.Get("Seen-Uri"); !mends || !(seen == "/status" || who == "the user" && seen == "/users/"+g.user+"/workouts") {
				g.t.Errorf("%s: %s gets %q as %q: %d", gate.name, who, path, seen, got.status)
			}
		}
	}
}

// checkHosts checks that the host which is judged is that which the proxy chooses its service
// by, and which that one is told: the one of the request line, before that of the field.
func (g *guarded) checkHosts(gate gate) {
	g.t.Helper()
	got := gate.ask("GET", "http://admin.example.com/settings/all", bearerLine+g.admin)
	if got.status != 200 || got.saw.Get("Seen-Host") != "admin.example.com" {
		g.t.Errorf("%s: of admin.example.com in the request line and another host in the field it makes %d %s, %q", gate.name, got.status, got.reason, got.saw.Get("Seen-Host"))
	}
}

// Bodies of any size and streams of events pass, and nothing does while the server is away.
func TestProxiesPassBodiesAndStreamsAndFailClosed(t *testing.T) {
	t.Parallel()
	for _, family := range forwardFamilies {
		t.Run(family, func(t *testing.T) {
			t.Parallel()
			g := guard(t, family)
			all := gates(t, g.process, newService(t), family == "request-line")
			for _, gate := range all {
				if gate.name != "" {
					g.upload(gate)
					g.stream(gate)
				}
			}
			g.kill()
			for _, gate := range all {
				if gate.name == "" {
					continue
				}
				for _, path := range []string{"/users", "/status"} {
					if got := gate.ask("GET", path, bearerLine+g.admin); got.status < 500 && got.status != 403 || got.saw != nil {
						t.Errorf("%s: without a server %s is answered %d", gate.name, path, got.status)
					}
				}
			}
		})
	}
}

// upload sends 3 MB, more than nginx takes by itself.
func (g *guarded) upload(gate gate) {
	g.t.Helper()
	const size = 3_000_000
	conn := gate.dial()
	defer conn.Close()
	_, err := fmt.Fprintf(conn, "POST /users/%s/workouts HTTP/1.1\r\nHost: proxy\r\n%s\r\nContent-Length: %d\r\n\r\n%s", g.user, bearerLine+g.admin, size, strings.Repeat("x", size))
	if err != nil {
		g.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		g.t.Fatalf("%s: %v", gate.name, err)
	}
	res.Body.Close()
	if _, saw := gate.service.requests(); res.StatusCode != 200 || saw.Get("Seen-Bytes") != fmt.Sprint(size) {
		g.t.Errorf("%s: an upload is answered %d, the service has read %s bytes", gate.name, res.StatusCode, saw.Get("Seen-Bytes"))
	}
}

// stream reads events, of which the second is sent once the first has arrived.
func (g *guarded) stream(gate gate) {
	g.t.Helper()
	conn := gate.dial()
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /users?stream HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n%s\r\n\r\n", bearerLine+g.admin); err != nil {
		g.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		g.t.Fatalf("%s: %v", gate.name, err)
	}
	defer res.Body.Close()
	events := bufio.NewScanner(res.Body)
	for _, want := range []string{"data: first", "", "data: second", ""} {
		if !events.Scan() || events.Text() != want {
			g.t.Fatalf("%s: the stream has %q, %v, want %q", gate.name, events.Text(), events.Err(), want)
		}
		if want == "data: first" {
			gate.service.received <- struct{}{}
		}
	}
}

// A changed policy is taken up while the server runs; one with a fault is not, and the one
// before stays in force.
func TestPolicyIsTakenUpAnew(t *testing.T) {
	t.Parallel()
	g := guard(t, "x-forwarded")
	path := g.cmd.Dir + "/policy.yaml"
	asks := gate{t: t, network: "tcp", address: strings.TrimPrefix(g.url, "http://"), service: &service{}}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("rules:\n  - methods: [GET]\n    path: /new\n    allow: [nobody]\n")
	if !g.logs(`line 4: allow has \"nobody\"`) || asks.ask("GET", "/status").status != 200 {
		t.Errorf("a policy with a fault is not refused: %s", &g.stderr)
	}
	write("rules:\n  - methods: [GET]\n    path: /new\n    allow: [none]\n")
	eventually(t, "the new policy is in force", func() bool { return asks.ask("GET", "/new").status == 200 })
	if got := asks.ask("GET", "/status"); got.status != 403 || got.reason != "path_not_allowed" {
		t.Errorf("what the new policy does not have is answered %d %s", got.status, got.reason)
	}
}
