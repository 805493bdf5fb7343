package store

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/alert"
)

// alertLock is the name that a transaction locks before rows of alerts. These are locked
// before those of endpoints, and one transaction may change several alerts and tell
// the endpoints of each.
const alertLock = "alerts"

func (t *tx) lockAlerts(ctx context.Context) error { return t.lockName(ctx, alertLock) }

type alertRow struct {
	bun.BaseModel  `bun:"table:alerts,alias:a"`
	ID             string
	Rule           string
	Subject        string
	Message        string
	Link           string
	OpenedAt       time.Time
	LastSeenAt     time.Time
	Occurrences    int64
	AcknowledgedAt *time.Time
	AcknowledgedBy *string
	ResolvedAt     *time.Time
	Stage          int64
}

// held returns the alert, whose rule is muted for its subject until the time.
func (r *alertRow) held(muted *time.Time) alert.Alert {
	a := alert.Alert{
		ID: r.ID, Rule: r.Rule, Subject: r.Subject, State: alert.Open, Message: r.Message, Link: r.Link,
		OpenedAt: r.OpenedAt, LastSeenAt: r.LastSeenAt, Occurrences: int32(min(r.Occurrences, math.MaxInt32)),
		AcknowledgedAt: r.AcknowledgedAt, AcknowledgedBy: r.AcknowledgedBy, ResolvedAt: r.ResolvedAt, MutedUntil: muted,
	}
	switch {
	case r.ResolvedAt != nil:
		a.State = alert.Resolved
	case r.AcknowledgedAt != nil:
		a.State = alert.Acknowledged
	}
	return a
}

var (
	alertByID   = selecting[alertRow]("id = ?")
	insertAlert = inserting[alertRow]()
	updateAlert = updating[alertRow]("id")
)

// openAlert opens an alert for a finding, or counts it as one more occurrence of one
// that is not resolved, unless its rule is disabled, or muted for its subject. If the
// rule has alert.Most unresolved alerts, it is counted in one of alert.TooMany.
func openAlert(ctx context.Context, t *tx, f alert.Finding) error {
	if err := t.lockAlerts(ctx); err != nil {
		return err
	}
	var silent bool
	err := t.db.NewRaw("SELECT EXISTS (SELECT 1 FROM alert_rules WHERE rule = ? AND disabled) OR EXISTS (SELECT 1 FROM alert_mutes WHERE rule = ? AND subject = ? AND until > ?)",
		f.Rule, f.Rule, f.Subject, t.now).Conn(t.conn).Scan(ctx, &silent)
	if err != nil || silent {
		return t.fail(ctx, err)
	}
	seen := t.now
	if alert.IsEvent(f.Rule) && !f.At.IsZero() {
		seen = f.At
	}
	row, err := t.activeAlert(ctx, f.Rule, f.Subject)
	if err != nil {
		return err
	}
	if row != nil && int64(f.Stage) == row.Stage {
		return t.repeatAlert(ctx, row, &f, seen)
	}
	if row != nil {
		if err := t.resolveAlert(ctx, row); err != nil {
			return err
		}
	} else if full, err := t.fullOfAlerts(ctx, f.Rule); err != nil {
		return err
	} else if full {
		return openAlert(ctx, t, alert.TooManyOf(f.Rule, max(1, f.Count), t.now))
	}
	id, err := uuid.NewV7()
	if err != nil {
		return t.fail(ctx, err)
	}
	row = &alertRow{
		ID: id.String(), Rule: f.Rule, Subject: f.Subject, Message: storable(f.Message), Link: storable(f.Link),
		OpenedAt: t.now, LastSeenAt: seen, Occurrences: int64(max(1, f.Count)), Stage: int64(f.Stage),
	}
	if err := write(ctx, t, insertAlert, row); err != nil {
		return err
	}
	return t.tellOfAlert(ctx, alert.OpenedMessage, row)
}

