// Package store keeps the domain's rows in a database: SQLite or PostgreSQL. It
// implements the domain's ports and holds none of its rules.
package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/problem"
)

// Options are the settings of a store. The zero value is ready.
type Options struct {
	Now func() time.Time // nil: the database's
	Log *slog.Logger     // nil: slog.Default
}

func (o Options) clock() func() time.Time {
	if o.Now == nil {
		return time.Now
	}
	return o.Now
}

func (o Options) logger() *slog.Logger {
	if o.Log == nil {
		return slog.Default()
	}
	return o.Log
}

// clock gives transactions their times: in UTC, in microseconds, and never one
// before an earlier one's, whatever now does. Safe for concurrent use.
type clock struct {
	now  func() time.Time
	mu   sync.Mutex
	last time.Time
}

func (c *clock) tick() time.Time { return c.notBefore(c.now()) }

// notBefore returns t, or the latest time that was given if that is later.
func (c *clock) notBefore(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t = t.UTC().Truncate(time.Microsecond); t.After(c.last) {
		c.last = t
	}
	return c.last
}

// Store keeps everything durable: it is auth.Store, auth.LastUses and
// event.Store. Safe for concurrent use.
type Store struct {
	*reader
	backend
	pools *pools
	now   func() time.Time // nil: the database's
}

var (
	_ auth.Store  = (*Store)(nil)
	_ event.Store = (*Store)(nil)
)

// Open opens the database and migrates it. The DSN is "sqlite:<path>", a file
// that is made where there is none, readable by its owner alone; or
// "postgres://...", as libpq takes it, a database that is there. It refuses a
// database that a newer version has migrated beyond what this one can serve.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	e, rest, err := engineOf(dsn)
	if err != nil {
		return nil, err
	}
	p, err := e.open(ctx, rest)
	if err != nil {
		return nil, err
	}
	if _, err := e.migrateAll(ctx, p.writer, migrations, o.clock()); err != nil {
		return nil, errors.Join(err, p.close())
	}
	m := newMapper(e, p.readers)
	b := e.serve(m, p, o)
	return &Store{&reader{mapper: m, runner: b}, b, p, o.Now}, nil
}

// Risks names the settings of the database under which a write that was
// acknowledged may be lost, each with what to change.
func (s *Store) Risks() []string { return s.pools.risks }

// Exposed is what to change where others on the way to the database could read
// along or stand in for it, else "".
func (s *Store) Exposed() string { return s.pools.exposed }

// Close waits for the writes that were accepted, refuses others, and closes
// the database.
func (s *Store) Close() error { return s.backend.close() }

// Ping says whether the store can read and write, and agrees with this process
// about the time: nil, or Unavailable.
func (s *Store) Ping(ctx context.Context) error {
	if _, err := s.Meta(ctx, "ping"); err != nil && !errors.Is(err, problem.ErrNotFound) {
		return err
	}
	return s.ping(ctx)
}

// Write runs f in one transaction, as auth.Store promises. Where transactions
// run beside each other, f runs again if what it did was undone for another's
// sake.
func (s *Store) Write(ctx context.Context, f func(ctx context.Context, tx auth.Tx) error) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error { return f(ctx, t) })
}

// WriteLong is Write for a transaction that grows with the data, as auth.Store
// promises.
func (s *Store) WriteLong(ctx context.Context, f func(ctx context.Context, tx auth.Tx) error) error {
	return s.doLong(ctx, func(ctx context.Context, t *tx) error { return f(ctx, t) })
}
