package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/openwearables/openwearables/server/operator"
)

func (p *program) health() *cobra.Command {
	s := p.serveSettings("health", "ask the server with the same settings on this machine, within 3 seconds, whether it is alive; exit with 0 if it is and with 1 if not")
	ready := false
	s.toggle(&ready, "ready", "ask whether it is ready for requests, which it is not while it drains or its database is away")
	return s.command(func(ctx context.Context) error {
		path := "/livez"
		if ready {
			path = "/readyz"
		}
		if err := operator.Health(ctx, s.config, path); err != nil {
			return err
		}
		_, err := fmt.Fprintln(p.stdout, "ok")
		return err
	})
}
