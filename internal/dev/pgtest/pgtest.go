// Package pgtest gives tests a real PostgreSQL: one server for a test process,
// an empty database for each test.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/service"
)

// Server is a running PostgreSQL with a data directory of its own, reachable by
// its socket alone.
type Server struct {
	*service.Postgres
	folder string
}

// Start makes a data directory and starts a server of it, with the settings given
// ("fsync=off"). The caller must Close it.
func Start(settings ...string) (*Server, error) {
	return start(func(folder string) (*service.Postgres, error) {
		usual := []string{"max_connections=250", "shared_buffers=32MB", "log_min_messages=log"}
		return service.NewPostgres(folder, append(usual, settings...)...)
	})
}

// Standby makes and starts a standby that follows the server. The caller must Close
// it.
func (s *Server) Standby() (*Server, error) { return start(s.Postgres.Standby) }

func start(in func(folder string) (*service.Postgres, error)) (*Server, error) {
	folder, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	err = os.Chmod(folder, 0o755) // the server may run as another account
	s := &Server{folder: folder}
	if err == nil {
		s.Postgres, err = in(folder)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return s, nil
}

// Socket returns the path at which the server takes connections.
func (s *Server) Socket() string { return filepath.Join(s.Folder(), ".s.PGSQL.5432") }

// Close ends the server and removes its data.
func (s *Server) Close() error {
	s.Kill()
	return os.RemoveAll(s.folder)
}

// shared is the server of this test process.
var shared struct {
	once   sync.Once
	server *Server
	err    error
	made   atomic.Int64
}

// Shared returns the server of this test process, which starts at the first use. For
// speed, it does not survive a crash. The test fails if PostgreSQL is not installed.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() {
		shared.server, shared.err = Start("fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off")
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// New creates an empty database on the shared server and returns its DSN. It is
// dropped when the test ends.
func New(t testing.TB) string {
	t.Helper()
	return Shared(t).New(t)
}

// New creates an empty database and returns its DSN. It is dropped when the test
// ends.
func (s *Server) New(t testing.TB) string {
	t.Helper()
	return s.NewFrom(t, "template0")
}

// NewFrom is New with what the template database holds.
func (s *Server) NewFrom(t testing.TB, template string) string {
	t.Helper()
	name := "test" + strconv.FormatInt(shared.made.Add(1), 10)
	if err := s.Exec(t.Context(), "postgres", "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Exec(context.Background(), "postgres", "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.DSN(name)
}

// Main runs a package's tests and ends the shared server after them.
type Main struct{ *testing.M }

// Run runs the tests and returns the exit code of the process.
func (m Main) Run() int {
	code := m.M.Run()
	if shared.server == nil {
		return code
	}
	if err := shared.server.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
