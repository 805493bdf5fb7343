package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openwearables/openwearables/internal/dev/childproc"
)

// superuser is the role that tests connect as, without a password.
const superuser = "tester"

// Postgres is a PostgreSQL server. Its methods must not be called concurrently,
// except Exec.
type Postgres struct {
	folder   string
	addr     string // "": it has only its socket
	settings []string
	account  *account // that runs it; nil: that of this process
	process  *childproc.Process
}

// NewPostgres makes a data directory in the folder, which must exist and be
// readable for every account, and starts a server that is reachable by its socket
// alone. Settings are PostgreSQL's ("fsync=off").
func NewPostgres(folder string, settings ...string) (*Postgres, error) {
	p, err := prepare(folder, settings)
	if err != nil {
		return nil, err
	}
	return p, p.Up()
}

// NewPostgresTCP does what NewPostgres does, and the server also has a TCP address,
// which it keeps.
func NewPostgresTCP(folder string, settings ...string) (*Postgres, error) {
	p, err := prepare(folder, settings)
	if err != nil {
		return nil, err
	}
	_, err = Listen(func(addr string) error {
		p.addr = addr
		return p.Up()
	})
	return p, err
}

// prepare makes the data directory. Its databases sort text as people do, so that
// code which needs the order of bytes and does not ask for it shows.
func prepare(folder string, settings []string) (*Postgres, error) {
	p := &Postgres{folder: filepath.Join(folder, "postgres"), settings: settings}
	if err := os.Mkdir(p.folder, 0o755); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		var err error
		if p.account, err = unprivileged(); err != nil {
			return nil, err
		}
	}
	if err := p.Own(p.folder); err != nil {
		return nil, err
	}
	cmd, err := p.Program("initdb", "-D", p.data(), "-U", superuser, "-A", "trust", "--no-sync", "--no-instructions",
		"-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
	if err != nil {
		return nil, err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	rules := fmt.Sprintf("local all %[1]s trust\nlocal replication %[1]s trust\nlocal all all scram-sha-256\nhost all %[1]s 127.0.0.0/8 trust\n", superuser)
	return p, os.WriteFile(filepath.Join(p.data(), "pg_hba.conf"), []byte(rules), 0o600)
}

func (p *Postgres) data() string { return filepath.Join(p.folder, "data") }

// Program returns a program of the newest PostgreSQL that is installed ("pgbench"), which
// runs in the server's folder under its account.
func (p *Postgres) Program(name string, args ...string) (*exec.Cmd, error) {
	path, err := binary(name)
	if err != nil {
		return nil, err
	}
	return p.Command(path, args...), nil
}

// Command returns a program that runs in the server's folder under its account.
func (p *Postgres) Command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir = p.folder
	if p.account != nil {
		p.account.run(cmd)
	}
	return cmd
}

// Own gives a file or folder to the account that runs the server.
func (p *Postgres) Own(path string) error {
	if p.account == nil {
		return nil
	}
	return os.Chown(path, int(p.account.uid), int(p.account.gid))
}

func binary(name string) (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // the pattern is good
	if len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed: apt-get install postgresql")
	}
	release := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4]) // 0 without a number
		return n
	}
	return slices.MaxFunc(found, func(a, b string) int { return release(a) - release(b) }), nil
}

// PostgresVersion returns the name and version of the PostgreSQL that is installed,
// "none" without one.
func PostgresVersion() string {
	path, err := binary("postgres")
	if err != nil {
		return "none"
	}
	out, _ := exec.Command(path, "--version").Output() // empty if it fails
	return strings.TrimSpace(string(out))
}

// Up starts the server, which must not be running, and returns when it takes
// connections. After Kill the server recovers first.
func (p *Postgres) Up() error {
	host, port := "", "5432"
	if p.addr != "" {
		host, port, _ = net.SplitHostPort(p.addr)
	}
	args := []string{"-D", p.data(), "-k", p.folder, "-h", host, "-p", port}
	for _, setting := range p.settings {
		args = append(args, "-c", setting)
	}
	cmd, err := p.Program("postgres", args...)
	if err != nil {
		return err
	}
	p.process, err = childproc.Serve(cmd, syscall.SIGQUIT, p.Log(), p.ready())
	return err
}

// ready is what the server logs once it takes connections.
func (p *Postgres) ready() string {
	if _, err := os.Stat(filepath.Join(p.data(), "standby.signal")); err == nil {
		return "database system is ready to accept read-only connections"
	}
	return "database system is ready to accept connections"
}

// Log returns the path of what the server logs.
func (p *Postgres) Log() string { return filepath.Join(p.folder, "log") }

// Running reports whether the server runs.
func (p *Postgres) Running() bool { return p.process.Running() }

// Kill ends all processes of the server at once, as a crash does.
func (p *Postgres) Kill() { p.process.End(syscall.SIGQUIT, 20*time.Second) }

// Down ends the server in order.
func (p *Postgres) Down() { p.process.End(syscall.SIGINT, 20*time.Second) }

// ID returns the process id of the server, whose children serve the connections.
func (p *Postgres) ID() int { return p.process.ID() }

// Addr returns the TCP address, HOST:PORT, or "" if there is none.
func (p *Postgres) Addr() string { return p.addr }

// Folder returns the folder of the server's socket.
func (p *Postgres) Folder() string { return p.folder }

// DSN names a database of the server, reached by its socket.
func (p *Postgres) DSN(database string) string {
	query := url.Values{"host": {p.folder}}
	if _, port, err := net.SplitHostPort(p.addr); err == nil {
		query.Set("port", port)
	}
	return "postgres://" + superuser + "@/" + database + "?" + query.Encode()
}

// URL names a database of the server, reached by a TCP address that leads to it.
func (p *Postgres) URL(addr, database string) string {
	return "postgres://" + superuser + "@" + addr + "/" + database + "?sslmode=disable"
}

// Standby makes a copy of the server in the folder, which must exist and be readable
// for every account, and starts it, with a TCP address of its own if this one has one. It
// follows this one, and can only be read until it is promoted.
func (p *Postgres) Standby(folder string) (*Postgres, error) {
	s := &Postgres{folder: filepath.Join(folder, "postgres"), settings: p.settings, account: p.account}
	if err := os.Mkdir(s.folder, 0o755); err != nil {
		return nil, err
	}
	if err := s.Own(s.folder); err != nil {
		return nil, err
	}
	if err := s.copy(p); err != nil {
		return nil, err
	}
	if p.addr == "" {
		return s, s.Up()
	}
	_, err := Listen(func(addr string) error {
		s.addr = addr
		return s.Up()
	})
	return s, err
}

// copy makes the data directory, of which there must be none, as that of a standby of
// the server.
func (p *Postgres) copy(of *Postgres) error {
	cmd, err := p.Program("pg_basebackup", "-D", p.data(), "-d", of.DSN(""), "-R", "--no-sync", "--checkpoint=fast")
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_basebackup: %w\n%s", err, out)
	}
	return nil
}

// Exec runs statements, each in a transaction of its own, within a minute.
func (p *Postgres) Exec(ctx context.Context, database string, statements ...string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.DSN(database))
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
