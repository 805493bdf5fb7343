// Package redistest starts real Redis servers for tests.
package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/openwearables/openwearables/internal/dev/childproc"
)

// Server is a Redis server of one test, on a port of its own, in a folder of its
// own. It is stopped when the test ends.
type Server struct {
	t      testing.TB
	folder string
	port   string
	args   []string
	cmd    *exec.Cmd
	exited <-chan error
}

// Start starts one with these arguments beside the usual. It fails the test where
// no redis-server is installed.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, folder: t.TempDir(), port: port, args: args}
	s.Start()
	t.Cleanup(s.Kill)
	return s
}

// Addr is HOST:PORT.
func (s *Server) Addr() string { return "127.0.0.1:" + s.port }

// URL is what --redis takes.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// Start starts the server again after Kill, on the same port and folder.
func (s *Server) Start() {
	s.t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		s.t.Fatal("redis-server is not installed (Debian's package redis-server)")
	}
	out, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(path, append([]string{
		"--bind", "127.0.0.1", "--port", s.port, "--dir", s.folder, "--save", "", "--appendonly", "no",
	}, s.args...)...)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	s.exited, err = childproc.Start(s.cmd, syscall.SIGKILL)
	_ = out.Close() // the child has its own
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.await(); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
		s.t.Fatalf("redis-server does not answer: %v\n%s", err, log)
	}
}

func (s *Server) await() error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		c, err := net.Dial("tcp", s.Addr())
		if err == nil {
			return c.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Kill ends the server at once. It does nothing if it does not run.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGCONT) // it may be paused
	_ = s.cmd.Process.Kill()
	<-s.exited
	s.cmd = nil
}

// Pause stops the server from answering until Continue.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Continue is the other way of Pause.
func (s *Server) Continue() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Do sends one command and returns its answer as text.
func (s *Server) Do(args ...string) string {
	s.t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr()})
	defer func() { _ = c.Close() }()
	list := make([]any, len(args))
	for i, a := range args {
		list[i] = a
	}
	answer, err := c.Do(context.Background(), list...).Result()
	if err != nil {
		s.t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return fmt.Sprint(answer)
}
