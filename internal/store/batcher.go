package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/failpoint"
	"github.com/openwearables/openwearables/internal/problem"
)

const (
	maxBatch   = 256  // jobs in one commit
	maxWaiting = 1024 // jobs in the queue; more are refused
	maxBegins  = 4    // attempts while another process holds the database
)

var (
	errQueueFull  = errors.New("store: too many writes are waiting")
	errJobExited  = errors.New("store: the transaction's goroutine ended")
	errTxFinished = errors.New("store: the transaction has ended")
)

// batcher is a group commit: it commits many transactions at once. One
// goroutine owns the connection that writes. It takes every job that waits,
// runs each in a savepoint of one transaction, commits, and then replies to all
// of them. A job that comes alone is committed at once.
type batcher struct {
	*mapper
	pool        *sql.DB
	checkpoints *checkpointer
	clock       *clock
	log         *slog.Logger
	committed   func(transactions int, took time.Duration) // see Options

	mu          sync.RWMutex // held for reading while a job is queued
	closed      bool
	queue       chan *job
	bulk        chan *job // at most one; bulkTurns lets it in
	bulkTurns   *lane
	busy        *lane // in which the processor is had for a bulk write
	truncations chan chan error
	stopped     chan struct{}

	batch []*job      // the jobs of the commit under way
	conn  *connection // nil before the first batch and after a failure
}

// job is what waits for its turn: a transaction, or several of which each begins
// once the one before is committed.
type job struct {
	turn
	ctx  context.Context
	f    func(context.Context, *tx) error
	rest []func(context.Context, *tx) error // those after f
	err  error                              // the result of f
	done chan error
}

// next turns to the next transaction, and reports whether there is one.
func (j *job) next() bool {
	if j.err != nil || len(j.rest) == 0 || j.left() {
		return false
	}
	j.f, j.rest = j.rest[0], j.rest[1:]
	return true
}

func newBatcher(m *mapper, pool *sql.DB, busy *lane, c *clock, o Options) *batcher {
	log := o.logger()
	b := &batcher{
		mapper: m, pool: pool, checkpoints: newCheckpointer(pool, log), clock: c, log: log, committed: o.Committed,
		queue: make(chan *job, maxWaiting), bulk: make(chan *job, 1), bulkTurns: newLane(1, acquireTimeout), busy: busy,
		truncations: make(chan chan error), stopped: make(chan struct{}),
	}
	go b.run()
	return b
}

// do runs f once. A caller that is cancelled before its turn leaves the queue;
// f then does not run.
func (b *batcher) do(ctx context.Context, f func(context.Context, *tx) error) error {
	_, err := b.submit(ctx, b.queue, []func(context.Context, *tx) error{f})
	return err
}

// doBulk commits each part alone. Between two parts, and two calls, the others that
// wait are committed.
func (b *batcher) doBulk(ctx context.Context, parts ...func(context.Context, *tx) error) error {
	return b.engine.domainError(b.bulkTurns.run(ctx, func() error {
		return b.busy.run(ctx, func() error {
			b.checkpoints.shorten()
			// The turn lasts until the writer has taken the job, also an abandoned one:
			// the next would find no place.
			j, err := b.submit(ctx, b.bulk, parts)
			if j != nil && j.left() {
				<-j.done
			}
			return err
		})
	}))
}

// submit queues a job of the parts and waits for its result. It returns the job, or
// nil if it could not be queued.
func (b *batcher) submit(ctx context.Context, queue chan<- *job, parts []func(context.Context, *tx) error) (*job, error) {
	if err := ctx.Err(); err != nil {
		return nil, problem.UnavailableError(err)
	}
	j := &job{ctx: context.WithoutCancel(ctx), f: parts[0], rest: parts[1:], done: make(chan error, 1)}
	if err := b.enqueue(j, queue); err != nil {
		return nil, problem.UnavailableError(err)
	}
	select {
	case err := <-j.done:
		return j, err
	case <-ctx.Done():
		if j.leave() {
			return j, problem.UnavailableError(ctx.Err())
		}
		return j, <-j.done
	}
}

// doLong is do: once a transaction has begun, SQLite sets it no time limit.
func (b *batcher) doLong(ctx context.Context, f func(context.Context, *tx) error) error {
	return b.do(ctx, f)
}

func (b *batcher) enqueue(j *job, queue chan<- *job) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return errClosed
	}
	select {
	case queue <- j:
		return nil
	default:
		return errQueueFull
	}
}

// close waits for the queued jobs and refuses new ones.
func (b *batcher) close() {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.queue)
	}
	b.mu.Unlock()
	<-b.stopped
}

func (b *batcher) run() {
	finished := false
	defer func() {
		b.disconnect()
		if finished {
			b.checkpoints.close()
			close(b.stopped)
			return
		}
		answer(b.batch, errJobExited) // a job ended this goroutine (runtime.Goexit)
		go b.run()
	}()
	for open := true; open; {
		bulk := b.bulk
		if b.checkpoints.moving.Load() {
			bulk = nil // it would make a long WAL longer
		}
		select {
		case j, ok := <-b.queue:
			if open = ok; ok {
				b.work(j)
			}
		case j := <-bulk:
			b.workBulk(j)
			select { // not another one before those that wait
			case j, ok := <-b.queue:
				if open = ok; ok {
					b.work(j)
				}
			default:
			}
		case <-b.checkpoints.passed:
			b.moveRest()
		case reply := <-b.truncations:
			reply <- b.checkpoint()
		}
	}
	for len(b.bulk) > 0 { // the last, since none is let in any more
		b.workBulk(<-b.bulk)
	}
	finished = true
}

