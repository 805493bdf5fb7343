package pgtest

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/childproc"
)

// Pooler puts a PgBouncer, which gives each transaction any free connection, before
// the shared server, and returns the DSN of the database behind it. The pooler has
// the settings ("max_client_conn = 10") and ends with the test, which fails if
// PgBouncer is not installed.
func Pooler(t testing.TB, dsn string, settings ...string) string {
	t.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		t.Fatal("PgBouncer is not installed (Debian's package pgbouncer): ", err)
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	server := Shared(t)
	folder, err := os.MkdirTemp("", "pooler")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) }) // the system sweeps what is left
	config := filepath.Join(folder, "pgbouncer.ini")
	text := fmt.Sprintf("[databases]\n* = host=%s user=%s\n[pgbouncer]\npool_mode = transaction\nauth_type = any\nlisten_port = 5432\n"+
		"unix_socket_dir = %s\n%s\n", server.Folder(), u.User.Username(), folder, strings.Join(settings, "\n"))
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := server.Own(folder); err != nil {
		t.Fatal(err)
	}
	p, err := childproc.Serve(server.Command(path, config), syscall.SIGKILL, filepath.Join(folder, "log"), "process up: PgBouncer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.End(syscall.SIGKILL, time.Second) })
	u.RawQuery = url.Values{"host": {folder}}.Encode()
	return u.String()
}
