package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/usage"
)

var _ usage.Reader = (*Store)(nil)

// UsageSeries implements usage.Reader.
func (s *Store) UsageSeries(ctx context.Context, subject string, r usage.Resolution, start, end time.Time) ([]usage.Span, error) {
	rows, err := few[countRow](ctx, s.reader, "at", func(q *bun.SelectQuery) {
		q.Where("subject = ? AND resolution = ? AND dimension = ? AND at >= ? AND at < ?", subject, r, usage.Total, start, end)
	})
	return each(rows, err, func(row *countRow) usage.Span { return usage.Span{At: row.At, Tally: row.Tally} })
}

const sumOfNames = "SELECT name, CAST(sum(requests) AS BIGINT) AS requests, CAST(sum(refused) AS BIGINT) AS refused, " +
	"CAST(sum(limited) AS BIGINT) AS limited, CAST(sum(failed) AS BIGINT) AS failed, max(last_used_at) AS last_used_at FROM usage_counts " +
	"WHERE subject = ? AND resolution = ? AND dimension = ? AND at >= ? AND at < ? AND name <> ? GROUP BY name ORDER BY requests DESC, name LIMIT ?"

// UsageNames implements usage.Reader.
func (s *Store) UsageNames(ctx context.Context, of usage.Names) ([]usage.Named, error) {
	var rows []usage.Named
	err := s.scan(ctx, func(ctx context.Context, on executor) error {
		rows = nil
		without := ""
		if of.NoOther {
			without = usage.Other
		}
		return s.db.NewRaw(sumOfNames, of.Subject, of.Resolution, of.Dimension, of.Start, of.End, without, of.Limit).Conn(on).Scan(ctx, &rows)
	})
	return rows, s.fail(ctx, err)
}

// UsageKnown implements usage.Reader.
func (s *Store) UsageKnown(ctx context.Context, subject string) (known bool, err error) {
	if subject != storable(subject) {
		return false, nil
	}
	err = s.use(ctx, func(ctx context.Context, on executor) error {
		return s.db.NewRaw("SELECT EXISTS (SELECT 1 FROM usage_counts WHERE subject = ?)", subject).Conn(on).Scan(ctx, &known)
	})
	return known, s.fail(ctx, err)
}
