package load_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/load"
)

// A quantile is never below the true one, and above it by no more than a 64th.
func TestQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var halves [2]load.Histogram
	var all []time.Duration
	for i := range 20_000 {
		d := time.Duration(random.ExpFloat64() * float64(time.Millisecond))
		if i%100 == 0 {
			d = time.Duration(random.Int64N(int64(time.Minute)))
		}
		all = append(all, d)
		halves[i%2].Add(d)
	}
	slices.Sort(all)
	h := &halves[0]
	h.Merge(&halves[1])
	for _, q := range []float64{0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1} {
		exact := all[max(1, int(q*float64(len(all))))-1]
		if got := h.Quantile(q); got < exact || got > exact+exact/64+1 {
			t.Errorf("the quantile %v of a histogram is %v, want %v", q, got, exact)
		}
	}
}

func TestQuantilesAtTheEnds(t *testing.T) {
	var h load.Histogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("of nothing the median is %v", got)
	}
	for _, d := range []time.Duration{-1, 0, 1, 127, 128, 129, 255, 256} {
		h = load.Histogram{}
		h.Add(d)
		if got := h.Quantile(0.5); got < d || got > max(d, 0)+d/64+1 {
			t.Errorf("the median of %d ns is %d ns", d, got)
		}
	}
	h = load.Histogram{}
	h.Add(time.Hour)
	if got := h.Quantile(1); got < time.Minute {
		t.Errorf("an hour is counted as %v", got)
	}
}

// clients returns n clients that make the same call.
func clients(n int, call load.Call) []load.Call { return slices.Repeat([]load.Call{call}, n) }

// No more calls are made than may be, and all that are made are counted.
func TestMostCallsOfAPlan(t *testing.T) {
	var made atomic.Int64
	r, err := load.Run(t.Context(), load.Plan{For: time.Minute, Most: 1001, Calls: clients(8, func(context.Context) (time.Duration, error) {
		made.Add(1)
		return 0, nil
	})})
	if err != nil || r.Answered != 1001 || made.Load() != 1001 || r.Limited != 0 || r.Rate() <= 0 {
		t.Errorf("%d were made, %d counted, %v", made.Load(), r.Answered, err)
	}
}

// After a call that was turned away no client makes another before the pause is over,
// and none at all if that is after the end.
func TestPauseOfAllClients(t *testing.T) {
	var begun, early atomic.Int64
	var resume atomic.Pointer[time.Time]
	call := func(context.Context) (time.Duration, error) {
		if until := resume.Load(); until != nil && time.Now().Before(*until) {
			early.Add(1)
		}
		if begun.Add(1) == 100 {
			at := time.Now().Add(50 * time.Millisecond)
			resume.Store(&at)
			return 100 * time.Millisecond, nil
		}
		return 0, nil
	}
	r, err := load.Run(t.Context(), load.Plan{For: time.Minute, Most: 10_000, Calls: clients(4, call)})
	if err != nil || r.Limited != 1 || r.Answered != 9_999 || r.Paused < 50*time.Millisecond || early.Load() > 3 {
		t.Errorf("answered %d, limited %d, paused %v, early %d, %v", r.Answered, r.Limited, r.Paused, early.Load(), err)
	}
	r, err = load.Run(t.Context(), load.Plan{For: time.Minute, Calls: clients(1, func(context.Context) (time.Duration, error) {
		return time.Hour, nil
	})})
	if err != nil || r.Limited != 1 || r.Answered != 0 || r.Took > 30*time.Second || r.Paused > time.Minute {
		t.Errorf("answered %d, limited %d in %v, paused %v, %v", r.Answered, r.Limited, r.Took, r.Paused, err)
	}
}

// An error ends the load of all clients.
func TestErrorEndsTheLoad(t *testing.T) {
	failure := errors.New("answered 500")
	var made atomic.Int64
	r, err := load.Run(t.Context(), load.Plan{For: time.Hour, Calls: clients(8, func(ctx context.Context) (time.Duration, error) {
		if made.Add(1) == 500 {
			return 0, failure
		}
		return 0, ctx.Err()
	})})
	if !errors.Is(err, failure) || r.Answered < 490 || r.Answered > 500 {
		t.Errorf("%d answered, %v", r.Answered, err)
	}
}

// The end of the context is an error, and ends a pause too.
func TestContextEndsTheLoad(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := load.Run(ctx, load.Plan{For: time.Hour, Calls: clients(2, func(context.Context) (time.Duration, error) {
		cancel()
		return time.Minute, nil
	})})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}
