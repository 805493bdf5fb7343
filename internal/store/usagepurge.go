package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/usage"
)

// writersKept is how long the number of a node's last batch is kept: longer than a
// node goes on trying to write one.
const writersKept = 31 * 24 * time.Hour

// usageExpiries select the counts of requests that are older than keep says.
func usageExpiries(keep Retention) []expiry {
	const key = "subject, resolution, dimension, at, name"
	due := []expiry{{"usage_writers", "id", "seen_at", func(now time.Time) any { return now.Add(-writersKept) }}}
	for _, of := range []struct {
		column string
		keep   time.Duration
	}{
		{"resolution = 0 AND at", keep.UsageMinutes}, {"resolution = 1 AND at", keep.UsageHours}, {"resolution = 2 AND at", keep.UsageDays},
	} {
		if of.keep > 0 {
			due = append(due, expiry{"usage_counts", key, of.column, func(now time.Time) any { return now.Add(-of.keep) }})
		}
	}
	return due
}

// trimFor is how many days a day waits to be trimmed at most, should no process run.
const trimFor = 31

// trimUsage keeps, of the keys, applications, users and developers of each day that
// is over, those with the most requests, and counts the others as one.
func (s *Store) trimUsage(ctx context.Context) error {
	return s.inBatches(ctx, func(ctx context.Context, t *tx) (bool, error) {
		if err := t.lockName(ctx, usageLock); err != nil {
			return false, err
		}
		today := usage.Day.Start(t.now)
		var full []fullDay
		err := t.db.NewRaw("SELECT dimension, at, count(*) AS names FROM usage_counts WHERE subject = ? AND resolution = ? AND dimension >= ?"+
			" AND at >= ? AND at < ? AND name <> ? GROUP BY dimension, at HAVING count(*) > ? LIMIT 1",
			usage.Account, usage.Day, usage.Keys, today.AddDate(0, 0, -trimFor), today, usage.Other, usage.MaxKept).Conn(t.conn).Scan(ctx, &full)
		if err != nil || len(full) == 0 {
			return false, t.fail(ctx, err)
		}
		of := countKey{Subject: usage.Account, Resolution: usage.Day, Dimension: full[0].Dimension, At: full[0].At}
		return true, t.trimNames(ctx, of, min(full[0].Names-usage.MaxKept, purgeBatch))
	})
}

// fullDay is a day with more names than are kept.
type fullDay struct {
	Dimension usage.Dimension
	At        time.Time
	Names     int
}

// trimNames counts the n names with the fewest requests as others.
func (t *tx) trimNames(ctx context.Context, of countKey, n int) error {
	var least []string
	err := t.db.NewRaw("SELECT name FROM usage_counts WHERE subject = ? AND resolution = ? AND dimension = ? AND at = ? AND name <> ?"+
		" ORDER BY requests, name LIMIT ?", of.Subject, of.Resolution, of.Dimension, of.At, usage.Other, n).Conn(t.conn).Scan(ctx, &least)
	if err != nil {
		return t.fail(ctx, err)
	}
	keys := make([]countKey, len(least))
	for i, name := range least {
		keys[i] = of
		keys[i].Name = name
	}
	return t.foldCounts(ctx, keys)
}

// foldCounts adds the counts to those of the others and removes them. The keys are
// of one subject, resolution and dimension.
func (t *tx) foldCounts(ctx context.Context, keys []countKey) error {
	if len(keys) == 0 {
		return nil
	}
	places := make([]bun.TupleValues, len(keys))
	for i, k := range keys {
		places[i] = bun.Tuple([]any{k.At, k.Name})
	}
	const which = "subject = ? AND resolution = ? AND dimension = ? AND (at, name) IN (?)"
	args := []any{keys[0].Subject, keys[0].Resolution, keys[0].Dimension, bun.List(places)}
	var rows []countRow
	if err := t.db.NewSelect().Conn(t.conn).Model(&rows).Where(which, args...).Scan(ctx); err != nil {
		return t.fail(ctx, err)
	}
	if _, err := t.exec(ctx, t.db.NewDelete().Conn(t.conn).Model((*countRow)(nil)).Where(which, args...)); err != nil {
		return err
	}
	sums := make(counts)
	for _, r := range rows {
		r.Name = usage.Other
		sums.add(r.countKey, r.Tally)
	}
	return t.addCounts(ctx, sums)
}

// removeUsageOf removes some of the counts of a deleted user, and takes the user's
// name from those of the account. It reports whether any are left.
func (t *tx) removeUsageOf(ctx context.Context, user string) (more bool, err error) {
	if err := t.lockName(ctx, usageLock); err != nil {
		return false, err
	}
	subject := usage.Subject(auth.UserToken, user)
	var days []countRow
	err = t.db.NewSelect().Conn(t.conn).Model(&days).Where("subject = ? AND resolution = ? AND dimension = ?", subject, usage.Day, usage.Total).
		OrderExpr("at").Limit(removalBatch).Scan(ctx)
	if err != nil {
		return false, t.fail(ctx, err)
	}
	keys := make([]countKey, len(days))
	for i, d := range days {
		keys[i] = countKey{usage.Account, usage.Day, usage.Users, d.At, user}
	}
	if err := t.foldCounts(ctx, keys); err != nil {
		return false, err
	}
	var rows []countRow
	err = t.db.NewSelect().Conn(t.conn).Model(&rows).Where("subject = ?", subject).
		OrderExpr("resolution, dimension, at, name").Limit(removalBatch).Scan(ctx) // days that are not yet folded come later
	if err != nil || len(rows) == 0 {
		return false, t.fail(ctx, err)
	}
	which := make([]bun.TupleValues, len(rows))
	for i, r := range rows {
		which[i] = bun.Tuple([]any{r.Resolution, r.Dimension, r.At, r.Name})
	}
	_, err = t.exec(ctx, t.db.NewDelete().Conn(t.conn).Model((*countRow)(nil)).
		Where("subject = ? AND (resolution, dimension, at, name) IN (?)", subject, bun.List(which)))
	return len(rows) == removalBatch, err
}
