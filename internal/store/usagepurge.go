package store

import (
	"context"
	"slices"
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
	today := usage.Day.Start(s.Now())
	for back := 1; back <= trimFor; back++ {
		for d := usage.Keys; d <= usage.Developers; d++ {
			if err := s.trimDay(ctx, countKey{usage.Account, usage.Day, d, today.AddDate(0, 0, -back), usage.Other}); err != nil {
				return err
			}
		}
	}
	return nil
}

// trimDay trims the names of one dimension and day; of is the key of the others.
func (s *Store) trimDay(ctx context.Context, of countKey) error {
	some, err := s.namesOf(ctx, of, "name", usage.MaxKept+1)
	if err != nil || len(some) <= usage.MaxKept {
		return err
	}
	most, err := s.namesOf(ctx, of, "requests DESC, name", usage.MaxKept)
	if err != nil {
		return err
	}
	slices.Sort(most)
	return s.inBatches(ctx, func(ctx context.Context, t *tx) (bool, error) {
		if err := t.lockName(ctx, usageLock); err != nil {
			return false, err
		}
		var names []string
		err := t.db.NewRaw("SELECT name FROM usage_counts WHERE subject = ? AND resolution = ? AND dimension = ? AND at = ? AND name <> ? ORDER BY name LIMIT ?",
			of.Subject, of.Resolution, of.Dimension, of.At, of.Name, len(most)+purgeBatch).Conn(t.conn).Scan(ctx, &names)
		if err != nil {
			return false, t.fail(ctx, err)
		}
		var few []countKey
		for _, name := range names {
			if _, kept := slices.BinarySearch(most, name); !kept {
				few = append(few, countKey{of.Subject, of.Resolution, of.Dimension, of.At, name})
			}
		}
		return len(few) > 0, t.foldCounts(ctx, few)
	})
}

// namesOf returns the first names, in the order, of the others' dimension and day.
func (s *Store) namesOf(ctx context.Context, of countKey, order string, limit int) (names []string, err error) {
	err = s.scan(ctx, func(ctx context.Context, on executor) error {
		names = nil
		return s.db.NewRaw("SELECT name FROM usage_counts WHERE subject = ? AND resolution = ? AND dimension = ? AND at = ? AND name <> ? ORDER BY "+order+" LIMIT ?",
			of.Subject, of.Resolution, of.Dimension, of.At, of.Name, limit).Conn(on).Scan(ctx, &names)
	})
	return names, s.fail(ctx, err)
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
