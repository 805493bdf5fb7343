package installation

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// reports returns reports that count their readings, and fail them while failing holds an error.
func reports(now func() time.Time) (r *Reports, reads *atomic.Int64, failing *atomic.Pointer[error]) {
	reads, failing = new(atomic.Int64), new(atomic.Pointer[error])
	r = &Reports{Clock: now, Count: func(ctx context.Context) (Stats, error) {
		reads.Add(1)
		if err := failing.Load(); err != nil {
			return Stats{}, *err
		}
		return Stats{Users: reads.Load()}, ctx.Err()
	}}
	return r, reads, failing
}

func developer(ctx context.Context) context.Context {
	return auth.WithCaller(ctx, &auth.Caller{Principal: &auth.Principal{Kind: auth.DeveloperToken, ID: "d"}})
}

// Callers at the same time share one reading, even if the one who began it has gone.
func TestCallersShareAReading(t *testing.T) {
	at := time.Now()
	r, reads, _ := reports(func() time.Time { return at })
	gone, cancel := context.WithCancel(developer(t.Context()))
	cancel()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if n, err := r.Stats(gone); n.Users != 1 || err != nil {
				t.Errorf("answered %v, %v", n, err)
			}
		})
	}
	group.Wait()
	if reads.Load() != 1 {
		t.Errorf("read %d times", reads.Load())
	}
}

// A reading holds for a minute, and again if the clock was set back. One that failed holds for a second.
func TestReadingsAgeAndFail(t *testing.T) {
	at := time.Now()
	r, reads, failing := reports(func() time.Time { return at })
	ctx, broken := developer(t.Context()), errors.New("broken")
	for i, step := range []struct {
		pass  time.Duration
		fails bool
		reads int64
	}{
		{0, false, 1},
		{statsFor, false, 1},
		{time.Second, false, 2},
		{-24 * time.Hour, false, 3},
		{statsFor + time.Second, true, 4},
		{failedFor, true, 4},
		{time.Second, true, 5},
		{2 * time.Second, false, 6},
	} {
		at = at.Add(step.pass)
		if failing.Store(nil); step.fails {
			failing.Store(&broken)
		}
		n, err := r.Stats(ctx)
		if (err != nil) != step.fails || reads.Load() != step.reads || !step.fails && n.Users == 0 {
			t.Errorf("step %d: %v, %v after %d readings, want %d", i, n, err, reads.Load(), step.reads)
		}
	}
}

// Nobody but developers makes the node read.
func TestOthersReadNothing(t *testing.T) {
	r, reads, _ := reports(time.Now)
	ctx := auth.WithCaller(t.Context(), &auth.Caller{Principal: &auth.Principal{Kind: auth.APIKey, ID: "k"}})
	_, first := r.Stats(ctx)
	_, second := r.Installation(ctx)
	if first == nil || second == nil || reads.Load() != 0 {
		t.Errorf("%v, %v after %d readings", first, second, reads.Load())
	}
}
