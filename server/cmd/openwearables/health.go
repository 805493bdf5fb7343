package main

import (
	"context"
	"fmt"

	"github.com/openwearables/openwearables/server/operator"
)

// health asks the server on this machine whether it is alive.
func (p *program) health(ctx context.Context, args []string) error {
	s := p.serveSettings()
	s.FlagSet.Init("health", s.ErrorHandling())
	s.summary = "ask the server with the same settings on this machine, within 3 seconds, whether it is alive; exit with 0 if it is and with 1 if not"
	ready := false
	s.toggle(&ready, "ready", "ask whether it is ready for requests, which it is not while it drains or its database is away")
	if err := s.parse(args); err != nil {
		return err
	}
	path := "/livez"
	if ready {
		path = "/readyz"
	}
	if err := operator.Health(ctx, s.config, path); err != nil {
		return err
	}
	_, err := fmt.Fprintln(p.stdout, "ok")
	return err
}
