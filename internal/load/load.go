// Package load makes calls by many clients at once and measures how they are
// answered: how many a second, and how long each takes.
package load

import (
	"context"
	"sync"
	"time"
)

// Call makes one call and returns when it is answered. If it was turned away for a
// while it returns how long to pause, and an error only if the whole load must end.
type Call func(ctx context.Context) (pause time.Duration, err error)

// Plan says what to do.
type Plan struct {
	Calls []Call        // one for each client, each of which makes its next call once the last is answered
	For   time.Duration // no call begins later than so long after the start
	Most  int           // calls of all clients together; 0: any number
}

// Result is what was measured.
type Result struct {
	Answered int           // calls that were answered
	Limited  int           // calls that were turned away for a while
	Paused   time.Duration // how long no client made a call for that reason
	Took     time.Duration // from the start to the last answer
	Latency  Histogram     // of the calls that were answered
}

// Rate returns how many calls were answered a second.
func (r *Result) Rate() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Answered) / r.Took.Seconds()
}

// Run carries out a plan. Once a call is turned away no client makes another before
// the pause is over; if that is later than the plan lasts, the plan ends. Run returns
// the first error, with what was measured until then.
func Run(ctx context.Context, p Plan) (*Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begun := time.Now()
	r := &run{Plan: p, begun: begun, until: begun.Add(p.For), resume: begun}
	results := make([]Result, len(p.Calls))
	var all sync.WaitGroup
	for i, call := range p.Calls {
		all.Go(func() {
			if err := r.client(ctx, call, &results[i]); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	sum := Result{Took: time.Since(begun), Paused: r.paused}
	for i := range results {
		sum.Answered += results[i].Answered
		sum.Limited += results[i].Limited
		sum.Latency.Merge(&results[i].Latency)
	}
	return &sum, context.Cause(ctx)
}

// run is what the clients of a plan share.
type run struct {
	Plan
	begun, until time.Time

	mu     sync.Mutex
	made   int
	resume time.Time // no call begins before it
	paused time.Duration
}

// client makes calls one after the other.
func (r *run) client(ctx context.Context, call Call, to *Result) error {
	for r.turn(ctx) {
		begun := time.Now()
		pause, err := call(ctx)
		if err != nil {
			return err
		}
		if pause > 0 {
			to.Limited++
			r.rest(pause)
			continue
		}
		to.Latency.Add(time.Since(begun))
		to.Answered++
	}
	return nil
}

// turn waits until a client may make its next call, and reports whether it may.
func (r *run) turn(ctx context.Context) bool {
	for {
		wait, more := r.admit()
		if !more || ctx.Err() != nil {
			return false
		}
		if wait <= 0 {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}

// admit counts a call that may begin now. Else it returns how long to wait, or that
// there is no more.
func (r *run) admit() (wait time.Duration, more bool) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !now.Before(r.until) || !r.resume.Before(r.until) || r.Most > 0 && r.made >= r.Most {
		return 0, false
	}
	if wait = r.resume.Sub(now); wait <= 0 {
		r.made++
	}
	return wait, true
}

// rest lets no call begin before the pause is over.
func (r *run) rest(pause time.Duration) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	from, to := r.resume, now.Add(pause)
	if from.Before(now) {
		from = now
	}
	if to.After(from) {
		r.paused += min(to.Sub(from), max(0, r.until.Sub(from)))
		r.resume = to
	}
}
