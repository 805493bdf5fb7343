package auth

import (
	"context"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/problem"
)

// refuse records a refusal that the trail keeps and returns it.
func (s *core) refuse(ctx context.Context, e audit.Event, refusal *problem.Error) error {
	e.Outcome = refusal.Reason
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) error { return tx.Record(ctx, e) })
	if err != nil {
		return err
	}
	return refusal
}

func recordEach(ctx context.Context, tx Tx, c *Caller, action, prefix string, ids []string) error {
	for _, id := range ids {
		if err := tx.Record(ctx, c.event(action, prefix+id, tx.Now())); err != nil {
			return err
		}
	}
	return nil
}
