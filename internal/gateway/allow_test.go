package gateway

import (
	"strings"
	"testing"
)

// What an operator may open, and what stays closed whatever is set.
func TestAllow(t *testing.T) {
	for entry, refused := range map[string]string{
		"GET /api/v1/newer/{id}/things":           "",
		"POST /api/v1/users/{user_id}/novelties":  "",
		" PUT  /api/v1/settings/other ":           "",
		"GET /api/v1/users/{user_id}/connections": "forwarded already",
		"GET /api/v1/users/{x}/connections":       "must name whose data it is",
		"GET /api/v1/users/{id}/novelties":        "must name whose data it is",
		"GET /api/v1/things/users/{id}/novelties": "must name whose data it is",
		"GET /api/v1/things/users/{user_id}/new":  "",
		"GET /api/v1/{a}/{b}/connections":         "must begin with a word",
		"GET /api/v1/developers":                  "never forwarded",
		"GET /api/v1/developers/{id}":             "never forwarded",
		"POST /api/v1/invitations":                "never forwarded",
		"POST /api/v1/invitation-code/redeem":     "never forwarded",
		"POST /api/v1/token/refresh":              "never forwarded",
		"POST /api/v1/auth/login":                 "never forwarded",
		"POST /api/v1/users/{user_id}/token":      "never forwarded",
		"POST /api/v1/users/{user_id}/{what}":     "never forwarded",
		"GET /api/v1/users":                       "never forwarded",
		"DELETE /api/v1/users/{user_id}":          "never forwarded",
		"GET /api/v2/newer":                       "must be METHOD /api/v1/path/{value}",
		"GET /metrics":                            "must be METHOD /api/v1/path/{value}",
		"GET":                                     "must be METHOD /api/v1/path/{value}",
		"FETCH /api/v1/newer":                     "with one of the methods",
		"GET /api/v1/newer/../developers":         "a segment is letters",
		"GET /api/v1/newer/":                      "a segment is letters",
		"GET /api/v1/newer/%2e":                   "a segment is letters",
		"GET /api/v1/newer/{}":                    "a segment is letters",
		"GET /api/v1/newer/{path...}":             "a segment is letters",
	} {
		err := (&Config{Allow: []string{entry}}).Check()
		switch {
		case refused == "" && err != nil:
			t.Errorf("%s: %v", entry, err)
		case refused != "" && (err == nil || !strings.Contains(err.Error(), refused)):
			t.Errorf("%s: %v, want %q", entry, err, refused)
		}
	}
	g := newTestGateway(t, "GET /api/v1/newer/{id}/things")
	if m, ok := g.Match("GET", "/api/v1/newer/a.b/things"); !ok || m.Path != "/api/v1/newer/a.b/things" || m.Route.who != developers {
		t.Errorf("an allowed path is forwarded as %+v", m)
	}
	if (&Config{Allow: []string{"GET /api/v1/a/{x}", "GET /api/v1/a/b"}}).Check() == nil {
		t.Error("two entries for one path are allowed")
	}
}
