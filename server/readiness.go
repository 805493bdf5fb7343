package server

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

var errDraining = errors.New("server: draining")

// readyTimeout and what a health endpoint does besides take less than a second.
const readyTimeout = 800 * time.Millisecond

// readiness says whether requests can be served soon. Safe for concurrent use.
type readiness struct {
	draining atomic.Bool
	pings    singleflight.Group
}

// check returns an error while the process drains or ping fails. Callers at the
// same time share one ping, so that no flood of them keeps others from the
// database.
func (r *readiness) check(ctx context.Context, ping func(context.Context) error) error {
	if r.draining.Load() {
		return errDraining
	}
	pinged := r.pings.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
		defer cancel()
		return nil, ping(ctx)
	})
	select {
	case ping := <-pinged:
		return ping.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}
