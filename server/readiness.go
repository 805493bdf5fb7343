package server

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/openwearables/openwearables/internal/problem"
)

var errDraining = errors.New("server: draining")

// readyTimeout leaves the health endpoints time to answer within a second.
const readyTimeout = 800 * time.Millisecond

// readiness checks whether requests can be served. It is safe for concurrent
// use.
type readiness struct {
	draining atomic.Bool
	pings    singleflight.Group
}

// check returns an error while the process drains or the ping fails. Concurrent
// callers share one ping, so that a flood of health checks does not load the
// database.
func (r *readiness) check(ctx context.Context, ping func(context.Context) error) error {
	if r.draining.Load() {
		return errDraining
	}
	pinged := r.pings.DoChan("", func() (_ any, err error) {
		defer problem.CatchPanic(&err)
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
