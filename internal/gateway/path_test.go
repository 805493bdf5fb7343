package gateway

import (
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const someone = "0192d3f0-0000-7000-8000-00000000000a"

func newTestGateway(t testing.TB, allow ...string) *Gateway {
	t.Helper()
	g, err := New(Config{Allow: allow}, Ports{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// What a caller writes, and what is forwarded for it; "" for nothing.
func TestMatch(t *testing.T) {
	g := newTestGateway(t)
	own := "/api/v1/users/" + someone
	for sent, want := range map[string]string{
		own + "/connections":  own + "/connections",
		own + "/connections/": own + "/connections",
		"/api/v1/users/" + strings.ToUpper(someone) + "/connections":             own + "/connections",
		"/api/v1/users/" + strings.ReplaceAll(someone, "-", "") + "/connections": own + "/connections",
		"/api/v1/users/%30192d3f0-0000-7000-8000-00000000000a/%63onnections":     own + "/connections",
		"/api/v1/users/{" + someone + "}/connections":                            "",
		"/api/v1/users/%7B" + someone + "%7D/connections":                        "",
		"/api/v1/users/x" + someone + "x/connections":                            "",
		"/api/v1/users/urn:uuid:" + someone + "/connections":                     "",
		"/api/v1/users%2F" + someone + "/connections":                            "",
		"/api/v1/users%2f" + someone + "%2Fconnections":                          "",
		"/api/v1/users/" + someone + "%5Cconnections":                            "",
		own + "%252Fconnections":                                                 "",
		own + "/connections%00":                                                  "",
		own + "/connections%20":                                                  "",
		own + "/connections;x":                                                   "",
		own + "//connections":                                                    "",
		own + "/./connections":                                                   "",
		own + "/%2e/connections":                                                 "",
		own + "/x/../connections":                                                "",
		own + "/connections/..%2f..":                                             "",
		own + "/connections/%2E%2E":                                              "",
		own + "/connections/.":                                                   "",
		own + "/connections//":                                                   "",
		own + "/connectionsx":                                                    "",
		own + "/Connections":                                                     "",
		"/API/v1/users/" + someone + "/connections":                              "",
		"/api/v1//users/" + someone + "/connections":                             "",
		"//api/v1/users/" + someone + "/connections":                             "",
		"/api/v1/static/a.svg":                                                   "",
		"/static/provider-icons/garmin.svg":                                      "/static/provider-icons/garmin.svg",
		"/static/../api/v1/developers":                                           "",
		"/static/%2e%2e/api/v1/developers":                                       "",
		"/static/":                                                               "",
		"/api/v1/providers/garmin/webhooks":                                      "/api/v1/providers/garmin/webhooks",
		"/api/v1/providers/garmin/webhooksubscriptions":                          "",
		"/api/v1/oauth/providers/garmin":                                         "",
		"/api/v1/users/" + someone + "/../" + someone + "/connections":           "",
		"/api/v1/users/me/connections":                                           "",
		"/api/v1/users/" + someone + "/events/workouts?user_id=x":                "",
		"/api/v1/providers/garmin/users/" + someone + "/workouts/2024-01-01T00:00:00.1Z":      "/api/v1/providers/garmin/users/" + someone + "/workouts/2024-01-01T00:00:00.1Z",
		"/api/v1/providers/garmin/users/" + someone + "/workouts/" + strings.Repeat("a", 201): "",
		"*": "", "": "", "/": "", "/api/v1": "", "%zz": "",
	} {
		m, ok := g.Match("GET", sent)
		switch {
		case want == "" && ok:
			t.Errorf("%q is forwarded to %q", sent, m.Path)
		case want != "" && !ok:
			t.Errorf("%q is not forwarded", sent)
		case ok && m.Path != want:
			t.Errorf("%q is forwarded to %q, want %q", sent, m.Path, want)
		}
	}
	for _, method := range []string{"", "get", "TRACE", "CONNECT", "OPTIONS", "PUT"} {
		if _, ok := g.Match(method, own+"/connections"); ok {
			t.Errorf("%q is forwarded", method)
		}
	}
}

// No path is of two routes, so that their order means nothing.
func TestRoutesAreApart(t *testing.T) {
	routes := newTestGateway(t).Routes()
	for i, r := range routes {
		for _, other := range routes[:i] {
			if r.Method == other.Method && overlap(r.segments, other.segments) {
				t.Errorf("%s %s and %s", r.Method, r.Path, other.Path)
			}
		}
	}
}

// Whatever is forwarded stands in the table, at a path that reads the same to everybody.
func FuzzMatch(f *testing.F) {
	g := newTestGateway(f, "GET /api/v1/newer/{id}/things")
	for _, path := range []string{
		"/api/v1/users/" + someone + "/connections", "/api/v1/users%2F" + someone + "%2Fconnections", "/static/a/../b", "/static/%2e%2e/b",
		"/api/v1/users/{" + someone + "}/timeseries", "/api/v1/newer/%2e/things", "/api/v1/sdk/users/" + someone + "/sync/apple/",
		"/api/v1/oauth/providers/%00", "/api/v1/users/%C2%AD/timeseries", "//", "/%", "/api/v1/providers/..;/users/" + someone + "/workouts",
	} {
		f.Add("GET", path)
		f.Add("POST", path)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		m, ok := g.Match(method, path)
		if !ok {
			return
		}
		if strings.ContainsAny(m.Path, "%\\;?#{}\x00 ") || strings.Contains(m.Path, "//") || strings.HasSuffix(m.Path, "/") {
			t.Fatalf("%q is forwarded to %q", path, m.Path)
		}
		segments := split(m.Path)
		if slices.Contains(segments, ".") || slices.Contains(segments, "..") {
			t.Fatalf("%q is forwarded to %q", path, m.Path)
		}
		if !overlap(segments, m.Route.target) {
			t.Fatalf("%q is forwarded to %q, which %s is not", path, m.Path, m.Route.Path)
		}
		if parsed, err := url.Parse(m.Path); err != nil || parsed.EscapedPath() != m.Path {
			t.Fatalf("%q is forwarded to %q, which another reads as %v", path, m.Path, parsed)
		}
		for _, route := range g.Routes() {
			if again, ok := route.match(segments); ok && again.User != m.User {
				t.Fatalf("%q names %q here and %q there", path, m.User, again.User)
			}
		}
		if m.Route.HasUser() != (m.User != "") || m.User != "" && !slices.Contains(segments, m.User) {
			t.Fatalf("%q is forwarded to %q for the user %q", path, m.Path, m.User)
		}
	})
}
