package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openwearables/openwearables/internal/failpoint"
)

// drainTimeout and closeTimeout together leave room below the 10 seconds that
// an exit may take.
const (
	drainTimeout = 6 * time.Second
	closeTimeout = 3 * time.Second
)

// Run serves until ctx ends, then drains: requests under way are answered, new
// ones refused, and what is not done within 6 seconds is cut off and logged.
// ready is called once with the address when requests are accepted. The caller
// still has to Close.
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

// drain answers what is under way and then closes the listeners.
func (s *Server) drain(all []boundServer) {
	s.readiness.draining.Store(true)
	time.Sleep(s.config.DrainDelay)
	failpoint.Hit(failpoint.MidDrain)
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	for _, b := range all {
		if err := b.server.Shutdown(ctx); err != nil {
			s.config.Log.Warn("requests under way were cut off", "error", errors.Join(err, b.server.Close()))
		}
	}
}
