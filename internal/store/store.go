// Package store keeps the domain's rows in a database, SQLite or PostgreSQL. It
// implements the domain's ports and holds none of its rules.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/tracing"
	"github.com/openwearables/openwearables/internal/usage"
	"github.com/openwearables/openwearables/internal/webhook"
)

// Options are the settings of a store. The zero value is ready to use.
type Options struct {
	Now     func() time.Time // nil: the database's
	Machine func() time.Time // this machine's clock, which tells the database's time; nil: time.Now
	Log     *slog.Logger     // nil: slog.Default
	// Committed is told of each commit of SQLite: how many transactions it held, and
	// how long it took from its begin. Nil: nobody is.
	Committed func(transactions int, took time.Duration)
	Tracer    *tracing.Tracer // nil: no traces
}

func (o Options) clock() func() time.Time {
	if o.Now == nil {
		return o.machine()
	}
	return o.Now
}

func (o Options) machine() func() time.Time {
	if o.Machine == nil {
		return time.Now
	}
	return o.Machine
}

func (o Options) logger() *slog.Logger {
	if o.Log == nil {
		return slog.Default()
	}
	return o.Log
}

// Store keeps everything durable: it implements auth.Store, auth.LastUses,
// event.Store, usage.Store and webhook.Store. Safe for concurrent use.
type Store struct {
	*reader
	backend
	pools   *pools
	now     func() time.Time // nil: the database's
	crowded atomic.Bool      // with windows
	names   knownNames       // of counts of requests

	upserting atomic.Pointer[upsert] // the bulk write that has begun and has parts left; nil: none

	busy *lane // what keeps a processor busy: reading large bodies, and SQLite's bulk writes

	unemptied atomic.Bool // deleted data may be in SQLite's WAL

	forget func(context.Context) // see OnEnd
}

var (
	_ auth.Store  = (*Store)(nil)
	_ event.Store = (*Store)(nil)
	_ usage.Store = (*Store)(nil)

	_ webhook.Store = (*Store)(nil)
)

// Open opens the database and migrates it. The DSN is "sqlite:<path>", a file
// that is created if it is missing, readable by its owner alone; or
// "postgres://...", as libpq takes it, a database that exists. Open refuses a
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
	e.log = o.logger()
	if _, err := e.migrateAll(ctx, p.writer, migrations, o.clock()); err != nil {
		return nil, errors.Join(err, p.close())
	}
	m := newMapper(e, p.readers)
	busy := newLane(runtime.GOMAXPROCS(0)/2, acquireTimeout)
	b := e.serve(m, p, busy, o)
	if err := b.measure(ctx); err != nil {
		return nil, errors.Join(err, b.close())
	}
	b = withTraces(b, o.Tracer, e.name)
	return &Store{reader: &reader{mapper: m, runner: b, lanes: b.lanes()}, backend: b, pools: p, now: o.Now, busy: busy}, nil
}

// Now returns the database's time, with which the times in it must be compared:
// several nodes share one database, and each has a clock of its own. On SQLite it
// is this machine's.
func (s *Store) Now() time.Time { return s.backend.time() }

// Risks returns the settings of the database under which an acknowledged write
// may be lost, each with what to change.
func (s *Store) Risks() []string { return s.pools.risks }

// Exposed says what to change if others could read the connection to the
// database or impersonate the server; "" if they cannot.
func (s *Store) Exposed() string { return s.pools.exposed }

// Intruders says of each other role of the database that could run code as this
// server what it may do, and how to end that.
func (s *Store) Intruders() []string { return s.pools.intruders }

// Pool returns the name and the pool of the connections that requests wait for: on
// SQLite those that read, since one goroutine owns the connection that writes.
func (s *Store) Pool() (name string, pool *sql.DB) { return s.engine.name, s.pools.readers }

// Queues returns how many calls wait for their turn, by the name of the queue.
func (s *Store) Queues() map[string]func() int {
	queues := s.backend.queues()
	queues["large bodies"] = s.busy.length
	return queues
}

// Turn waits for a turn of the caller of ctx at work that keeps a processor busy, such
// as reading a large body. Such work, with the bulk writes of SQLite, has half of the
// processors, so that everybody else finds one free. The turn of a request, whose
// context is of WithBudget, ends by leave, or once it writes workouts. It is
// Unavailable if no turn comes in time.
func (s *Store) Turn(ctx context.Context) (leave func(), err error) {
	budget, begun := budgetFrom(ctx), time.Now()
	end, err := s.busy.enter(ctx, s.busy.patience-budget.used())
	budget.use(time.Since(begun))
	if err != nil {
		return nil, problem.UnavailableError(fmt.Errorf("%w: %w", errNoTurn, err))
	}
	budget.turn.Store(&end)
	return budget.leave, nil
}

// Close waits for the accepted writes, refuses new ones, and closes the
// database.
func (s *Store) Close() error { return s.backend.close() }

// Ping returns nil if the store can read and write, and its clock agrees with
// this process's; otherwise Unavailable.
func (s *Store) Ping(ctx context.Context) error {
	if _, err := s.Meta(ctx, "ping"); err != nil && !errors.Is(err, problem.ErrNotFound) {
		return err
	}
	return s.ping(ctx)
}

// Write runs f in one transaction, as auth.Store promises. On PostgreSQL, f
// runs again if the transaction was rolled back because of a conflict with
// another.
func (s *Store) Write(ctx context.Context, f func(ctx context.Context, tx auth.Tx) error) error {
	return s.writeAll(ctx, s.do, f)
}

// WriteLong is Write for a transaction that grows with the data, as auth.Store
// promises.
func (s *Store) WriteLong(ctx context.Context, f func(ctx context.Context, tx auth.Tx) error) error {
	return s.writeAll(ctx, s.doLong, f)
}
