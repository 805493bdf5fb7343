package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/problem"
)

var _ alert.Store = (*Store)(nil)

type muteRow struct {
	bun.BaseModel `bun:"table:alert_mutes,alias:m"`
	alert.Mute
}

func (r *muteRow) held() alert.Mute { return r.Mute }

type alertRuleRow struct {
	bun.BaseModel `bun:"table:alert_rules,alias:r"`
	Rule          string
	Disabled      bool
	Thresholds    string // in JSON
}

// Alerts implements alert.Lists.
func (s *Store) Alerts(ctx context.Context, q alert.Query) ([]alert.Alert, error) {
	if q.Rule != storable(q.Rule) || q.Subject != storable(q.Subject) {
		return nil, nil
	}
	rows, err := list[alertRow](ctx, s.reader, "opened_at DESC, id DESC", func(sel *bun.SelectQuery) {
		switch q.State {
		case alert.Open:
			sel.Where("resolved_at IS NULL AND acknowledged_at IS NULL")
		case alert.Acknowledged:
			sel.Where("resolved_at IS NULL AND acknowledged_at IS NOT NULL")
		case alert.Resolved:
			sel.Where("resolved_at IS NOT NULL")
		}
		for column, value := range map[string]string{"rule": q.Rule, "subject": q.Subject} {
			if value != "" {
				sel.Where("? = ?", bun.Ident(column), value)
			}
		}
		if sel.Limit(int64(q.Limit)); q.After != nil {
			sel.Where("(opened_at, id) < (?, ?)", q.After.At, q.After.ID)
		}
	})
	if err != nil {
		return nil, err
	}
	mutes, err := s.AlertMutes(ctx)
	if err != nil {
		return nil, err
	}
	return each(rows, nil, func(row *alertRow) alert.Alert {
		for i := range mutes {
			if m := &mutes[i]; m.Rule == row.Rule && m.Subject == row.Subject {
				return row.held(&m.Until)
			}
		}
		return row.held(nil)
	})
}

// AcknowledgeAlert implements alert.Lists.
func (s *Store) AcknowledgeAlert(ctx context.Context, id string, e audit.Event) (a alert.Alert, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		if err := t.lockAlerts(ctx); err != nil {
			return err
		}
		row, err := find(ctx, &t.reader, alertByID, id)
		if err != nil {
			return err
		}
		if row.AcknowledgedAt == nil {
			if err := t.acknowledge(ctx, &row, e); err != nil {
				return err
			}
		}
		muted, err := t.mutedUntil(ctx, &row)
		a = row.held(muted)
		return err
	})
	return a, err
}

func (t *tx) acknowledge(ctx context.Context, row *alertRow, e audit.Event) error {
	now := t.now
	row.AcknowledgedAt, row.AcknowledgedBy = &now, &e.Actor
	if err := write(ctx, t, updateAlert, row, row.ID); err != nil {
		return err
	}
	e.At = now
	if err := t.Record(ctx, e); err != nil {
		return err
	}
	if err := t.tellOfAlert(ctx, alert.AcknowledgedMessage, row); err != nil {
		return err
	}
	if !alert.IsEvent(row.Rule) || row.ResolvedAt != nil {
		return nil
	}
	return t.resolveAlert(ctx, row)
}

// MuteAlert implements alert.Lists.
func (s *Store) MuteAlert(ctx context.Context, id string, until *time.Time, most int, e audit.Event) (a alert.Alert, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		if err := t.lockAlerts(ctx); err != nil {
			return err
		}
		row, err := find(ctx, &t.reader, alertByID, id)
		if err != nil {
			return err
		}
		if err := t.mute(ctx, &row, until, most); err != nil {
			return err
		}
		a = row.held(until)
		e.At = t.now
		return t.Record(ctx, e)
	})
	return a, err
}

// mute replaces the mute of a rule and a subject, and removes those that are over.
func (t *tx) mute(ctx context.Context, row *alertRow, until *time.Time, most int) error {
	_, err := t.exec(ctx, t.db.NewRaw("DELETE FROM alert_mutes WHERE until <= ? OR rule = ? AND subject = ?", t.now, row.Rule, row.Subject).Conn(t.conn))
	if err != nil || until == nil {
		return err
	}
	var n int
	if err := t.db.NewRaw("SELECT count(*) FROM alert_mutes").Conn(t.conn).Scan(ctx, &n); err != nil {
		return t.fail(ctx, err)
	}
	if n >= most {
		return problem.QuotaError(fmt.Sprintf("There are %d mutes of alerts, as many as may be: end one first", n))
	}
	_, err = t.exec(ctx, t.insert(&muteRow{Mute: alert.Mute{Rule: row.Rule, Subject: row.Subject, Until: *until}}))
	return err
}

// AlertMutes implements alert.Lists.
func (s *Store) AlertMutes(ctx context.Context) ([]alert.Mute, error) {
	rows, err := few[muteRow](ctx, s.reader, "until, rule, subject", func(q *bun.SelectQuery) {
		q.Where("until > ?", s.Now()).Limit(alert.MaxMutes)
	})
	return each(rows, err, (*muteRow).held)
}

// AlertSettings implements alert.Lists.
func (s *Store) AlertSettings(ctx context.Context) (alert.Settings, error) {
	rows, err := few[alertRuleRow](ctx, s.reader, "rule", nil)
	if err != nil {
		return nil, err
	}
	settings := make(alert.Settings, len(rows))
	for i := range rows {
		if settings[rows[i].Rule], err = rows[i].held(); err != nil {
			return nil, err
		}
	}
	return settings, nil
}

func (r *alertRuleRow) held() (alert.Setting, error) {
	setting := alert.Setting{Disabled: r.Disabled}
	if r.Thresholds == "" {
		return setting, nil
	}
	if err := json.Unmarshal([]byte(r.Thresholds), &setting.Thresholds); err != nil {
		return setting, fmt.Errorf("store: the thresholds of the alert rule %s: %w", r.Rule, err)
	}
	return setting, nil
}

// ChangeAlertRule implements alert.Lists.
func (s *Store) ChangeAlertRule(ctx context.Context, rule string, change func(*alert.Setting), e audit.Event) (setting alert.Setting, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		if err := t.lockAlerts(ctx); err != nil { // there may be no row to lock
			return err
		}
		rows, err := few[alertRuleRow](ctx, &t.reader, "rule", func(q *bun.SelectQuery) { q.Where("rule = ?", rule) })
		if err != nil {
			return err
		}
		setting = alert.Setting{}
		if len(rows) > 0 {
			if setting, err = rows[0].held(); err != nil {
				return t.fail(ctx, err)
			}
		}
		change(&setting)
		thresholds, err := json.Marshal(setting.Thresholds)
		if err != nil {
			return t.fail(ctx, err)
		}
		row := alertRuleRow{Rule: rule, Disabled: setting.Disabled, Thresholds: string(thresholds)}
		_, err = t.exec(ctx, t.insert(&row).On("CONFLICT (rule) DO UPDATE SET disabled = excluded.disabled, thresholds = excluded.thresholds"))
		if err != nil {
			return err
		}
		e.At = t.now
		return t.Record(ctx, e)
	})
	return setting, err
}
