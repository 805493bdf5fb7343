package pgtest

import (
	"fmt"
	"net"
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

// Pooler puts a PgBouncer, which gives each transaction whatever connection is
// free, before the server of the DSN, and returns the DSN of the database behind
// it. It has the settings given ("max_client_conn = 10") and ends with the test.
// A test that wants it where PgBouncer is missing fails.
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
	t.Cleanup(func() { _ = os.RemoveAll(folder) }) // the system's temporary files are swept
	config := filepath.Join(folder, "pgbouncer.ini")
	text := fmt.Sprintf("[databases]\n* = host=%s user=%s\n[pgbouncer]\npool_mode = transaction\nauth_type = any\nlisten_port = 5432\n"+
		"unix_socket_dir = %s\n%s\n", server.folder, superuser, folder, strings.Join(settings, "\n"))
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := server.command(path, config)
	if server.owner != nil {
		if err := os.Chown(folder, server.owner.uid, server.owner.gid); err != nil {
			t.Fatal(err)
		}
	}
	var log strings.Builder // read when it has ended
	cmd.Stdout, cmd.Stderr = &log, &log
	exited, err := childproc.Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	end := func() {
		_ = cmd.Process.Kill() // if it fails, it has ended
		<-exited
	}
	t.Cleanup(end)
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("unix", filepath.Join(folder, ".s.PGSQL.5432")); err == nil {
			_ = c.Close() // it was only to see that somebody listens
			break
		}
		if time.Since(begun) > 20*time.Second {
			end()
			t.Fatalf("PgBouncer does not start: %s", &log)
		}
	}
	u.RawQuery = url.Values{"host": {folder}}.Encode()
	return u.String()
}
