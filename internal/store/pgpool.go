package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/openwearables/openwearables/internal/failpoint"
)

// Time limits of a call. callTimeout is also the budget of all calls of one
// request: it gets its response in time, whatever the database and the network
// do, and sooner if no connection is free.
const (
	callTimeout    = 1600 * time.Millisecond
	acquireTimeout = time.Second
	longTimeout    = 10 * time.Second // of a transaction that grows with the data
	maxTries       = 4                // of a call that met a conflict
)

// pgPool is a backend that runs transactions concurrently, each on its own
// connection.
type pgPool struct {
	*mapper
	*pools
	pool  *sql.DB
	now   func() time.Time // nil: the database's
	clock *clock
	log   *slog.Logger

	acquireTimeout, callTimeout time.Duration
	sharePatience               time.Duration // for a connection of the shared statements

	scans, bulk *lane         // of a quarter of the connections each
	shared      *pgxpool.Pool // of the statements that callers share; nil: there is none
	sharing     *lanes

	skew skewedClock

	mu      sync.RWMutex // held for reading while a transaction is let in
	closed  bool
	running sync.WaitGroup // transactions under way
}

func servePostgres(m *mapper, p *pools, _ *lane, o Options) backend {
	quarter := p.writer.Stats().MaxOpenConnections / 4
	pool := &pgPool{
		mapper: m, pools: p, pool: p.writer, now: o.Now, clock: &clock{}, skew: skewedClock{machine: o.machine()}, log: o.logger(),
		acquireTimeout: acquireTimeout, callTimeout: callTimeout, sharePatience: sharePatience,
		scans: newLane(quarter, acquireTimeout), bulk: newLane(quarter, acquireTimeout),
	}
	if p.openShared == nil {
		return pool
	}
	var err error
	if pool.shared, err = p.openShared(); err != nil { // a defect: it does not connect yet
		pool.log.Error("store: each call takes a connection of its own", "error", err)
		return pool
	}
	pool.sharing = newLanes(pool, o.Tracer)
	return pool
}

// limit is how long a caller may wait for a statement that it shares.
func (p *pgPool) limit() time.Duration { return p.callTimeout }

func (p *pgPool) lanes() *lanes { return p.sharing }

func (p *pgPool) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.running.Wait()
	p.sharing.close()
	if p.shared != nil {
		p.shared.Close()
	}
	return p.pools.close()
}

// enter registers a transaction, or returns errClosed once close was called.
func (p *pgPool) enter() error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return errClosed
	}
	p.running.Add(1)
	return nil
}

// ping fails if the clocks of this machine and of the database differ by more
// than maxSkew.
func (p *pgPool) ping(ctx context.Context) error {
	err := p.do(ctx, func(context.Context, *tx) error { return nil })
	if err != nil || p.now != nil {
		return err
	}
	return p.skew.check(p.log)
}

func (p *pgPool) measure(ctx context.Context) error {
	if p.now != nil {
		return nil
	}
	return p.do(ctx, func(context.Context, *tx) error { return nil })
}

func (p *pgPool) time() time.Time {
	if p.now != nil {
		return p.now()
	}
	return p.skew.now()
}

func (p *pgPool) queues() map[string]func() int {
	return map[string]func() int{"bulk writes": p.bulk.length, "scans": p.scans.length, "shared statements": p.sharing.length}
}

// truncateLog does nothing: autovacuum removes deleted rows.
func (p *pgPool) truncateLog(context.Context) error { return nil }

// use runs f on a connection, and again on another one if the first was lost. A
// caller that is cancelled meanwhile does not close the connection.
func (p *pgPool) use(ctx context.Context, f func(context.Context, executor) error) error {
	return p.retry(ctx, false, func(within context.Context) error {
		c, err := p.acquire(ctx, within)
		if err != nil {
			return err
		}
		return c.release(f(within, c))
	})
}

