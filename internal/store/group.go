package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/failpoint"
	"github.com/openwearables/openwearables/internal/problem"
)

const (
	maxBatch   = 256  // jobs in one commit
	maxWaiting = 1024 // jobs before callers are turned away
	maxBegins  = 4    // tries to get the database from another process
)

var (
	errQueueFull  = errors.New("store: too many writes are waiting")
	errJobExited  = errors.New("store: the transaction's goroutine ended")
	errTxFinished = errors.New("store: the transaction has ended")
)

// group commits many transactions at once. One goroutine owns the connection
// that writes: it takes every job that waits, runs each in a savepoint of one
// transaction, commits, and answers all. A job that is alone waits for nobody.
type group struct {
	*mapper
	pool  *sql.DB
	clock *clock
	log   *slog.Logger

	mu      sync.RWMutex // held for reading while a job is queued
	closed  bool
	queue   chan *job
	tidies  chan chan error
	stopped chan struct{}

	conn *connection // nil until it is needed, and after it failed
}

// job is one transaction that waits for its turn.
type job struct {
	ctx   context.Context
	f     func(context.Context, *tx) error
	state atomic.Int32
	err   error // what f made of it
	done  chan error
}

const (
	waiting int32 = iota
	started
	abandoned
)

func newGroup(m *mapper, pool *sql.DB, c *clock, log *slog.Logger) *group {
	g := &group{
		mapper: m, pool: pool, clock: c, log: log,
		queue: make(chan *job, maxWaiting), tidies: make(chan chan error), stopped: make(chan struct{}),
	}
	go g.run()
	return g
}

// do runs f once. A caller that is cancelled before its turn leaves the queue.
func (g *group) do(ctx context.Context, f func(context.Context, *tx) error) error {
	if err := ctx.Err(); err != nil {
		return problem.UnavailableError(err)
	}
	j := &job{ctx: context.WithoutCancel(ctx), f: f, done: make(chan error, 1)}
	if err := g.enqueue(j); err != nil {
		return problem.UnavailableError(err)
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.state.CompareAndSwap(waiting, abandoned) {
			return problem.UnavailableError(ctx.Err())
		}
		return <-j.done
	}
}

// doLong is do, which has no limit once it is a transaction's turn.
func (g *group) doLong(ctx context.Context, f func(context.Context, *tx) error) error {
	return g.do(ctx, f)
}

func (g *group) enqueue(j *job) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return errClosed
	}
	select {
	case g.queue <- j:
		return nil
	default:
		return errQueueFull
	}
}

// close lets the jobs that wait finish and refuses new ones.
func (g *group) close() {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.queue)
	}
	g.mu.Unlock()
	<-g.stopped
}

func (g *group) run() {
	var batch []*job
	finished := false
	defer func() {
		g.disconnect()
		if finished {
			close(g.stopped)
			return
		}
		answer(batch, errJobExited) // a job ended this goroutine (runtime.Goexit)
		go g.run()
	}()
	for !finished {
		select {
		case j, ok := <-g.queue:
			if finished = !ok; ok {
				batch = g.gather(batch[:0], j)
				answer(batch, g.commit(batch))
				clear(batch)
			}
		case reply := <-g.tidies:
			reply <- g.tidyUp()
		}
	}
}

// gather takes the jobs that wait beside the first, up to maxBatch.
func (g *group) gather(batch []*job, first *job) []*job {
	batch = append(batch, first)
	for len(batch) < maxBatch {
		select {
		case j, ok := <-g.queue:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// answer tells each job its own outcome, or the batch's failure: then nothing
// that any of them did, or saw another do, remains.
func answer(batch []*job, failure error) {
	for _, j := range batch {
		if failure != nil {
			j.err = problem.UnavailableError(failure)
		}
		j.done <- j.err
	}
}

// commit runs the jobs in one transaction.
func (g *group) commit(batch []*job) (err error) {
	if err = g.begin(); err != nil {
		g.log.Warn("store: no write transaction", "error", err)
		return err
	}
	if err = g.runAll(batch); err == nil {
		failpoint.Hit(failpoint.BeforeCommit)
		err = g.conn.run(g.conn.commit)
		failpoint.Hit(failpoint.AfterCommit)
	}
	if err != nil {
		g.log.Error("store: writes were undone", "writes", len(batch), "error", err)
		g.disconnect() // what is left of the transaction goes with its connection
	}
	return err
}

// begin starts a transaction. While another process holds the database it
// tries again, for less than a second in all.
func (g *group) begin() error {
	for try := 1; ; try++ {
		err := g.connect()
		if err == nil {
			err = g.conn.run(g.conn.begin)
		}
		switch {
		case err == nil:
			return nil
		case !g.engine.fault.contended(err):
			g.disconnect()
			return err
		case try == maxBegins:
			return err
		}
		time.Sleep(rand.N(20 * time.Millisecond)) // so that those who contend do not meet again
	}
}

func (g *group) connect() (err error) {
	if g.conn == nil {
		g.conn, err = newConnection(g.pool)
	}
	return err
}

// disconnect closes the connection; the next batch opens another.
func (g *group) disconnect() {
	if g.conn == nil {
		return
	}
	if err := g.conn.discard(); err != nil {
		g.log.Warn("store: closing the connection that writes", "error", err)
	}
	g.conn = nil
}

// runAll runs each job that is still wanted and undoes those that fail. An
// error means that the transaction is lost.
func (g *group) runAll(batch []*job) error {
	for _, j := range batch {
		if !j.state.CompareAndSwap(waiting, started) {
			continue
		}
		if err := g.conn.run(g.conn.savepoint); err != nil {
			return errors.Join(errLost, err)
		}
		j.err = newTx(j.ctx, g.mapper, g.conn, g.clock.tick()).run(g.log, j.f)
		if j.err != nil {
			if err := g.conn.run(g.conn.undo); err != nil {
				return errors.Join(errLost, err, j.err)
			}
		}
		if err := g.conn.run(g.conn.release); err != nil {
			return errors.Join(errLost, err)
		}
	}
	return nil
}

func (g *group) ping(ctx context.Context) error {
	return g.do(ctx, func(context.Context, *tx) error { return nil })
}

// tidy empties the WAL: what was deleted leaves it too.
func (g *group) tidy(ctx context.Context) error {
	reply := make(chan error, 1)
	select {
	case g.tidies <- reply:
		return <-reply
	case <-g.stopped:
		return problem.UnavailableError(errClosed)
	case <-ctx.Done():
		return problem.UnavailableError(ctx.Err())
	}
}

func (g *group) tidyUp() error {
	if err := g.connect(); err != nil {
		return g.engine.domain(err)
	}
	_, err := g.conn.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
	return g.engine.domain(err)
}
