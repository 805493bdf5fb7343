package store

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// While the connections of the shared statements hang, all calls of a request go their
// own way in its time.
func TestPostgresSharedConnectionsHang(t *testing.T) {
	t.Parallel()
	s := openSharing(t, dsns["postgres"](t))
	row := s.addSession(t)
	p := s.backend.(*pgPool)
	p.sharePatience = sharePatience
	for range p.shared.Config().MaxConns {
		c := must(p.shared.Acquire(t.Context()))(t)
		defer c.Release()
	}
	request := WithBudget(t.Context())
	for range 2 {
		wantEqual(t, must(s.Session(request, row.ID))(t), row)
	}
	if _, ok, err := s.RotateSession(request, rotationOf(row)); err != nil || ok {
		t.Errorf("made: %t, %v", ok, err)
	}
}

// A connection that hangs while it is prepared keeps its place only for as long as
// connecting may take.
func TestPostgresSharedConnectionHangsAtFirst(t *testing.T) {
	t.Parallel()
	config := must(pgx.ParseConfig(pgtest.New(t)))(t)
	config.ConnectTimeout = time.Second
	generation := &connGeneration{}
	var calls atomic.Int32
	hang := func(ctx context.Context, c *pgx.Conn) error {
		if generation.enter(c); calls.Add(1) > 1 {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	p := must(openShared(config, 1, func(context.Context, *pgx.ConnConfig) error { return nil }, hang, generation))(t)
	t.Cleanup(p.Close)
	eventually(t, "connected", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c, err := p.Acquire(ctx)
		if err == nil {
			c.Release()
		}
		return err == nil
	})
}