// work commits the job with the others that wait, up to maxBatch in all.
func (b *batcher) work(first *job) {
	b.batch = gather(append(b.batch[:0], first), b.queue, maxBatch)
	answer(b.batch, b.commit(b.batch))
	b.finish()
}

// workBulk commits the job alone. If it has another transaction, the job goes back
// to the place that it had, which nobody takes before it was answered.
func (b *batcher) workBulk(j *job) {
	b.batch = append(b.batch[:0], j)
	if err := b.commit(b.batch); err != nil || !j.next() {
		answer(b.batch, err)
	} else {
		b.bulk <- j
	}
	b.finish()
}

// finish has what was committed moved into the database file.
func (b *batcher) finish() {
	clear(b.batch)
	b.batch = b.batch[:0]
	b.checkpoints.wake()
	b.moveRest()
}

func (b *batcher) moveRest() {
	if b.conn == nil {
		return
	}
	if err := b.checkpoints.finish(b.conn); err != nil {
		b.log.Warn("store: the WAL could not be moved into the database file", "error", err)
	}
}

// answer sends each job its own result. If the batch failed, every job gets
// that failure, since nothing that any of them wrote, or read from another,
// remains.
func answer(batch []*job, failure error) {
	for _, j := range batch {
		if failure != nil {
			j.err = problem.UnavailableError(failure)
		}
		j.done <- j.err
	}
}

// commit runs the jobs in one transaction.
func (b *batcher) commit(batch []*job) (err error) {
	begun := time.Now()
	if err = b.begin(); err != nil {
		b.log.Warn("store: no write transaction", "error", err)
		return err
	}
	if err = b.runAll(batch); err == nil {
		failpoint.Hit(failpoint.BeforeCommit)
		err = b.conn.run(b.conn.commit)
		failpoint.Hit(failpoint.AfterCommit)
	}
	if err != nil {
		b.log.Error("store: writes were undone", "writes", len(batch), "error", err)
		b.disconnect() // closing the connection rolls back the rest of the transaction
		return err
	}
	if b.committed != nil {
		b.committed(len(batch), time.Since(begun))
	}
	return nil
}

// begin starts a transaction. While another process holds the database it tries
// again, for less than a second in all.
func (b *batcher) begin() error {
	for try := 1; ; try++ {
		err := b.connect()
		if err == nil {
			err = b.conn.run(b.conn.begin)
		}
		switch {
		case err == nil:
			return nil
		case !b.engine.classify.contended(err):
			b.disconnect()
			return err
		case try == maxBegins:
			return err
		}
		time.Sleep(rand.N(20 * time.Millisecond)) // so that the contenders do not collide again
	}
}

func (b *batcher) connect() (err error) {
	if b.conn == nil {
		b.conn, err = newConnection(b.pool)
	}
	return err
}

// disconnect closes the connection; the next batch opens another.
func (b *batcher) disconnect() {
	if b.conn == nil {
		return
	}
	if err := b.conn.discard(); err != nil {
		b.log.Warn("store: closing the connection that writes", "error", err)
	}
	b.conn = nil
}

// runAll runs the jobs that were not abandoned and rolls back those that fail.
// An error means that the whole transaction is lost.
func (b *batcher) runAll(batch []*job) error {
	for _, j := range batch {
		if !j.take() {
			continue
		}
		if err := b.conn.run(b.conn.savepoint); err != nil {
			return errors.Join(errLost, err)
		}
		j.err = newTx(j.ctx, b.mapper, b.conn, b.clock.tick()).run(b.log, j.f)
		if j.err != nil {
			if err := b.conn.run(b.conn.rollbackTo); err != nil {
				return errors.Join(errLost, err, j.err)
			}
		}
		if err := b.conn.run(b.conn.release); err != nil {
			return errors.Join(errLost, err)
		}
	}
	return nil
}

func (b *batcher) ping(ctx context.Context) error {
	return b.do(ctx, func(context.Context, *tx) error { return nil })
}

// truncateLog empties the WAL, so that deleted data does not remain in it. Its error
// is errWALInUse if that has to be tried again.
func (b *batcher) truncateLog(ctx context.Context) error {
	b.checkpoints.pass() // so that the writer has little left to move
	reply := make(chan error, 1)
	select {
	case b.truncations <- reply:
		return <-reply
	case <-b.stopped:
		return problem.UnavailableError(errClosed)
	case <-ctx.Done():
		return problem.UnavailableError(ctx.Err())
	}
}

func (b *batcher) checkpoint() error {
	if err := b.connect(); err != nil {
		return b.engine.domainError(err)
	}
	return b.checkpoints.empty(b.conn)
}
