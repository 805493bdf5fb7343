package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// errNotShared tells a caller that nothing was done for it in a shared statement: it
// has to go its own way.
var errNotShared = errors.New("store: not in a shared statement")

// sharePatience is how long a job waits for its statement to begin before it goes its
// own way: the connection of the one that runs may hang.
const sharePatience = 250 * time.Millisecond

// coalescer runs one statement for all jobs that wait when it begins. A job that comes
// alone is run at once; those that come meanwhile are the next batch, so that they are
// the more together the busier it is. It waits for no time and for nobody. Safe for
// concurrent use.
type coalescer[J, R any] struct {
	// run runs the jobs of a batch and returns the result of each. An error is that of
	// all; errNotShared sends each its own way.
	run func(jobs []J) ([]result[R], error)
	// key returns what jobs of one batch must not have in common; nil: they may be alike.
	key func(*J) string
	// effectless tells that a caller who is gone need not know what became of its job.
	effectless bool
	// limit is how long a caller may wait in all, and patience for its turn.
	limit    func() time.Duration
	patience time.Duration

	mu      sync.RWMutex // held for reading while a job is queued
	closed  bool
	queue   chan *sharedJob[J, R]
	workers sync.WaitGroup
}

// result is what a job got, or its error.
type result[R any] struct {
	value R
	err   error
}

type sharedJob[J, R any] struct {
	turn
	job  J
	done chan result[R] // has room for the result
}

func newCoalescer[J, R any](workers int, limit func() time.Duration, key func(*J) string, run func([]J) ([]result[R], error)) *coalescer[J, R] {
	c := &coalescer[J, R]{run: run, key: key, limit: limit, patience: sharePatience, queue: make(chan *sharedJob[J, R], maxWaiting)}
	for range workers {
		c.workers.Go(c.work)
	}
	return c
}

// length returns how many jobs wait.
func (c *coalescer[J, R]) length() int { return len(c.queue) }

// close waits for the queued jobs and refuses new ones.
func (c *coalescer[J, R]) close() {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.queue)
	}
	c.mu.Unlock()
	c.workers.Wait()
}

// do runs the job in a batch. A caller who is gone before its statement begins leaves
// the queue. So does one who has waited for long, or finds it full: its error is
// errNotShared. Once the statement has begun neither ends the job, and a caller whose
// time is over gets errUncertain. The time counts as that of its request.
func (c *coalescer[J, R]) do(ctx context.Context, job J) (none R, err error) {
	begun, budget := time.Now(), budgetFrom(ctx)
	defer func() { budget.use(time.Since(begun)) }()
	left := c.limit() - budget.used()
	if left <= 0 {
		return none, errNotShared
	}
	j := &sharedJob[J, R]{job: job, done: make(chan result[R], 1)}
	if err := c.enqueue(j); err != nil {
		return none, err
	}
	patience := time.NewTimer(min(left, c.patience))
	defer patience.Stop()
	why := errNotShared
	select {
	case r := <-j.done:
		return r.value, r.err
	case <-patience.C:
	case <-ctx.Done():
		why = ctx.Err()
	}
	if j.leave() {
		return none, why
	}
	var gone <-chan struct{}
	if c.effectless {
		gone = ctx.Done()
	}
	patience.Reset(left - time.Since(begun))
	select {
	case r := <-j.done:
		return r.value, r.err
	case <-gone:
		return none, ctx.Err()
	case <-patience.C:
		return none, fmt.Errorf("%w: %w", errUncertain, context.DeadlineExceeded)
	}
}

func (c *coalescer[J, R]) enqueue(j *sharedJob[J, R]) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return errClosed
	}
	select {
	case c.queue <- j:
		return nil
	default:
		return errNotShared
	}
}

func (c *coalescer[J, R]) work() {
	var batch, later []*sharedJob[J, R]
	for {
		if batch, later = append(batch[:0], later...), later[:0]; len(batch) == 0 {
			first, ok := <-c.queue
			if !ok {
				return
			}
			batch = append(batch, first)
		}
		batch = gather(batch, c.queue, maxBatch)
		batch, later = c.admit(batch, later)
		c.answer(batch)
		clear(batch)
	}
}

// admit returns those of the batch that have not left, without the later ones of those
// with one key: these are for the next batch.
func (c *coalescer[J, R]) admit(batch, later []*sharedJob[J, R]) (now, next []*sharedJob[J, R]) {
	var keys map[string]bool
	if c.key != nil && len(batch) > 1 {
		keys = make(map[string]bool, len(batch))
	}
	now = batch[:0]
	for _, j := range batch {
		if keys != nil {
			key := c.key(&j.job)
			if keys[key] {
				later = append(later, j)
				continue
			}
			keys[key] = true
		}
		if j.take() {
			now = append(now, j)
		}
	}
	return now, later
}

// attempt runs the jobs. A panic is the error of all.
func (c *coalescer[J, R]) attempt(jobs []J) (_ []result[R], err error) {
	defer problem.CatchPanic(&err)
	return c.run(jobs)
}

// answer runs the batch and gives each job its result.
func (c *coalescer[J, R]) answer(batch []*sharedJob[J, R]) {
	if len(batch) == 0 {
		return
	}
	jobs := make([]J, len(batch))
	for i, j := range batch {
		jobs[i] = j.job
	}
	results, err := c.attempt(jobs)
	for i, j := range batch {
		if err != nil {
			j.done <- result[R]{err: err}
		} else {
			j.done <- results[i]
		}
	}
}
