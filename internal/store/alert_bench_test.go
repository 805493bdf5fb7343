package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/usage"
)

// BenchmarkEvaluateAlerts is one look at an installation with 10,000 keys, in a minute in which all
// of them, or none, were used from three networks, and an hour in which they had.
func BenchmarkEvaluateAlerts(b *testing.B) {
	for name, used := range map[string]bool{"idle": false, "busy": true} {
		b.Run(name, func(b *testing.B) {
			now := monday.Add(36 * time.Hour)
			w := newAlertWorld(openStore(b, sqliteDSN(b), Options{Now: func() time.Time { return now }}), &now)
			const keys = 10_000
			sums, uses := make(counts), make(map[string]auth.KeyUse)
			for i := range keys {
				id := fmt.Sprintf("key_%05d", i)
				uses[id] = auth.KeyUse{At: now}
				for n := range 3 {
					for back := range 3 {
						at := now.AddDate(0, 0, -back)
						t := usage.Tally{Requests: 7, Refused: 1, LastUsedAt: at}
						sums.add(countKey{"key:" + id, usage.Day, usage.Networks, usage.Day.Start(at), fmt.Sprintf("10.0.%d.0/24", n)}, t)
						sums.add(countKey{"key:" + id, usage.Day, usage.Total, usage.Day.Start(at), usage.All}, t)
						sums.add(countKey{"key:" + id, usage.Hour, usage.Total, usage.Hour.Start(at), usage.All}, t)
					}
				}
				for minute := range 15 {
					at := now.Add(-time.Duration(minute) * time.Minute)
					sums.add(countKey{"key:" + id, usage.Minute, usage.Total, usage.Minute.Start(at), usage.All}, usage.Tally{Requests: 7, Refused: 1, LastUsedAt: at})
				}
			}
			w.write(b, func(ctx context.Context, tx auth.Tx) error {
				for i := range keys {
					k := newKey()
					k.ID, k.CreatedAt = fmt.Sprintf("key_%05d", i), monday
					if err := tx.InsertKey(ctx, k); err != nil {
						return err
					}
				}
				return nil
			})
			all := make([]countKey, 0, len(sums))
			for k := range sums {
				all = append(all, k)
			}
			for some := range slices.Chunk(all, 5000) {
				part := make(counts)
				for _, k := range some {
					part[k] = sums[k]
				}
				if err := w.do(b.Context(), func(ctx context.Context, t *tx) error { return t.addCounts(ctx, part) }); err != nil {
					b.Fatal(err)
				}
			}
			if used {
				if err := w.TouchKeys(b.Context(), uses); err != nil {
					b.Fatal(err)
				}
			}
			w.evaluate(b)
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(time.Minute)
				w.evaluate(b)
			}
			if got := w.all(b, alert.Query{}); len(got) > 0 {
				b.Fatal(got)
			}
		})
	}
}
