package store

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/webhook"
)

// webhookDue selects the deliveries of the endpoint w that can be attempted.
const webhookDue = "d.endpoint_id = w.id AND d.state = 'pending' AND d.next_attempt_at <= ?"

// DueWebhooks implements webhook.Store.
func (s *Store) DueWebhooks(ctx context.Context) (ids []string, err error) {
	now := s.Now()
	err = s.use(ctx, func(ctx context.Context, on executor) error {
		ids = nil
		return s.db.NewRaw("SELECT id FROM webhook_endpoints w WHERE enabled AND EXISTS (SELECT 1 FROM webhook_deliveries d WHERE "+webhookDue+")"+
			" ORDER BY (SELECT min(next_attempt_at) FROM webhook_deliveries d WHERE "+webhookDue+"), id", now, now).Conn(on).Scan(ctx, &ids)
	})
	return ids, s.fail(ctx, err)
}

// ClaimWebhooks implements webhook.Store.
func (s *Store) ClaimWebhooks(ctx context.Context, endpointID string, most int) (claims []auth.WebhookClaim, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		claims = nil
		w, err := t.WebhookEndpoint(ctx, endpointID)
		if err != nil || !w.Enabled {
			return ignoreMissing(err)
		}
		var rows []webhookDeliveryRow
		err = t.db.NewRaw("SELECT * FROM webhook_deliveries WHERE endpoint_id = ? AND state = ? AND next_attempt_at <= ? ORDER BY next_attempt_at LIMIT ?"+t.engine.skip,
			endpointID, auth.WebhookPending, t.now, most).Conn(t.conn).Scan(ctx, &rows)
		if err != nil {
			return t.fail(ctx, err)
		}
		for i := range rows {
			row := &rows[i]
			row.claim(t.now)
			_, err := t.exec(ctx, t.db.NewUpdate().Conn(t.conn).Model(row).Column("attempts", "started_at", "last_attempt_at", "next_attempt_at").
				Where("endpoint_id = ? AND id = ?", endpointID, row.ID))
			if err != nil {
				return err
			}
			claims = append(claims, row.claimed(w))
		}
		return nil
	})
	return claims, err
}

// unattended is longer than any message waits for the others of its endpoint: one that
// is later than this has waited for a server.
const unattended = 2 * time.Hour

// claim claims the delivery for an attempt that begins now. Time without a server does
// not count as time in which the endpoint took no message.
func (r *webhookDeliveryRow) claim(now time.Time) {
	if r.StartedAt == nil {
		r.StartedAt = &now
	} else if late := now.Sub(*r.NextAttemptAt); late > unattended {
		r.StartedAt = new(r.StartedAt.Add(late))
	}
	until := now.Add(webhook.Lease)
	r.Attempts++
	r.LastAttemptAt, r.NextAttemptAt = &now, &until
}

func (r *webhookDeliveryRow) claimed(w auth.StoredWebhookEndpoint) auth.WebhookClaim {
	return auth.WebhookClaim{WebhookDelivery: r.WebhookDelivery, Endpoint: w, StartedAt: *r.StartedAt, Body: r.Body}
}

// ClaimWebhookTest implements auth.Tx.
func (t *tx) ClaimWebhookTest(ctx context.Context, endpointID string) (auth.WebhookClaim, error) {
	w, err := t.WebhookEndpoint(ctx, endpointID)
	if err != nil {
		return auth.WebhookClaim{}, err
	}
	body, err := webhookBody(auth.WebhookTest, t.now, []byte("{}"))
	if err != nil {
		return auth.WebhookClaim{}, err
	}
	row := webhookDeliveryRow{EndpointID: endpointID, Body: body, WebhookDelivery: auth.WebhookDelivery{
		ID: credential.Mint(credential.MessageID), Kind: auth.WebhookTest, State: auth.WebhookPending, CreatedAt: t.now,
	}}
	row.claim(t.now)
	return row.claimed(w), write(ctx, t, insertWebhookDelivery, &row)
}

// SettleWebhook implements webhook.Store.
func (s *Store) SettleWebhook(ctx context.Context, c auth.WebhookClaim, disable string) (disabled bool, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		disabled = false
		if disable == "" {
			_, err := t.settleWebhook(ctx, c)
			return err
		}
		if err := t.LockWebhookEndpoints(ctx); err != nil {
			return err
		}
		settled, err := t.settleWebhook(ctx, c)
		if err != nil || !settled {
			return err
		}
		disabled, err = t.disableWebhook(ctx, c, disable)
		return err
	})
	return disabled, err
}

// settleWebhook stores how an attempt ended, unless another process has taken the
// delivery over, or it was ended. It reports whether it did.
func (t *tx) settleWebhook(ctx context.Context, c auth.WebhookClaim) (bool, error) {
	row := webhookDeliveryRow{WebhookDelivery: c.WebhookDelivery, Body: c.Body}
	n, err := t.exec(ctx, t.db.NewUpdate().Conn(t.conn).Model(&row).
		Column("state", "last_status", "last_error", "last_duration_ms", "next_attempt_at", "body").
		Where("endpoint_id = ? AND id = ? AND state = ? AND attempts = ?", c.Endpoint.ID, c.ID, auth.WebhookPending, c.Attempts))
	return n == 1, err
}

// disableWebhook disables the endpoint of the claim, unless it is another one by now,
// and opens an alert. It reports whether it did. The alert comes first: whoever opens
// one locks the endpoints after it.
func (t *tx) disableWebhook(ctx context.Context, c auth.WebhookClaim, reason string) (bool, error) {
	same, err := t.db.NewSelect().Conn(t.conn).Model((*webhookEndpointRow)(nil)).
		Where("id = ? AND url = ? AND enabled", c.Endpoint.ID, c.Endpoint.URL).Exists(ctx)
	if err != nil || !same {
		return false, t.fail(ctx, err)
	}
	message := "The webhook endpoint did not take a message for a day and was disabled"
	if reason == auth.WebhookGone {
		message = "The webhook endpoint answered with 410 and was disabled"
	}
	err = openAlert(ctx, t, alert.Finding{
		Rule: alert.WebhookDisabled, Subject: webhookSubject(c.Endpoint.ID), At: t.now,
		Message: message + ": see its deliveries, mend it and enable it again", Link: "/webhook-endpoints/" + c.Endpoint.ID,
	})
	if err != nil {
		return false, err
	}
	w, err := t.WebhookEndpoint(ctx, c.Endpoint.ID)
	if err != nil {
		return false, ignoreMissing(err)
	}
	w.Enabled, w.DisabledReason = false, &reason
	if err := t.UpdateWebhookEndpoint(ctx, w); err != nil {
		return false, err
	}
	if err := t.FailWebhookDeliveries(ctx, w.ID); err != nil {
		return false, err
	}
	return true, t.Record(ctx, audit.Event{At: t.now, Action: audit.WebhookDisable, Outcome: audit.OK, Actor: audit.Server, Subject: webhookSubject(w.ID)})
}

// webhookSubject names the endpoint in the audit trail and in alerts.
func webhookSubject(id string) string { return "webhook:" + id }
