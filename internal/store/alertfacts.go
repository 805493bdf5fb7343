package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/usage"
)

// The rows that the rules of alerts look at. None is locked: what they find is looked
// at again a minute later.

// facts reads rows with a query.
func facts[R any](ctx context.Context, s *Store, query string, args ...any) (rows []R, err error) {
	err = s.scan(ctx, func(ctx context.Context, on executor) error {
		rows = nil
		return s.db.NewRaw(query, args...).Conn(on).Scan(ctx, &rows)
	})
	return rows, s.fail(ctx, err)
}

// factsBatch is how many keys or applications one query reads.
const factsBatch = 5000

// AlertKeys implements alert.Facts.
func (s *Store) AlertKeys(ctx context.Context) (all []alert.Key, err error) {
	for after := ""; ; after = all[len(all)-1].ID {
		some, err := facts[alert.Key](ctx, s,
			"SELECT id, name, enabled, created_at, last_used_at, expires_at, rotated_at FROM api_keys WHERE id > ? ORDER BY id LIMIT ?", after, factsBatch)
		if all = append(all, some...); err != nil || len(some) < factsBatch {
			return all, err
		}
	}
}

// AlertApplications implements alert.Facts.
func (s *Store) AlertApplications(ctx context.Context) (all []alert.Application, err error) {
	for after := ""; ; after = all[len(all)-1].AppID {
		some, err := facts[alert.Application](ctx, s,
			"SELECT app_id, name, created_at FROM applications WHERE app_id > ? ORDER BY app_id LIMIT ?", after, factsBatch)
		if all = append(all, some...); err != nil || len(some) < factsBatch {
			return all, err
		}
	}
}

// ActiveAlerts implements alert.Facts.
func (s *Store) ActiveAlerts(ctx context.Context) ([]alert.Active, error) {
	return facts[alert.Active](ctx, s, "SELECT id, rule, subject, last_seen_at, stage FROM alerts WHERE resolved_at IS NULL ORDER BY rule, subject")
}

// OpenAlerts implements alert.Facts.
func (s *Store) OpenAlerts(ctx context.Context) (map[string]int64, error) {
	type row struct {
		Rule  string
		Count int64
	}
	rows, err := facts[row](ctx, s, "SELECT rule, count(*) AS count FROM alerts WHERE resolved_at IS NULL AND acknowledged_at IS NULL GROUP BY rule")
	open := make(map[string]int64, len(rows))
	for _, r := range rows {
		open[r.Rule] = r.Count
	}
	return open, err
}

// WatchedEvents implements alert.Facts. The ids of events are in the order in which
// they were written.
func (s *Store) WatchedEvents(ctx context.Context, since time.Time, after string, limit int) ([]audit.Event, error) {
	ms := max(0, since.UnixMilli())
	if first := fmt.Sprintf("%08x-%04x-", ms>>16, ms&0xffff); after < first {
		after = first
	}
	rows, err := facts[eventRow](ctx, s, "SELECT * FROM audit_events WHERE id > ? AND (action IN (?) OR outcome IN (?) OR action = ? AND outcome = ?) ORDER BY id LIMIT ?",
		after, bun.List(alert.WatchedActions), bun.List(alert.WatchedOutcomes), audit.Login, audit.OK, limit)
	return each(rows, err, (*eventRow).held)
}

// maxRefused is how many subjects of refusals are told apart.
const maxRefused = 5000

// Refused implements alert.Facts. Who left too early was not refused for a secret, and
// rules of their own look for WatchedOutcomes.
func (s *Store) Refused(ctx context.Context, action string, since time.Time) ([]alert.Refusal, error) {
	return facts[alert.Refusal](ctx, s, "SELECT coalesce(subject, '') AS subject, CAST(sum(occurrences) AS BIGINT) AS count FROM audit_events "+
		"WHERE at >= ? AND action = ? AND outcome NOT IN (?) GROUP BY coalesce(subject, '') ORDER BY count DESC, 1 LIMIT ?",
		since, action, bun.List(append([]string{audit.OK, "canceled", "deadline_exceeded"}, alert.WatchedOutcomes...)), maxRefused)
}

