package store

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Heart rates that were stored as integers read back as the same numbers, beside
// new ones with a decimal, in the one type of the column.
func TestHeartRatesFromBeforeTheDecimal(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := dsn(t)
			e, rest, err := engineOf(at)
			if err != nil {
				t.Fatal(err)
			}
			before := slices.IndexFunc(migrations, func(m migration) bool { return strings.HasSuffix(m.name, "_heart_rates") })
			p := must(e.open(t.Context(), rest))(t)
			must(e.migrateAll(t.Context(), p.writer, migrations[:before], time.Now))(t)
			insert := func(id string, rate any) {
				t.Helper()
				_, err := p.writer.ExecContext(t.Context(), e.arguments("INSERT INTO workouts (id, user_id, provider, external_id, type, start_time, end_time, "+
					"duration_seconds, avg_heart_rate_bpm, max_heart_rate_bpm) VALUES (?, 'u', 'p', ?, 'run', ?, 0, 0, ?, ?)"), id, id, -len(id), rate, rate)
				if err != nil {
					t.Fatal(err)
				}
			}
			insert("a", 141)
			insert("bb", nil)
			must(e.migrateAll(t.Context(), p.writer, migrations, time.Now))(t)
			insert("ccc", 141.6)
			insert("dddd", 142.0)
			if e.name == "sqlite" {
				var types, check string
				row := p.writer.QueryRowContext(t.Context(), "SELECT group_concat(DISTINCT typeof(avg_heart_rate_bpm) || typeof(max_heart_rate_bpm)) FROM workouts WHERE id <> 'bb'")
				wantEqual(t, row.Scan(&types), nil)
				wantEqual(t, types, "realreal")
				wantEqual(t, p.writer.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&check), nil)
				wantEqual(t, check, "ok")
			}
			if err := p.close(); err != nil {
				t.Fatal(err)
			}
			var rates []*float64
			for _, w := range openStore(t, at, Options{}).unhurried().allWorkouts(t, "u") {
				wantEqual(t, w.AvgHeartRateBPM, w.MaxHeartRateBPM)
				rates = append(rates, w.AvgHeartRateBPM)
			}
			wantEqual(t, rates, []*float64{ptr(141.0), nil, ptr(141.6), ptr(142.0)})
		})
	}
}
