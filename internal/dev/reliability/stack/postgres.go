package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres is a PostgreSQL server with the settings that it comes with: fsync is
// on.
type Postgres struct {
	folder, addr string
	credential   *syscall.Credential
	process      *process
	databases    int
}

// NewPostgres makes a data directory in the folder and starts a server of it.
func NewPostgres(folder string) (*Postgres, error) {
	p := &Postgres{folder: filepath.Join(folder, "postgres")}
	var err error
	if p.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.folder, 0o755); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 { // it refuses to be root
		if err := p.drop(); err != nil {
			return nil, err
		}
	}
	cmd, err := p.command("initdb", "-D", p.data(), "-U", "prove", "-A", "trust", "--no-instructions", "-E", "UTF8", "--locale=C.UTF-8")
	if err != nil {
		return nil, err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return p, p.Up()
}

func (p *Postgres) drop() error {
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(u.Uid) // numbers, where this runs
	gid, _ := strconv.Atoi(u.Gid)
	p.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(p.folder, uid, gid)
}

func (p *Postgres) data() string { return filepath.Join(p.folder, "data") }

func (p *Postgres) command(name string, args ...string) (*exec.Cmd, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // the pattern is good
	if len(found) == 0 {
		return nil, errors.New("PostgreSQL is not installed: apt-get install postgresql")
	}
	slices.SortFunc(found, func(a, b string) int { return release(a) - release(b) })
	cmd := exec.Command(found[len(found)-1], args...)
	cmd.Dir = p.folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.credential}
	return cmd, nil
}

func release(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4]) // 0 for what is no number
	return n
}

// Version is what the server calls itself.
func (p *Postgres) Version() string {
	cmd, err := p.command("postgres", "--version")
	if err != nil {
		return "none"
	}
	out, _ := cmd.Output() // empty if it fails
	return strings.TrimSpace(string(out))
}

// Up starts the server and returns when it takes connections.
func (p *Postgres) Up() error {
	host, port, _ := net.SplitHostPort(p.addr)
	cmd, err := p.command("postgres", "-D", p.data(), "-k", "", "-h", host, "-p", port, "-c", "max_connections=200")
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(p.folder, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if p.process, err = start(cmd, syscall.SIGQUIT); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if err = p.Exec(context.Background(), "postgres", "SELECT 1"); err == nil {
			return nil
		}
		if !p.process.running() || time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("PostgreSQL does not start: %w\n%s", err, tail(text))
		}
	}
}

// Crash ends all of its processes at once, as pg_ctl -m immediate does; Up
// recovers.
func (p *Postgres) Crash() { p.process.end(syscall.SIGQUIT, 20*time.Second) }

// Database makes an empty database and returns its name.
func (p *Postgres) Database() (string, error) {
	p.databases++
	name := fmt.Sprintf("prove%d", p.databases)
	return name, p.Exec(context.Background(), "postgres", "CREATE DATABASE "+name+" TEMPLATE template0")
}

// URL names a database at an address before the server.
func (p *Postgres) URL(addr, database string) string {
	return "postgres://prove@" + addr + "/" + database + "?sslmode=disable"
}

// Direct names a database without anything between.
func (p *Postgres) Direct(database string) string { return p.URL(p.addr, database) }

// Exec runs one statement.
func (p *Postgres) Exec(ctx context.Context, database, statement string) error {
	conn, err := pgx.Connect(ctx, p.Direct(database))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// Close ends the server.
func (p *Postgres) Close() { p.Crash() }
