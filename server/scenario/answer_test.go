package scenario_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestAnswersRunNothing checks that a browser does nothing with an answer of the API but
// read it: it is of the type that it says, is not cached, runs nothing, loads nothing, is
// framed by nobody, and sends no address on.
func TestAnswersRunNothing(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	admin, _ := n.login(t, n.drivers()[0])
	for _, c := range []struct {
		method, path, credential string
		status                   int
	}{
		{"GET", "/api/v1/users", admin, 200},
		{"GET", "/api/v1/auth/me", admin, 200},
		{"GET", "/api/v1/users", "", 401},
		{"GET", "/api/v1/nowhere", "", 404},
		{"PUT", "/api/v1/users", "", 405},
		{"POST", "/openwearables.v1.UserService/ListUsers", "", 401},
		{"GET", "/livez", "", 200},
		{"GET", "/readyz", "", 200},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, n.url+c.path, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		if c.credential != "" {
			r.Header.Set("Authorization", "Bearer "+c.credential)
		}
		if c.method == "POST" {
			r.Header.Set("Content-Type", "application/json")
		}
		res, _ := n.send(t, r)
		if res.StatusCode != c.status {
			t.Errorf("%s %s answers %d", c.method, c.path, res.StatusCode)
		}
		policy := directives(res.Header.Get("Content-Security-Policy"))
		for _, directive := range []string{"default-src", "base-uri", "frame-ancestors"} {
			if policy[directive] != "'none'" {
				t.Errorf("%s: %s is %q", c.path, directive, policy[directive])
			}
		}
		for name, want := range map[string]string{
			"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", c.path, name, got)
			}
		}
	}
}