// Sightings implements alert.Facts.
func (s *Store) Sightings(ctx context.Context, subjects []string) ([]alert.Sighting, error) {
	if len(subjects) == 0 {
		return nil, nil
	}
	return facts[alert.Sighting](ctx, s, "SELECT subject, network, first_at, seen_at FROM alert_sightings WHERE subject IN (?)", bun.List(subjects))
}

// Networks implements alert.Facts.
func (s *Store) Networks(ctx context.Context, subjects []string, from time.Time) (map[string][]alert.NetworkUse, error) {
	type row struct {
		Subject string
		alert.NetworkUse
	}
	rows, err := facts[row](ctx, s, "SELECT subject, name AS network, CAST(sum(requests) AS BIGINT) AS requests, max(last_used_at) AS last_used_at FROM usage_counts "+
		"WHERE subject IN (?) AND resolution = ? AND dimension = ? AND at >= ? GROUP BY subject, name", bun.List(subjects), usage.Day, usage.Networks, from)
	of := make(map[string][]alert.NetworkUse)
	for _, r := range rows {
		of[r.Subject] = append(of[r.Subject], r.NetworkUse)
	}
	return of, err
}

// Sighted implements alert.Facts.
func (s *Store) Sighted(ctx context.Context, subjects []string, before time.Time, most int) ([]alert.Sighting, error) {
	return facts[alert.Sighting](ctx, s, "SELECT subject, network, first_at, seen_at FROM ("+
		"SELECT subject, name AS network, min(at) AS first_at, max(last_used_at) AS seen_at, "+
		"row_number() OVER (PARTITION BY subject ORDER BY max(last_used_at) DESC, name) AS place FROM usage_counts "+
		"WHERE subject IN (?) AND resolution = ? AND dimension = ? AND at < ? GROUP BY subject, name) AS all_networks WHERE place <= ?",
		bun.List(subjects), usage.Day, usage.Networks, before, most)
}

// UsedUntil implements alert.Facts.
func (s *Store) UsedUntil(ctx context.Context, subject string, until time.Time) (*time.Time, error) {
	rows, err := facts[countRow](ctx, s, "SELECT * FROM usage_counts WHERE subject = ? AND resolution = ? AND dimension = ? AND at <= ? ORDER BY at DESC LIMIT 1",
		subject, usage.Day, usage.Total, until)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0].LastUsedAt, nil
}

// RefusedRequests implements alert.Facts.
func (s *Store) RefusedRequests(ctx context.Context, subjects []string, since time.Time, least int64) ([]alert.Requests, error) {
	return facts[alert.Requests](ctx, s, "SELECT subject, CAST(sum(requests) AS BIGINT) AS requests, CAST(sum(refused) AS BIGINT) AS refused FROM usage_counts "+
		"WHERE subject IN (?) AND resolution = ? AND dimension = ? AND at >= ? GROUP BY subject HAVING CAST(sum(refused) AS BIGINT) >= ?",
		bun.List(subjects), usage.Minute, usage.Total, since, least)
}

// HourRequests implements alert.Facts.
func (s *Store) HourRequests(ctx context.Context, subjects []string, hours []time.Time, least int64) ([]alert.HourCount, error) {
	return facts[alert.HourCount](ctx, s, "SELECT subject, at, requests FROM usage_counts "+
		"WHERE subject IN (?) AND resolution = ? AND dimension = ? AND at IN (?) AND requests >= ?",
		bun.List(subjects), usage.Hour, usage.Total, bun.List(hours), least)
}

// CheckLedgersAfter implements alert.Facts. The ledger of one user is checked whole.
func (s *Store) CheckLedgersAfter(ctx context.Context, user string, most int64, by audit.Signer) (broken map[string]error, last string, err error) {
	c := newLedgerCheck(s.engine, s.pools.readers, s.db, by)
	c.user, c.asked, c.most = user, user, most
	if err := c.run(ctx); err != nil {
		return nil, "", s.fail(ctx, err)
	}
	return c.report.Broken, c.user, nil
}
