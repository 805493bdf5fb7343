package store

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/failpoint"
)

// runRow is the only row of its table.
type runRow struct {
	bun.BaseModel `bun:"table:alert_runs,alias:r"`
	ID            int64
	Number        int64
	ClaimedAt     time.Time
	BeganAt       time.Time
	EventsAt      time.Time
	Seen          []string
	UsedAt        time.Time
	SweptAt       time.Time
	LedgersAt     time.Time
	LedgerUser    string
}

func (r *runRow) held() alert.Run {
	return alert.Run{
		Number: r.Number, At: r.ClaimedAt, Began: r.BeganAt, Events: r.EventsAt, Seen: r.Seen,
		Used: r.UsedAt, Swept: r.SweptAt, Ledger: r.LedgersAt, User: r.LedgerUser,
	}
}

// runID is the id of the row.
const runID = 1

// Claim implements alert.Store.
func (s *Store) Claim(ctx context.Context, every time.Duration, since time.Time) (run alert.Run, due bool, err error) {
	err = s.do(failpoint.Background(ctx), func(ctx context.Context, t *tx) error {
		never := time.Unix(0, 0)
		first := runRow{ID: runID, ClaimedAt: never, BeganAt: t.now, EventsAt: since, UsedAt: never, SweptAt: never, LedgersAt: never}
		if _, err := t.exec(ctx, t.insert(&first).On("CONFLICT (id) DO NOTHING")); err != nil {
			return err
		}
		n, err := t.exec(ctx, t.db.NewRaw("UPDATE alert_runs SET number = number + 1, claimed_at = ? WHERE id = ? AND (claimed_at <= ? OR claimed_at > ?)",
			t.now, runID, t.now.Add(-every), t.now).Conn(t.conn))
		if due = n == 1; err != nil || !due {
			return err
		}
		rows, err := few[runRow](ctx, &t.reader, "id", func(q *bun.SelectQuery) { q.Where("id = ?", runID) })
		if err == nil {
			run = rows[0].held()
		}
		return err
	})
	return run, due, err
}

// Change implements alert.Store.
func (s *Store) Change(ctx context.Context, run alert.Run, c alert.Changes) error {
	return s.do(failpoint.Background(ctx), func(ctx context.Context, t *tx) error {
		row := runRow{
			ID: runID, EventsAt: run.Events, Seen: run.Seen, UsedAt: run.Used, SweptAt: run.Swept, LedgersAt: run.Ledger, LedgerUser: run.User,
		}
		n, err := t.exec(ctx, t.db.NewUpdate().Conn(t.conn).Model(&row).Column("events_at", "seen", "used_at", "swept_at", "ledgers_at", "ledger_user").
			Where("id = ? AND number = ?", runID, run.Number))
		if err != nil {
			return err
		}
		if n == 0 {
			return alert.ErrSuperseded
		}
		if err := t.lockAlerts(ctx); err != nil {
			return err
		}
		for _, f := range c.Findings {
			if err := openAlert(ctx, t, f); err != nil {
				return err
			}
		}
		if len(c.Resolve) > 0 {
			if err := t.resolveAlerts(ctx, func(q *bun.SelectQuery) { q.Where("id IN (?)", bun.List(c.Resolve)) }); err != nil {
				return err
			}
		}
		return t.see(ctx, c.Seen)
	})
}

type sightingRow struct {
	bun.BaseModel `bun:"table:alert_sightings,alias:s"`
	alert.Sighting
}

// see writes sightings over those of before.
func (t *tx) see(ctx context.Context, all []alert.Sighting) error {
	last := make(map[[2]string]alert.Sighting, len(all)) // a statement changes a row once
	for _, s := range all {
		last[[2]string{s.Subject, s.Network}] = s
	}
	rows := make([]sightingRow, 0, len(last))
	for _, s := range last {
		rows = append(rows, sightingRow{Sighting: s})
	}
	for chunk := range slices.Chunk(rows, 500) {
		_, err := t.exec(ctx, t.insert(&chunk).On("CONFLICT (subject, network) DO UPDATE SET seen_at = excluded.seen_at"))
		if err != nil {
			return err
		}
	}
	return nil
}

// sightingsKept is how long a network is remembered that was not seen again: longer
// than a rule may be set to look back.
const sightingsKept = 400 * 24 * time.Hour

// alertExpiries select what is no longer kept of alerts.
func alertExpiries(keep Retention) []expiry {
	due := []expiry{
		{"alert_mutes", "rule, subject", "until", func(now time.Time) any { return now }},
		{"alert_sightings", "subject, network", "seen_at", func(now time.Time) any { return now.Add(-sightingsKept) }},
	}
	if keep.Alerts > 0 {
		due = append(due, expiry{"alerts", "id", "resolved_at", func(now time.Time) any { return now.Add(-keep.Alerts) }})
	}
	return due
}
