package store

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
)

// Bounds of the messages that wait for one endpoint.
const (
	maxWebhookWaiting = 1000
	maxWebhookData    = 64 << 10
)

type webhookDeliveryRow struct {
	bun.BaseModel `bun:"table:webhook_deliveries,alias:d"`
	EndpointID    string
	auth.WebhookDelivery
	StartedAt *time.Time // when it was first attempted, and later by as long as no server ran
	Body      []byte     // while it is pending
}

var insertWebhookDelivery = inserting[webhookDeliveryRow]()

// queueWebhookMessage queues a message about what the transaction does, for each
// enabled endpoint that wants its kind. at is when it happened. It locks the endpoints,
// so that none is disabled meanwhile.
func queueWebhookMessage(ctx context.Context, t *tx, kind string, at time.Time, data json.RawMessage) error {
	rows, err := few[webhookEndpointRow](ctx, &t.reader, newestFirst, func(q *bun.SelectQuery) { q.Where("enabled") })
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(row webhookEndpointRow) bool { return !slices.Contains(row.Kinds, kind) })
	if len(rows) == 0 {
		return nil
	}
	body, err := webhookBody(kind, at, data)
	if err != nil {
		return err
	}
	id := credential.Mint(credential.MessageID)
	for _, row := range rows {
		if err := t.queueWebhook(ctx, row.ID, id, kind, body); err != nil {
			return err
		}
	}
	return nil
}

// queueWebhook queues the message for an endpoint. If too many wait already, it has
// failed.
func (t *tx) queueWebhook(ctx context.Context, endpointID, id, kind string, body []byte) error {
	waiting, err := t.db.NewSelect().Conn(t.conn).Model((*webhookDeliveryRow)(nil)).
		Where("endpoint_id = ? AND state = ?", endpointID, auth.WebhookPending).Count(ctx)
	if err != nil {
		return t.fail(ctx, err)
	}
	row := webhookDeliveryRow{EndpointID: endpointID, Body: body, WebhookDelivery: auth.WebhookDelivery{
		ID: id, Kind: kind, State: auth.WebhookPending, CreatedAt: t.now, NextAttemptAt: &t.now,
	}}
	if waiting >= maxWebhookWaiting {
		row.State, row.NextAttemptAt, row.Body = auth.WebhookFailed, nil, nil
		row.LastError = new("1000 other messages were waiting: find out why the endpoint does not take them")
	}
	return write(ctx, t, insertWebhookDelivery, &row)
}

// CountWebhooks implements webhook.Store. An endpoint has few that are pending.
func (s *Store) CountWebhooks(ctx context.Context) (n int64, err error) {
	err = s.scan(ctx, func(ctx context.Context, on executor) error {
		return s.db.NewRaw("SELECT count(*) FROM webhook_endpoints w JOIN webhook_deliveries d ON d.endpoint_id = w.id WHERE d.state = 'pending'").Conn(on).Scan(ctx, &n)
	})
	return n, s.fail(ctx, err)
}

// webhookBody returns what is sent to every endpoint, and again with every attempt.
func webhookBody(kind string, at time.Time, data json.RawMessage) ([]byte, error) {
	if len(data) > maxWebhookData {
		return nil, errors.New("store: the data of a webhook message is longer than 64 KiB")
	}
	return json.Marshal(struct {
		Type      string          `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}{kind, at.UTC(), data})
}