func (p *pgPool) scan(ctx context.Context, f func(context.Context, executor) error) error {
	return p.scans.run(ctx, func() error { return p.use(ctx, f) })
}

func (p *pgPool) do(ctx context.Context, f func(context.Context, *tx) error) error {
	return p.run(ctx, false, f)
}

func (p *pgPool) doLong(ctx context.Context, f func(context.Context, *tx) error) error {
	return p.run(ctx, true, f)
}

func (p *pgPool) doBulk(ctx context.Context, parts ...func(context.Context, *tx) error) error {
	return p.engine.domainError(p.bulk.run(ctx, func() error {
		return p.do(ctx, func(ctx context.Context, t *tx) error {
			for _, part := range parts {
				if err := part(ctx, t); err != nil {
					return err
				}
			}
			return nil
		})
	}))
}

func (p *pgPool) run(ctx context.Context, long bool, f func(context.Context, *tx) error) error {
	if err := p.enter(); err != nil {
		return p.engine.domainError(err)
	}
	defer p.running.Done()
	err := p.retry(ctx, long, func(within context.Context) error {
		c, err := p.acquire(ctx, within)
		if err != nil {
			return err
		}
		return p.transact(within, c, long, f)
	})
	for _, own := range []error{errAbsent, errLost, context.DeadlineExceeded} {
		if errors.Is(err, own) {
			return p.engine.domainError(err)
		}
	}
	return err // the result of f
}

// retry calls f until it succeeds, fails for good, or runs out of time. It
// calls f again only if the last call had no effect. If time runs out or a
// connection is lost, the network may be down and the other connections lost
// too, so that none of the present connections is used again.
func (p *pgPool) retry(ctx context.Context, long bool, f func(within context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", errAbsent, err)
	}
	begun, budget := time.Now(), budgetFrom(ctx)
	defer func() { budget.use(time.Since(begun)) }()
	used := budget.used()
	end, shortened := begun.Add(p.callTimeout-used), used > p.callTimeout/2
	if long {
		end = begun.Add(max(longTimeout, p.callTimeout))
	}
	if asked, ok := ctx.Deadline(); ok && asked.Before(end) {
		end, shortened = asked, true
	}
	within, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	defer cancel()
	for try := 1; ; try++ {
		generation := p.generation.Load()
		err := f(within)
		if err != nil && (errors.Is(err, errLost) || errors.Is(err, errUncertain) || within.Err() != nil && !shortened) {
			p.generation.CompareAndSwap(generation, generation+1)
		}
		switch {
		case err == nil:
			return nil
		case within.Err() != nil: // err may hide the timeout
			return fmt.Errorf("%w: %v", within.Err(), err)
		case try == maxTries || !p.retryable(err):
			return err
		}
		time.Sleep(rand.N(time.Duration(try) * 10 * time.Millisecond)) // so that the contenders do not collide again
	}
}

// retryable reports whether the call had no effect and may succeed if it is
// repeated at once.
func (p *pgPool) retryable(err error) bool {
	return errors.Is(err, errLost) || p.engine.classify.contended(err)
}

// pgConn is a connection while one call uses it.
type pgConn struct {
	*sql.Conn
	mode pgx.QueryExecMode // for the statements that this package prepares
}

