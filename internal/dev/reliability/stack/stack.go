// Package stack starts the real thing on this machine: the product's binary,
// PostgreSQL and Redis as Debian packages them, each in a folder and at an address
// of its own, and a proxy before each dependency that can fail it. All processes
// end with the program, however it ends.
package stack

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openwearables/openwearables/internal/dev/service"
)

// Shape says which processes make up a stack.
type Shape struct {
	Name  string
	Nodes int
	PG    bool // else SQLite
	Redis bool
	Plain bool // without the proxies that can fail PostgreSQL and Redis

	Cluster bool // of Redis, without a proxy before it

	Pair  bool // of PostgreSQL: a primary and a standby, without a proxy before them
	Async bool // the primary does not wait for the standby
}

// The shapes that the proofs are about.
var (
	SQLite     = Shape{Name: "SQLite", Nodes: 1}
	PG1        = Shape{Name: "PG x1", Nodes: 1, PG: true, Redis: true}
	PG3        = Shape{Name: "PG x3", Nodes: 3, PG: true, Redis: true}
	PG3Plain   = Shape{Name: "PG x3", Nodes: 3, PG: true, Redis: true, Plain: true}
	PG3Cluster = Shape{Name: "PG x3, Redis Cluster", Nodes: 3, PG: true, Redis: true, Cluster: true}
	PGOnly     = Shape{Name: "PG x3, no Redis", Nodes: 3, PG: true}
	PGPair     = Shape{Name: "PG x3, standby", Nodes: 3, PG: true, Redis: true, Plain: true, Pair: true}
	PGBehind   = Shape{Name: "PG x3, asynchronous standby", Nodes: 3, PG: true, Redis: true, Plain: true, Pair: true, Async: true}
)

// Email is the address of the one developer of every stack.
const Email = "developer@example.com"

// Stack is one installation of the product, serving.
type Stack struct {
	Shape
	Nodes    []*Node
	Postgres *service.Postgres     // nil with SQLite; of a pair, the primary
	Pair     *service.PostgresPair // nil without
	Redis    *service.Redis        // nil without Redis, or with a cluster
	Cluster  *service.RedisCluster // nil without
	DB       *Fault                // before PostgreSQL; nil if Plain
	Cache    *Fault                // before Redis; nil if Plain, or with a cluster
	Password string                // of the developer

	lab      *Lab
	folder   string
	database string // in PostgreSQL
	secret   string
	flags    []string
}

// Unlimited returns flags that raise every rate limit beyond reach, and the quotas
// as far as they go.
func Unlimited() []string {
	var flags []string
	for _, name := range []string{
		"key", "developer", "user", "address", "login", "login-account", "refresh", "refresh-session",
		"exchange", "exchange-user", "exchange-refused", "verify", "verify-refused", "ingest", "public", "pairing", "pairings", "adoption", "adoptions",
	} {
		flags = append(flags, "--limit-"+name, "100000000")
	}
	for _, name := range []string{"keys", "applications", "developer-sessions", "user-sessions"} {
		flags = append(flags, "--quota-"+name, "100000")
	}
	return flags
}

