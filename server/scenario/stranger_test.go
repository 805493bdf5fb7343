package scenario_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/server"
)

// TestStrangersDoNotLoadTheDatabase checks that without Redis neither /livez nor requests without
// a valid credential, of however many addresses, cost the database statements or rows, and
// that addresses are limited all the same.
func TestStrangersDoNotLoadTheDatabase(t *testing.T) {
	t.Parallel()
	s, err := pgtest.Start("log_statement=all", "fsync=off", "autovacuum=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	n := &node{t: t, clock: &clock{}, log: &logBuffer{}, dsn: s.DSN("postgres"), secret: []byte(rand.Text() + rand.Text())}
	n.boot(t, func(c *server.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		c.Auth.Limits.Address.Limit = 20
	})
	const calls = 200
	statuses := map[int]int{}
	call := func(path string, address int) {
		r := newRequest(t, "GET", n.url+path, nil)
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("2001:db8:%x::1", address))
		res, _ := n.send(t, r)
		statuses[res.StatusCode]++
	}
	before := statements(t, s)
	for i := range calls {
		call("/livez", i)
		call("/livez", 0)
		call("/api/v1/users", i)
		call("/api/v1/users", 0)
	}
	asked := statements(t, s) - before
	if asked > 20 {
		t.Errorf("%d statements for %d calls of strangers", asked, 4*calls)
	}
	refused := statuses[http.StatusTooManyRequests]
	if statuses[http.StatusOK] != 2*calls || statuses[http.StatusUnauthorized] != 2*calls-refused || refused < calls/2 {
		t.Errorf("answered %v", statuses)
	}
}

// statements returns how many statements the server has logged, but for those that begin and end
// transactions and those of the jobs that a node does every second.
func statements(t *testing.T, s *pgtest.Server) (n int) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.Folder(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		_, text, logged := strings.Cut(line, "LOG:  ")
		job := slices.ContainsFunc([]string{"nodes", "signing_keys", "BEGIN", "COMMIT"}, func(of string) bool { return strings.Contains(text, of) })
		if logged && !job && (strings.HasPrefix(text, "statement: ") || strings.HasPrefix(text, "execute ")) {
			n++
		}
	}
	return n
}
