package service

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
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
