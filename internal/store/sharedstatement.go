package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// planByIndex makes a connection plan each statement once, with the indexes. A plan
// costs more than the statement for few rows; and on a small table a scan of all would
// be planned, and kept while the table grows.
const planByIndex = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"

// openShared returns the pool of the statements that callers share. It connects when
// one is run.
func openShared(
	config *pgx.ConnConfig, most int, before func(context.Context, *pgx.ConnConfig) error,
	after func(context.Context, *pgx.Conn) error, generation *connGeneration,
) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(config.ConnString()) // such a configuration cannot be made otherwise
	if err != nil {
		return nil, err
	}
	c.ConnConfig = config.Copy()
	c.MaxConns, c.MinConns, c.MaxConnIdleTime, c.MaxConnLifetime = int32(most), 0, maxIdle, maxAge
	c.BeforeConnect = before
	c.AfterConnect = func(ctx context.Context, on *pgx.Conn) error { // the pool itself sets it no limit
		ctx, cancel := context.WithTimeout(ctx, config.ConnectTimeout)
		defer cancel()
		return after(ctx, on)
	}
	c.PrepareConn = func(_ context.Context, c *pgx.Conn) (bool, error) { return generation.admits(c), nil }
	return pgxpool.NewWithConfig(context.Background(), c)
}

// sharedStatement is a statement that callers share: alone, it is a transaction.
type sharedStatement struct {
	text string
	args []any
	// repeatable tells that it may run again if it is not known whether it ran.
	repeatable bool
	// row takes a row of the result. It is called again for each row if the statement is
	// run again, after begin.
	begin func()
	row   func(pgx.Rows) error

	sent time.Time // the last time, by the clock of this machine
}

// runShared runs the statement and returns nil only if it is durable. The error is
// errNotShared if it certainly did nothing, and errUncertain if nobody knows.
func (p *pgPool) runShared(s *sharedStatement) error {
	ctx, cancel := context.WithTimeout(context.Background(), p.callTimeout)
	defer cancel()
	for try := 1; ; try++ {
		generation := p.generation.Load()
		err := p.tryShared(ctx, s)
		lost := errors.Is(err, errLost) || errors.Is(err, errUncertain)
		if lost { // as in retry
			p.generation.CompareAndSwap(generation, generation+1)
		}
		again := errors.Is(err, errLost) || lost && s.repeatable
		switch {
		case err == nil:
			return nil
		case again && try < maxTries && ctx.Err() == nil:
		case errors.Is(err, errLost):
			return fmt.Errorf("%w: %w", errNotShared, err)
		default:
			return err
		}
	}
}

// tryShared is one attempt. The error is errLost if the connection was lost before
// anything was sent.
func (p *pgPool) tryShared(ctx context.Context, s *sharedStatement) error {
	acquiring, cancel := context.WithTimeout(ctx, p.sharePatience) // leaves them the time for their own way
	defer cancel()
	c, err := p.shared.Acquire(acquiring)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotShared, err)
	}
	defer func() {
		if c.Conn().IsClosed() { // the pool would keep its place, and a close wait, for 15 seconds
			c.Hijack()
		} else {
			c.Release()
		}
	}()
	s.begin()
	s.sent = p.skew.machine()
	rows, err := c.Query(ctx, s.text, append([]any{p.prepareMode}, s.args...)...)
	if err == nil {
		for err == nil && rows.Next() {
			err = s.row(rows)
		}
		rows.Close() // it is done once the database is ready for another
		if failed := rows.Err(); failed != nil {
			err = failed
		}
	}
	_, refused := errors.AsType[*pgconn.PgError](err)
	switch {
	case err == nil:
		return nil
	case pgconn.SafeToRetry(err):
		return fmt.Errorf("%w: %w", errLost, err)
	case c.Conn().IsClosed():
		return fmt.Errorf("%w: %v", errUncertain, err)
	case refused: // the statement was undone
		if kind, _ := classifyPostgres(err); kind == broken {
			p.log.Error("store: a statement that callers share", "error", err)
		}
		return fmt.Errorf("%w: %w", errNotShared, err)
	default:
		return err
	}
}