func (t *tx) activeAlert(ctx context.Context, rule, subject string) (*alertRow, error) {
	rows, err := few[alertRow](ctx, &t.reader, "id", func(q *bun.SelectQuery) {
		q.Where("rule = ? AND subject = ? AND resolved_at IS NULL", rule, subject)
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// repeatAlert counts a finding as one more occurrence, if it is one.
func (t *tx) repeatAlert(ctx context.Context, row *alertRow, f *alert.Finding, seen time.Time) error {
	if !f.News(row.LastSeenAt, int32(row.Stage)) {
		return nil
	}
	row.Occurrences += int64(max(1, f.Count))
	if !seen.Before(row.LastSeenAt) {
		row.LastSeenAt, row.Message, row.Link = seen, storable(f.Message), storable(f.Link)
	}
	return write(ctx, t, updateAlert, row, row.ID)
}

// fullOfAlerts reports whether a rule has as many unresolved alerts as it may have.
func (t *tx) fullOfAlerts(ctx context.Context, rule string) (bool, error) {
	var n int64
	err := t.db.NewRaw("SELECT count(*) FROM alerts WHERE rule = ? AND resolved_at IS NULL", rule).Conn(t.conn).Scan(ctx, &n)
	return n >= alert.Most && rule != alert.TooMany, t.fail(ctx, err)
}

// resolveAlert resolves an alert that is not resolved.
func (t *tx) resolveAlert(ctx context.Context, row *alertRow) error {
	now := t.now
	row.ResolvedAt = &now
	if err := write(ctx, t, updateAlert, row, row.ID); err != nil {
		return err
	}
	return t.tellOfAlert(ctx, alert.ResolvedMessage, row)
}

// resolveAlerts resolves the unresolved alerts that narrow selects, which must be few.
// It needs the lock of alerts.
func (t *tx) resolveAlerts(ctx context.Context, narrow func(*bun.SelectQuery)) error {
	rows, err := few[alertRow](ctx, &t.reader, "id", func(q *bun.SelectQuery) { narrow(q.Where("resolved_at IS NULL")) })
	if err != nil {
		return err
	}
	for i := range rows {
		if err := t.resolveAlert(ctx, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// resolveAlertsOf resolves the alerts about a subject, of one rule or of any for "". Of
// most subjects there are none: those who end them do not wait for each other.
func (t *tx) resolveAlertsOf(ctx context.Context, subject, rule string) error {
	var some bool
	const query = "SELECT EXISTS (SELECT 1 FROM alerts WHERE subject = ? AND resolved_at IS NULL)"
	if err := t.db.NewRaw(query, subject).Conn(t.conn).Scan(ctx, &some); err != nil || !some {
		return t.fail(ctx, err)
	}
	if err := t.lockAlerts(ctx); err != nil {
		return err
	}
	return t.resolveAlerts(ctx, func(q *bun.SelectQuery) {
		if q.Where("subject = ?", subject); rule != "" {
			q.Where("rule = ?", rule)
		}
	})
}

// endAlertsOf resolves the alerts about a subject that is gone, and removes what is
// remembered of it.
func (t *tx) endAlertsOf(ctx context.Context, subject string) error {
	if err := t.resolveAlertsOf(ctx, subject, ""); err != nil {
		return err
	}
	if _, err := t.exec(ctx, t.db.NewRaw("DELETE FROM alert_mutes WHERE subject = ?", subject).Conn(t.conn)); err != nil {
		return err
	}
	_, err := t.exec(ctx, t.db.NewRaw("DELETE FROM alert_sightings WHERE subject = ?", subject).Conn(t.conn))
	return err
}

// tellOfAlert tells webhooks what became of an alert.
func (t *tx) tellOfAlert(ctx context.Context, kind string, row *alertRow) error {
	muted, err := t.mutedUntil(ctx, row)
	if err != nil {
		return err
	}
	data, err := json.Marshal(row.held(muted))
	if err != nil {
		return t.fail(ctx, err)
	}
	return queueWebhookMessage(ctx, t, kind, t.now, data)
}

func (t *tx) mutedUntil(ctx context.Context, row *alertRow) (*time.Time, error) {
	rows, err := few[muteRow](ctx, &t.reader, "until", func(q *bun.SelectQuery) {
		q.Where("rule = ? AND subject = ? AND until > ?", row.Rule, row.Subject, t.now)
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0].Until, nil
}
