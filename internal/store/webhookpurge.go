package store

import (
	"context"
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// Deliveries of one endpoint are kept for so long, and so many.
const (
	webhooksKeptFor = 30 * 24 * time.Hour
	maxWebhooksKept = 10_000
)

var webhooksOver = expiry{
	"webhook_deliveries", "endpoint_id, id", "created_at",
	func(now time.Time) any { return now.Add(-webhooksKeptFor) },
}

// purgeWebhooks removes deliveries that are old, those of deleted endpoints, and of
// each endpoint all but the newest.
func (s *Store) purgeWebhooks(ctx context.Context) error {
	if err := s.purge(ctx, webhooksOver); err != nil {
		return err
	}
	err := s.inBatches(ctx, func(ctx context.Context, t *tx) (bool, error) {
		n, err := t.exec(ctx, t.db.NewRaw("DELETE FROM webhook_deliveries WHERE (endpoint_id, id) IN (SELECT endpoint_id, id FROM webhook_deliveries d"+
			" WHERE NOT EXISTS (SELECT 1 FROM webhook_endpoints w WHERE w.id = d.endpoint_id) LIMIT ?)", purgeBatch).Conn(t.conn))
		return n == purgeBatch, err
	})
	if err != nil {
		return err
	}
	all, err := s.WebhookEndpoints(ctx)
	for i := range all {
		err = errors.Join(err, s.trimWebhooks(ctx, all[i].ID, maxWebhooksKept))
	}
	return err
}

// trimWebhooks removes the deliveries of an endpoint beyond the newest. Those that are
// pending are few, and stay.
func (s *Store) trimWebhooks(ctx context.Context, endpointID string, keep int) error {
	return s.inBatches(ctx, func(ctx context.Context, t *tx) (bool, error) {
		n, err := t.exec(ctx, t.db.NewRaw("DELETE FROM webhook_deliveries WHERE endpoint_id = ? AND state <> ? AND id IN (SELECT id FROM webhook_deliveries"+
			" WHERE endpoint_id = ? ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?)",
			endpointID, auth.WebhookPending, endpointID, purgeBatch, keep).Conn(t.conn))
		return n == purgeBatch, err
	})
}

// ignoreMissing returns nil for a row that is not there.
func ignoreMissing(err error) error {
	if errors.Is(err, problem.ErrNotFound) {
		return nil
	}
	return err
}
