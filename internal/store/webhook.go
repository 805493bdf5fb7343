package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/auth"
)

type webhookEndpointRow struct {
	bun.BaseModel `bun:"table:webhook_endpoints,alias:w"`
	auth.StoredWebhookEndpoint
}

// webhookLock names what a transaction that disables or counts endpoints locks first.
const webhookLock = "webhook_endpoints"

var (
	webhookEndpointByID   = selecting[webhookEndpointRow]("id = ?")
	insertWebhookEndpoint = inserting[webhookEndpointRow]()
	updateWebhookEndpoint = updating[webhookEndpointRow]("id")
)

// WebhookEndpoint implements auth.Reader.
func (r *reader) WebhookEndpoint(ctx context.Context, id string) (auth.StoredWebhookEndpoint, error) {
	row, err := find(ctx, r, webhookEndpointByID, id)
	return row.StoredWebhookEndpoint, err
}

// WebhookEndpoints implements auth.Reader.
func (r *reader) WebhookEndpoints(ctx context.Context) ([]auth.WebhookEndpoint, error) {
	rows, err := few[webhookEndpointRow](ctx, r, newestFirst, nil)
	return each(rows, err, func(row *webhookEndpointRow) auth.WebhookEndpoint { return row.WebhookEndpoint })
}

// WebhookDeliveries implements auth.Reader.
func (r *reader) WebhookDeliveries(ctx context.Context, endpointID string, after *auth.Place, limit int) ([]auth.WebhookDelivery, error) {
	narrow := beyond("id", after, limit)
	rows, err := few[webhookDeliveryRow](ctx, r, newestFirst, func(q *bun.SelectQuery) { narrow(q.Where("endpoint_id = ?", endpointID)) })
	return each(rows, err, func(row *webhookDeliveryRow) auth.WebhookDelivery { return row.WebhookDelivery })
}

// CountWebhookEndpoints implements auth.Tx.
func (t *tx) CountWebhookEndpoints(ctx context.Context) (int, error) {
	return countAll[webhookEndpointRow](ctx, t, webhookLock)
}

// LockWebhookEndpoints implements auth.Tx.
func (t *tx) LockWebhookEndpoints(ctx context.Context) error { return t.lockName(ctx, webhookLock) }

// ResolveWebhookAlert implements auth.Tx.
func (t *tx) ResolveWebhookAlert(ctx context.Context, id string) error {
	return t.resolveAlertsOf(ctx, webhookSubject(id), alert.WebhookDisabled)
}

// InsertWebhookEndpoint implements auth.Tx.
func (t *tx) InsertWebhookEndpoint(ctx context.Context, w auth.StoredWebhookEndpoint) error {
	return write(ctx, t, insertWebhookEndpoint, &webhookEndpointRow{StoredWebhookEndpoint: w})
}

// UpdateWebhookEndpoint implements auth.Tx.
func (t *tx) UpdateWebhookEndpoint(ctx context.Context, w auth.StoredWebhookEndpoint) error {
	return write(ctx, t, updateWebhookEndpoint, &webhookEndpointRow{StoredWebhookEndpoint: w}, w.ID)
}

// DeleteWebhookEndpoint implements auth.Tx.
func (t *tx) DeleteWebhookEndpoint(ctx context.Context, id string) error {
	if err := t.endAlertsOf(ctx, webhookSubject(id)); err != nil {
		return err
	}
	return remove[webhookEndpointRow](ctx, t, "id", id)
}

// FailWebhookDeliveries implements auth.Tx.
func (t *tx) FailWebhookDeliveries(ctx context.Context, endpointID string) error {
	_, err := t.exec(ctx, t.db.NewRaw("UPDATE webhook_deliveries SET state = ?, last_error = ?, next_attempt_at = NULL, body = NULL WHERE endpoint_id = ? AND state = ?",
		auth.WebhookFailed, "The endpoint was disabled before the message was delivered", endpointID, auth.WebhookPending).Conn(t.conn))
	return err
}
