package openwearables

import (
	"context"
	"time"
)

// pause is a wait that the server asked for.
type pause struct {
	end time.Time
	err *Error
}

// wait waits until the renewal is done. It fails when ctx ends, and at once if the
// renewal pauses for longer than ctx lasts.
func (r *renewal) wait(ctx context.Context) *Error {
	for {
		r.core.mu.Lock()
		paused, p := r.paused, r.pause
		r.core.mu.Unlock()
		if end, ok := ctx.Deadline(); ok && p != nil && end.Before(p.end) {
			return p.err.after(max(time.Until(p.end), 0))
		}
		select {
		case <-r.done:
			return nil
		case <-paused:
		case <-ctx.Done():
			return contextError(ctx)
		}
	}
}

// announce tells the callers that wait of a pause.
func (r *renewal) announce(d time.Duration, err *Error) {
	r.core.mu.Lock()
	defer r.core.mu.Unlock()
	r.pause = &pause{time.Now().Add(d), err}
	close(r.paused)
	r.paused = make(chan struct{})
}

// sleep waits before the attempt after the n-th: as long as the server asks, else a
// random time. It reports whether there is time for another attempt.
func (r *renewal) sleep(ctx context.Context, n int, err *Error) bool {
	d := backoff(n)
	if err.RetryAfter > 0 {
		d = min(err.RetryAfter, maxCooldown)
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d+time.Second {
		return false
	}
	if err.RetryAfter > 0 {
		r.announce(d, err)
	}
	return wait(ctx, d) == nil
}
