package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openwearables/openwearables/internal/failpoint"
)

// drainTimeout and closeTimeout together stay below the 10 seconds within which
// the process exits.
const (
	drainTimeout = 6 * time.Second
	closeTimeout = 3 * time.Second
)

// Run listens, calls ready once with the address of the public listener, and
// serves until ctx ends. Then it drains: it answers the requests in flight,
// refuses new ones, and after 6 seconds cuts off and logs the rest. The caller
// must still call Close.
func (s *Server) Run(ctx context.Context, ready func(addr string)) error {
	listeners, err := s.listen()
	if err != nil {
		return err
	}
	failed := make(chan error, len(listeners))
	for _, b := range listeners {
		go func() { failed <- b.serve() }()
	}
	if ready != nil {
		ready(listeners[0].listener.Addr().String())
	}
	select {
	case err = <-failed:
		err = fmt.Errorf("a listener failed: %w", err)
	case <-ctx.Done():
	}
	s.drain(listeners)
	return err
}

// drain makes the node not ready, waits for DrainDelay, and shuts the servers
// down.
func (s *Server) drain(all []boundServer) {
	s.readiness.draining.Store(true)
	time.Sleep(s.config.DrainDelay)
	failpoint.Hit(failpoint.MidDrain)
	s.closeGateway()
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	for _, b := range all {
		if err := b.server.Shutdown(ctx); err != nil {
			s.config.Log.Warn("requests under way were cut off", "error", errors.Join(err, b.server.Close()))
		}
	}
}
