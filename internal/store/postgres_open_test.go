package store

import (
	"crypto/rand"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// An error of the start is one line that says what to change and holds no
// password.
func TestPostgresErrorsSayWhatToChange(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	password := rand.Text()
	role := "role_" + strings.ToLower(rand.Text())
	database := "latin_" + strings.ToLower(rand.Text())
	err := server.Exec(t.Context(), "postgres", "CREATE ROLE "+role+" LOGIN PASSWORD '"+password+"'",
		"CREATE DATABASE "+database+" ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER 'libc' TEMPLATE template0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := deafAddress(t)
	socket := "?host=" + filepath.Dir(server.Socket())
	for _, c := range []struct{ name, dsn, says string }{
		{"wrong password", "postgres://" + role + ":x" + password + "@/postgres" + socket, "correct user and password in --database"},
		{"unknown user", "postgres://nobody:" + password + "@/postgres" + socket, "correct user and password in --database"},
		{"no right to make tables", "postgres://" + role + ":" + password + "@/postgres" + socket, "GRANT CREATE ON SCHEMA public"},
		{"unknown database", "postgres://" + role + ":" + password + "@/none" + socket, "CREATE DATABASE"},
		{"encoding", server.DSN(database), "ENCODING 'UTF8'"},
		{"nobody there", "postgres://app:" + password + "@" + nobody + "/ow", "host and port in --database"},
		{"no such host", "postgres://app:" + password + "@none.invalid/ow", "host and port in --database"},
		{"no DSN", "postgres://app:" + password + "@:x/ow", "postgres://USER@HOST/NAME"},
		{"no number", "postgres://app:" + password + "@localhost/ow?pool_max_conns=many", "pool_max_conns"},
	} {
		s, err := Open(t.Context(), c.dsn, Options{})
		if err == nil {
			t.Errorf("%s: opened, %v", c.name, s.Close())
		} else if text := err.Error(); !strings.Contains(text, c.says) || strings.Contains(text, password) || strings.Contains(text, "\n") {
			t.Errorf("%s: %s", c.name, text)
		}
	}
}

// deafAddress returns a TCP address that is taken until the test ends and where
// nobody listens.
func deafAddress(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound := must(syscall.Getsockname(fd))(t).(*syscall.SockaddrInet4)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(bound.Port))
}

// A store reports the settings of a server that may lose writes.
func TestPostgresRisksAreReported(t *testing.T) {
	t.Parallel()
	risks := openPostgresStore(t).Risks()
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		if !slices.ContainsFunc(risks, func(r string) bool { return strings.Contains(r, "set "+name+" = on") }) {
			t.Errorf("%s is off and not among %q", name, risks)
		}
	}
}

// A connection that leaves the machine without verifying the server is
// reported.
func TestPostgresExposedConnectionsAreReported(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]bool{
		"postgres:///ow?host=/run/postgresql":                     false,
		"postgres://localhost/ow":                                 false,
		"postgres://127.0.0.1/ow?sslmode=disable":                 false,
		"postgres://[::1]/ow":                                     false,
		"postgres://db.internal/ow":                               true,
		"postgres://10.0.0.7/ow?sslmode=disable":                  true,
		"postgres://db.internal/ow?sslmode=require":               true,
		"postgres://localhost,db.internal/ow":                     true,
		"postgres://db.internal/ow?sslmode=verify-full":           false,
		"postgres://a.internal,b.internal/ow?sslmode=verify-full": false,
	} {
		config := must(pgx.ParseConfig(dsn))(t)
		if got := exposed(config); (got != "") != want || want && !strings.Contains(got, "sslmode=verify-full") {
			t.Errorf("%s: %q", dsn, got)
		}
	}
}
