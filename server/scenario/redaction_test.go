package scenario_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/credential"
)

// TestSecretsOfHeadersAreNotKept sends each kind of secret where a caller's own text is logged,
// stored or echoed. A request id that holds one is replaced; in any other text it is redacted.
func TestSecretsOfHeadersAreNotKept(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, refresh := n.login(t, d)
		app, appSecret := n.newApp(t, d, admin)
		_, key := n.newKey(t, d, admin, nil)
		secrets := []string{key, credential.Mint(credential.TestKey), appSecret, refresh, admin, admin[:strings.LastIndexByte(admin, '.')]}
		for _, secret := range secrets {
			for _, id := range []string{secret, "x" + secret, "req." + secret + ".1", secret + "z"} {
				for operation, in := range map[string]args{"ListUsers": nil, "Login": {"email": n.email, "password": "wrong"}} {
					a := d.call(t, operation, in, header("X-Request-Id", id), header("User-Agent", "sdk "+id+" "+strings.Repeat("x", 255)))
					if got := a.Header.Get("X-Request-Id"); !strings.HasPrefix(got, "req_") || strings.Contains(got, secret) {
						t.Errorf("the request id %.12s... came back as %.12s...", id, got)
					}
				}
			}
			// A secret that the limit of the length would cut in two.
			d.call(t, "ListUsers", nil, header("User-Agent", strings.Repeat("x", 255-len(secret)/2)+secret)).want(t, 401, "missing_credential")
			r := httptest.NewRequest("GET", "/livez", nil)
			r.Method = secret
			n.server.Handler().ServeHTTP(httptest.NewRecorder(), r)
		}
		public := d.call(t, "ListUsers", nil, header("X-Request-Id", app), header("User-Agent", app))
		if got := public.Header.Get("X-Request-Id"); got != app {
			t.Errorf("the public id %s came back as %s", app, got)
		}
		kept := n.log.String()
		for _, row := range n.auditRows(t) {
			kept += row.requestID + " " + row.client + "\n"
		}
		for _, secret := range secrets {
			if strings.Contains(kept, secret) || strings.Contains(kept, secret[:min(len(secret), 24)]) {
				t.Errorf("the log or the audit trail holds the secret %.12s...", secret)
			}
		}
		if !strings.Contains(kept, "[redacted]") {
			t.Error("nothing was redacted")
		}
	}, unlimited)
}
