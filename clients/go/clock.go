package openwearables

import (
	"context"
	"time"
)

// clock reads the time: wall is the clock that people and NTP set, mono is
// monotonic.
type clock struct {
	wall func() time.Time
	mono func() time.Duration
}

var started = time.Now()

func systemClock() clock {
	return clock{wall: time.Now, mono: func() time.Duration { return time.Since(started) }}
}

// wait sleeps for d. If ctx ends first, it returns the cause.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok || d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}
