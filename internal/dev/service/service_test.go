package service

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// occupied returns an address that another server listens on.
func occupied(t *testing.T) string {
	t.Helper()
	addr, err := Listen(func(addr string) error {
		l, err := net.Listen("tcp", addr)
		if err == nil {
			t.Cleanup(func() { _ = l.Close() })
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

func TestListenTakesAnotherAddressWhenOneIsInUse(t *testing.T) {
	calls := 0
	addr, err := Listen(func(string) error {
		if calls++; calls < 3 {
			return &net.OpError{Op: "listen", Err: syscall.EADDRINUSE}
		}
		return nil
	})
	if err != nil || calls != 3 || addr == "" {
		t.Errorf("%q after %d calls: %v", addr, calls, err)
	}
	calls = 0
	if _, err := Listen(func(string) error { calls++; return syscall.EADDRINUSE }); err == nil || calls != 10 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestRedisKeepsItsAddress(t *testing.T) {
	r, err := NewRedis(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Kill)
	addr := r.Addr()
	r.Kill()
	if err := r.Up(); err != nil || r.Addr() != addr {
		t.Errorf("%s after %s: %v", r.Addr(), addr, err)
	}
}

func TestRedisRefusesTheAddressOfAnotherServer(t *testing.T) {
	r := &Redis{folder: t.TempDir(), addr: occupied(t)}
	if err := r.Up(); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v", err)
		r.Kill()
	}
}

func TestPostgresHasASocketAndAnAddress(t *testing.T) {
	folder, err := os.MkdirTemp("", "pg") // a path that is short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) }) // the system sweeps what is left
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := NewPostgresTCP(folder, "fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	check := func() {
		t.Helper()
		if err := p.Exec(context.Background(), "postgres", "SELECT 1"); err != nil {
			t.Error(err)
		}
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	check()
	p.Kill()
	if err := p.Up(); err != nil {
		t.Fatal(err)
	}
	check()
	p.Kill()
	addr := p.addr
	p.addr = occupied(t)
	if err := p.Up(); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v instead of %s", err, addr)
	}
}

// What a pair acknowledged is on the one that is promoted, which alone is written from then
// on, also when the former primary is back.
func TestPostgresPairChangesPlaces(t *testing.T) {
	folder, err := os.MkdirTemp("", "pg") // a path that is short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) }) // the system sweeps what is left
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	p, err := NewPostgresPair(folder, true, "fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	onPrimary := func(statement string) {
		t.Helper()
		c, err := pgx.Connect(t.Context(), p.URL("postgres"))
		must(err)
		_, err = c.Exec(t.Context(), statement)
		must(errors.Join(err, c.Close(t.Context())))
	}
	onPrimary("CREATE TABLE numbers (n int)")
	if err := p.Promote(); err == nil {
		t.Fatal("there are two primaries")
	}
	onPrimary("INSERT INTO numbers VALUES (1)")
	p.Primary.Kill()
	must(p.Promote())
	onPrimary("SELECT 1/count(*) FROM numbers")
	must(p.Demote())
	if err := p.Standby.Exec(t.Context(), "postgres", "DELETE FROM numbers"); err == nil {
		t.Error("the former primary takes writes")
	}
	onPrimary("DELETE FROM numbers")
	must(p.Rebuild())
}