func (p *pgPool) acquire(ctx, within context.Context) (pgConn, error) {
	end, _ := within.Deadline()
	if soon := time.Now().Add(p.acquireTimeout); soon.Before(end) {
		end = soon
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	conn, err := p.pool.Conn(ctx)
	for err != nil && isFull(err) && ctx.Err() == nil { // one of ours may become free
		time.Sleep(fullPause)
		conn, err = p.pool.Conn(ctx)
	}
	if err != nil {
		return pgConn{}, fmt.Errorf("%w: %w", errAbsent, err)
	}
	return pgConn{conn, p.prepareMode}, nil
}

func (c pgConn) query(ctx context.Context, s *prepared, args []any) (*sql.Rows, error) {
	return c.QueryContext(ctx, s.text, append([]any{c.mode}, args...)...)
}

func (c pgConn) exec(ctx context.Context, s *prepared, args []any) (sql.Result, error) {
	return c.ExecContext(ctx, s.text, append([]any{c.mode}, args...)...)
}

// release returns the connection to the pool. It returns err, marked with
// errLost if the connection was lost.
func (c pgConn) release(err error) error {
	if err != nil && c.lost() {
		err = fmt.Errorf("%w: %w", errLost, err)
	}
	_ = c.Close() // fails only if it is closed already
	return err
}

func (c pgConn) lost() bool {
	closed := true
	err := c.raw(func(conn *pgx.Conn) error {
		closed = conn.IsClosed()
		return nil
	})
	return err != nil || closed
}

func (c pgConn) raw(f func(*pgx.Conn) error) error {
	return c.Raw(func(conn any) error { return f(conn.(*stdlib.Conn).Conn()) })
}

// transact runs f in a transaction on the connection and then releases it.
func (p *pgPool) transact(ctx context.Context, c pgConn, long bool, f func(context.Context, *tx) error) error {
	ended := false
	defer func() {
		if !ended { // f ended this goroutine (runtime.Goexit)
			_ = c.raw(func(conn *pgx.Conn) error { return conn.Close(context.Background()) })
			_ = c.Close()
		}
	}()
	now, err := p.begin(ctx, c, long)
	if err != nil {
		err = p.engine.domainError(err)
	} else {
		t := newTx(ctx, p.mapper, c, now)
		if err = t.run(p.log, f); err == nil {
			failpoint.HitFor(ctx, failpoint.BeforeCommit)
			err = p.engine.domainError(c.commit(ctx))
			failpoint.HitFor(ctx, failpoint.AfterCommit)
			ended = true
			_ = c.Close()
			return err
		}
		if doomed := t.conn.err; doomed != nil && p.retryable(doomed) { // even if f returned another error
			err = doomed
		}
		_ = c.end(ctx, "ROLLBACK", "ROLLBACK") // if it fails, the connection is lost
	}
	ended = true
	return c.release(err)
}

// begin starts a transaction and returns its time, in one round trip. It takes
// callTimeout at most, even for a long transaction, so that a database that is
// down is noticed soon.
func (p *pgPool) begin(ctx context.Context, c pgConn, long bool) (now time.Time, err error) {
	statements := "BEGIN; SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000::numeric)::bigint"
	if long {
		statements += "; SET LOCAL statement_timeout = " + strconv.FormatInt(longTimeout.Milliseconds(), 10)
	}
	ctx, cancel := context.WithTimeout(ctx, p.callTimeout)
	defer cancel()
	err = c.raw(func(conn *pgx.Conn) error {
		sent := p.skew.machine()
		results, err := conn.PgConn().Exec(ctx, statements).ReadAll()
		if err != nil {
			return err
		}
		var at int64
		_, err = fmt.Sscan(string(results[1].Rows[0][0]), &at)
		now = time.UnixMicro(at)
		p.skew.measure(sent, now)
		return err
	})
	if p.now != nil {
		now = p.now()
	}
	return p.clock.notBefore(now), err
}

// commit returns nil only if the transaction is durable. If the connection is
// lost, the outcome is unknown, and the transaction is not tried again.
func (c pgConn) commit(ctx context.Context) error {
	err := c.end(ctx, "COMMIT", "COMMIT")
	if err != nil && c.lost() {
		err = fmt.Errorf("%w: %v", errUncertain, err)
	}
	return err
}

// end sends the statement and requires the outcome, since PostgreSQL answers
// COMMIT with ROLLBACK if the transaction has failed.
func (c pgConn) end(ctx context.Context, statement, outcome string) error {
	return c.raw(func(conn *pgx.Conn) error {
		results, err := conn.PgConn().Exec(ctx, statement).ReadAll()
		if err == nil && results[0].CommandTag.String() != outcome {
			err = errAborted
		}
		return err
	})
}
