package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/usage"
)

const (
	benchKeys = 10_000
	benchDays = 365
)

// addYear writes a year of each of many keys, with the days of the account that are
// kept of it.
func (s *Store) addYear(b *testing.B, end time.Time) {
	b.Helper()
	day := int64(24 * time.Hour / time.Microsecond)
	first := usage.Day.Start(end).UnixMicro() - (benchDays-1)*day
	const (
		series = "WITH RECURSIVE k (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM k WHERE k + 1 < ?), " +
			"d (d) AS (SELECT 0 UNION ALL SELECT d + 1 FROM d WHERE d + 1 < ?) " +
			"INSERT INTO usage_counts (subject, resolution, dimension, at, name, requests, refused, limited, failed, last_used_at) "
		ofKey  = "SELECT 'key:key_' || k, 2, ?, ? + d * ?, ?, 1 + (k * 7 + d) % 1000, d % 5, 0, 0, ? + d * ? FROM k CROSS JOIN d"
		ofAll  = "SELECT 'account', 2, ?, ? + d * ?, ? || k, 1 + (k * 7 + d) % 1000, d % 5, 0, 0, ? + d * ? FROM k CROSS JOIN d WHERE d = ? OR k < ?"
		byHour = "SELECT 'account', 1, ?, ? + d * ?, ? || k, 1 + (k * 7 + d) % 1000, d % 5, 0, 0, ? + d * ? FROM k CROSS JOIN d"
	)
	hour := int64(time.Hour / time.Microsecond)
	fill := func(query string, keys, spans int, args ...any) {
		if _, err := s.pools.writer.ExecContext(b.Context(), series+query, append([]any{keys, spans}, args...)...); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := s.pools.writer.ExecContext(b.Context(), "DROP INDEX usage_counts_at"); err != nil {
		b.Fatal(err)
	}
	for d, name := range []string{"all", "ListWorkouts", "openwearables-go/0.1.0", "192.0.2.0/24"} {
		fill(ofKey, benchKeys, benchDays, d, first, day, name, first, day)
	}
	for _, of := range []struct {
		usage.Dimension
		kept, today int // names of a day
	}{{usage.Total, 1, 1}, {usage.Operations, 31, 31}, {usage.Keys, usage.MaxKept + 1, benchKeys}, {usage.Applications, usage.MaxKept + 1, 1000}, {usage.Users, usage.MaxKept + 1, benchKeys}} {
		fill(ofAll, of.today, benchDays, of.Dimension, first, day, "n", first, day, benchDays-1, of.kept)
		if of.Dimension < usage.Keys {
			fill(byHour, of.today, 90*24, of.Dimension, first+(benchDays-90)*day, hour, "n", first, hour)
		}
	}
	if _, err := s.pools.writer.ExecContext(b.Context(), "CREATE INDEX usage_counts_at ON usage_counts (resolution, at); ANALYZE"); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkUsage reads what 10,000 keys have used in a year: 15 million rows, which
// take minutes to make.
func BenchmarkUsage(b *testing.B) {
	s := openStore(b, sqliteDSN(b), Options{})
	end := epoch.AddDate(1, 0, 0)
	s.addYear(b, end)
	reports := &usage.Reports{Store: s, Now: func() time.Time { return end }}
	ctx := auth.WithCaller(context.Background(), &auth.Caller{Principal: &auth.Principal{Kind: auth.DeveloperToken, ID: "d"}})
	for _, resolution := range []string{"day", "hour"} {
		start := end.AddDate(0, 0, -30).Format(time.RFC3339)
		in := usage.RangeInput{Start: &start, Resolution: &resolution}
		b.Run("30 days of a key by "+resolution, func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				must(reports.Key(ctx, fmt.Sprint("key_", n*7919%benchKeys), in))(b)
			}
		})
		b.Run("30 days of the account by "+resolution, func(b *testing.B) {
			for b.Loop() {
				must(reports.Account(ctx, in))(b)
			}
		})
	}
	b.Run("a year of the account", func(b *testing.B) {
		day, start := "day", end.AddDate(-1, 0, 0).Format(time.RFC3339)
		for b.Loop() {
			must(reports.Account(ctx, usage.RangeInput{Start: &start, Resolution: &day}))(b)
		}
	})
}

// BenchmarkAddUsage writes what a node has counted in a second, of so many users.
func BenchmarkAddUsage(b *testing.B) {
	benchEach(b, func(b *testing.B, s *Store) {
		batch := make([]usage.Count, 100)
		for i := range batch {
			batch[i] = used(auth.UserToken, s.addUser(b).ID, epoch, 3)
		}
		for n := int64(1); b.Loop(); n++ {
			if err := s.AddUsage(b.Context(), "writer", n, batch); err != nil {
				b.Fatal(err)
			}
		}
	})
}
