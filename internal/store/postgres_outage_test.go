package store

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// proxy is a network before PostgreSQL that can be cut.
type proxy struct {
	net.Listener
	to string

	mu    sync.Mutex
	dark  bool // what is sent goes nowhere
	mute  bool // what is answered goes nowhere
	conns []net.Conn
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	p := &proxy{Listener: must(net.Listen("tcp", "127.0.0.1:0"))(t), to: to}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := p.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", p.to)
			if err != nil {
				c.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, c, server)
			p.mu.Unlock()
			all.Go(func() { p.pass(server, c, func() bool { return p.dark }) })
			all.Go(func() { p.pass(c, server, func() bool { return p.dark || p.mute }) })
		}
	})
	t.Cleanup(func() {
		p.Close()
		p.cut()
		all.Wait()
	})
	return p
}

func (p *proxy) pass(to, from net.Conn, stops func() bool) {
	defer to.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		stopped := stops()
		p.mu.Unlock()
		if !stopped {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
	}
}

func (p *proxy) blackout(dark bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dark = dark
}

func (p *proxy) silence(mute bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = mute
}

// cut ends every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (p *proxy) dsn(t *testing.T, dsn string) string {
	t.Helper()
	u := must(url.Parse(dsn))(t)
	u.Host, u.RawQuery = p.Addr().String(), "sslmode=disable"
	return u.String()
}

// soon fails the test unless the store can be written again within two seconds.
func (s *Store) soon(t *testing.T) {
	t.Helper()
	within(t, 2*time.Second, "coming back", func() {
		eventually(t, "back", func() bool {
			return s.try(func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, newUser()) }) == nil
		})
	})
}

// Whatever the network does, calls fail in time, and the store is back soon
// after the network is.
func TestPostgresNetworkFailureIsAnsweredInTime(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	p := newProxy(t, pgtest.Shared(t).Socket())
	s := openStore(t, p.dsn(t, dsn), Options{})
	add := func() error {
		return s.try(func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, newUser()) })
	}
	warm := func() { // on a busy machine, some find no connection at first
		var all sync.WaitGroup
		for range 4 * maxConnections {
			all.Go(func() { eventually(t, "added", func() bool { return add() == nil }) })
		}
		all.Wait()
	}
	warm()
	p.cut()
	inTime(t, "after a cut", func() { s.addUser(t) }) // nothing was lost, so that no call fails
	warm()
	p.blackout(true)
	var all sync.WaitGroup
	for range 2 * maxConnections {
		all.Go(func() {
			inTime(t, "a read in the dark", func() { _, err := s.Key(t.Context(), "x"); wantUnavailable(t, err) })
			inTime(t, "a write in the dark", func() { wantUnavailable(t, add()) })
		})
	}
	all.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	within(t, 1200*time.Millisecond, "a ping of one second", func() { wantUnavailable(t, s.Ping(ctx)) })
	p.blackout(false)
	s.soon(t)
}

// A shared statement that hangs leaves its place among the connections to another one,
// and a close does not wait for what became of it.
func TestPostgresSharedStatementHangs(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	p := newProxy(t, pgtest.Shared(t).Socket())
	s := openStore(t, p.dsn(t, dsn), Options{})
	u := s.addUser(t)
	wantEqual(t, must(s.User(t.Context(), u.ID))(t), u)
	p.blackout(true)
	inTime(t, "a read in the dark", func() { _, err := s.User(t.Context(), u.ID); wantUnavailable(t, err) })
	inTime(t, "leaving", func() {
		eventually(t, "left", func() bool { return s.backend.(*pgPool).shared.Stat().AcquiredConns() == 0 })
	})
	inTime(t, "a close", func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A server that crashes loses no acknowledged write, calls fail in time
// meanwhile, and the store is back soon after the server is.
func TestPostgresCrashLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	server := must(pgtest.Start())(t)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := server.Exec(t.Context(), "postgres", "CREATE DATABASE ow"); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, server.DSN("ow"), Options{})
	wantEqual(t, s.Risks(), nil)
	for cycle, end := range []func(){server.Kill, server.Down, server.Kill} {
		var stop atomic.Bool
		var all sync.WaitGroup
		var mu sync.Mutex
		var kept []string
		for range 8 {
			all.Go(func() {
				for !stop.Load() {
					u := newUser()
					inTime(t, "a write", func() {
						err := s.try(func(ctx context.Context, tx auth.Tx) error {
							return errors.Join(tx.InsertUser(ctx, u), tx.Record(ctx, newEvent("user:"+u.ID)))
						})
						if err == nil {
							mu.Lock()
							kept = append(kept, u.ID)
							mu.Unlock()
						} else {
							wantUnavailable(t, err)
						}
					})
				}
			})
		}
		eventually(t, "written", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(kept) > 50
		})
		end()
		inTime(t, "a read", func() { _, err := s.Key(t.Context(), "x"); wantUnavailable(t, err) })
		if err := server.Up(); err != nil {
			t.Fatal(err)
		}
		s.soon(t)
		stop.Store(true)
		all.Wait()
		s := openStore(t, server.DSN("ow")+"&statement_timeout=60000&connect_timeout=60", Options{}).unhurried()
		for _, id := range kept {
			if err := s.UserExists(t.Context(), id); err != nil {
				t.Errorf("cycle %d: user %s was acknowledged: %v", cycle, id, err)
			}
			wantEqual(t, len(must(s.Events(t.Context(), EventFilter{Subject: "user:" + id}))(t)), 1)
		}
		wantEqual(t, count(t, s, "audit_events"), count(t, s, "users")-1-cycle)
	}
}

// A node whose clock is not the database's is not ready, and goes by the
// database's.
func TestPostgresSkewedClockIsNotReady(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	right := openStore(t, dsn, Options{})
	if err := right.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	wrong := openStore(t, dsn, Options{Machine: func() time.Time { return time.Now().Add(61 * time.Second) }})
	wantUnavailable(t, wrong.Ping(t.Context()))
	if off := time.Since(wrong.Now()).Abs(); off > 10*time.Second {
		t.Errorf("its time is off by %s", off)
	}
	wrong.write(t, func(_ context.Context, tx auth.Tx) error {
		if off := time.Since(tx.Now()).Abs(); off > 10*time.Second {
			t.Errorf("the transaction's time is off by %s", off)
		}
		return nil
	})
}
