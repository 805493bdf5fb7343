// Package pgtest gives tests a real PostgreSQL: one server for a test process,
// an empty database for each test.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openwearables/openwearables/internal/dev/childproc"
)

// superuser is whom the tests connect as, without a password, over the socket.
const superuser = "tester"

// Server is a running PostgreSQL with a data directory of its own.
type Server struct {
	folder string
	owner  *owner
	exited <-chan error
	pid    int
	args   []string
}

// owner is the user that PostgreSQL runs as; it refuses to be root.
type owner struct{ uid, gid int }

// Start makes a data directory and starts a server of it, with the settings
// given ("fsync=off"), reachable by its socket alone.
func Start(settings ...string) (*Server, error) {
	folder, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder}
	for _, setting := range append([]string{"listen_addresses=", "max_connections=250", "shared_buffers=32MB", "log_min_messages=panic"}, settings...) {
		s.args = append(s.args, "-c", setting)
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	if err := s.Up(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return s, nil
}

// binary finds a program of the newest PostgreSQL that is installed.
func binary(name string) (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed: apt-get install postgresql")
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4]) // 0 for what is no number
		return n
	}
	return slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) }), nil
}

// prepare makes the data directory. Its databases put text in order as people
// do, so that what must be in the order of bytes shows.
func (s *Server) prepare() error {
	if os.Geteuid() == 0 {
		name := "postgres"
		if _, err := user.Lookup(name); err != nil {
			name = "nobody"
		}
		u, err := user.Lookup(name)
		if err != nil {
			return err
		}
		s.owner = new(owner)
		s.owner.uid, _ = strconv.Atoi(u.Uid) // numbers, on the systems that have them
		s.owner.gid, _ = strconv.Atoi(u.Gid)
		if err := os.Chown(s.folder, s.owner.uid, s.owner.gid); err != nil {
			return err
		}
	}
	initdb, err := binary("initdb")
	if err != nil {
		return err
	}
	cmd := s.command(initdb, "-D", s.data(), "-U", superuser, "-A", "trust", "--no-sync", "--no-instructions",
		"-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	rules := "local all " + superuser + " trust\nlocal all all scram-sha-256\n"
	return os.WriteFile(filepath.Join(s.data(), "pg_hba.conf"), []byte(rules), 0o600)
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.folder
	if s.owner != nil {
		s.owner.assume(cmd)
	}
	return cmd
}

// Up starts the server and returns when it takes connections.
func (s *Server) Up() error {
	postgres, err := binary("postgres")
	if err != nil {
		return err
	}
	cmd := s.command(postgres, append([]string{"-D", s.data(), "-k", s.folder}, s.args...)...)
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if s.exited, err = childproc.Start(cmd, syscall.SIGQUIT); err != nil {
		return err
	}
	s.pid = cmd.Process.Pid
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := s.Exec(context.Background(), "postgres", "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case ended := <-s.exited:
			out, _ := os.ReadFile(log.Name())
			return fmt.Errorf("PostgreSQL ended: %w\n%s", ended, out)
		default:
		}
		if time.Now().After(deadline) {
			s.Kill()
			return err
		}
	}
}

// Socket is the path at which the server takes connections.
func (s *Server) Socket() string { return filepath.Join(s.folder, ".s.PGSQL.5432") }

// DSN names a database of the server.
func (s *Server) DSN(database string) string {
	return "postgres://" + superuser + "@/" + database + "?host=" + s.folder
}

// Exec runs statements, each in a transaction of its own.
func (s *Server) Exec(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.DSN(database))
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, failed := conn.Exec(ctx, statement); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	return errors.Join(err, conn.Close(ctx))
}

// Kill ends the server at once, as a crash does; Up starts it again.
func (s *Server) Kill() { s.end(syscall.SIGQUIT) }

// Down ends the server in order; Up starts it again.
func (s *Server) Down() { s.end(syscall.SIGINT) }

func (s *Server) end(how os.Signal) {
	p, err := os.FindProcess(s.pid)
	if err == nil {
		err = p.Signal(how)
	}
	if err != nil {
		return // it has ended
	}
	<-s.exited
}

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

// Shared returns the server of this test process, which it starts at its first
// use. It forgets everything in a crash, for speed. A test that wants it where
// PostgreSQL is missing fails.
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

// New makes an empty database on the shared server and returns its DSN. It is
// dropped when the test ends.
func New(t testing.TB) string {
	t.Helper()
	return Shared(t).New(t)
}

// New makes an empty database and returns its DSN. It is dropped when the test
// ends.
func (s *Server) New(t testing.TB) string {
	t.Helper()
	name := "test" + strconv.FormatInt(shared.made.Add(1), 10)
	if err := s.Exec(t.Context(), "postgres", "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
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

// Run is testing.M's.
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