// New starts a stack whose nodes have the flags. The caller must Close it.
func (l *Lab) New(shape Shape, flags ...string) (*Stack, error) {
	l.stacks++
	s := &Stack{
		Shape: shape, lab: l, folder: filepath.Join(l.folder, fmt.Sprint("s", l.stacks)), flags: flags,
		Password: "Q" + strings.ToLower(rand.Text()), secret: rand.Text() + rand.Text(),
	}
	err := os.MkdirAll(s.folder, 0o755)
	if err == nil {
		err = s.dependencies()
	}
	if err == nil {
		err = s.Run(s.Password+"\n", "developer", "create", "--email", Email, "--password-stdin")
	}
	for range shape.Nodes {
		s.add()
	}
	if err == nil {
		err = s.Each(func(n *Node) error { return n.Start("") })
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stack) dependencies() (err error) {
	if !s.PG {
		return nil
	}
	if s.Shape.Pair {
		err = s.pair()
	} else {
		s.Postgres, s.database, err = s.lab.database()
	}
	if err != nil {
		return err
	}
	if !s.Plain {
		if s.DB, err = newFault("db", s.Postgres.Addr()); err != nil {
			return err
		}
	}
	if !s.Shape.Redis {
		return nil
	}
	folder := filepath.Join(s.folder, "redis")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	if s.Shape.Cluster {
		s.Cluster, err = service.NewRedisCluster(folder)
		return err
	}
	if s.Redis, err = service.NewRedis(folder); err != nil {
		return err
	}
	if !s.Plain {
		s.Cache, err = newFault("cache", s.Redis.Addr())
	}
	return err
}

// Each calls f for all nodes at once.
func (s *Stack) Each(f func(*Node) error) error {
	errs := make([]error, len(s.Nodes))
	var all sync.WaitGroup
	for i, n := range s.Nodes {
		all.Go(func() { errs[i] = f(n) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// command returns a command of the product on this installation. It ends with the
// context.
func (s *Stack) command(ctx context.Context, binary string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = s.folder
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OPENWEARABLES_") })
	cmd.Env = append(cmd.Env, "OPENWEARABLES_SECRET="+s.secret, "OPENWEARABLES_DATABASE="+s.URL())
	if s.Shape.Redis {
		cmd.Env = append(cmd.Env, "OPENWEARABLES_REDIS="+s.RedisURL())
	}
	return cmd
}

// Run runs a command of the operator and gives it a minute.
func (s *Stack) Run(stdin string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := s.command(ctx, s.lab.binary, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("openwearables %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// URL returns the URL of the database that the nodes use.
func (s *Stack) URL() string {
	if s.Postgres == nil {
		return "sqlite:" + s.File()
	}
	if s.Pair != nil {
		return s.Pair.URL(s.database)
	}
	address := s.Postgres.Addr()
	if s.DB != nil {
		address = s.DB.Addr()
	}
	return s.Postgres.URL(address, s.database)
}

// RedisURL returns the URL of the Redis that the nodes use.
func (s *Stack) RedisURL() string {
	if s.Cluster != nil {
		return "redis://" + s.Cluster.Addrs()
	}
	if s.Cache != nil {
		return "redis://" + s.Cache.Addr()
	}
	return "redis://" + s.Redis.Addr()
}

// File returns the path of the SQLite database.
func (s *Stack) File() string { return filepath.Join(s.folder, "openwearables.db") }

// Direct returns the DSN of the PostgreSQL database, past the proxy.
func (s *Stack) Direct() string { return s.Postgres.DSN(s.database) }

// Lock locks tables exclusively until release is called.
func (s *Stack) Lock(tables string) (release func() error, err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.Direct())
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "BEGIN; LOCK TABLE "+tables+" IN ACCESS EXCLUSIVE MODE"); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return func() error { return conn.Close(ctx) }, nil
}

// Flush makes Redis forget everything.
func (s *Stack) Flush() error {
	c, err := net.DialTimeout("tcp", s.Redis.Addr(), time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprint(c, "FLUSHALL\r\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && line != "+OK\r\n" {
		err = fmt.Errorf("FLUSHALL was answered %q", line)
	}
	return err
}

// Log returns the logs of all nodes.
func (s *Stack) Log() string {
	var all strings.Builder
	for _, n := range s.Nodes {
		text, _ := os.ReadFile(n.log) // empty if there is none
		all.Write(text)
	}
	return all.String()
}

// Close ends every process of the stack.
func (s *Stack) Close() {
	for _, n := range s.Nodes {
		n.Kill()
	}
	if s.DB != nil {
		s.DB.Down()
	}
	if s.Cache != nil {
		s.Cache.Down()
	}
	if s.Redis != nil {
		s.Redis.Kill()
	}
	if s.Cluster != nil {
		s.Cluster.Kill()
	}
	if s.Pair != nil {
		s.Pair.Kill()
	} else if s.Postgres != nil && s.database != "" && s.Postgres.Running() {
		// A database that is left behind only takes space.
		_ = s.Postgres.Exec(context.Background(), "postgres", "DROP DATABASE IF EXISTS "+s.database+" WITH (FORCE)")
	}
}
