package store

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/event"
)

// DeleteWorkouts implements event.Store.
func (s *Store) DeleteWorkouts(ctx context.Context, userID string, of []event.Reference, e audit.Event) (int, error) {
	if len(of) == 0 {
		return 0, s.UserExists(ctx, userID)
	}
	budgetFrom(ctx).leave() // as runUpsert does
	var parts []func(context.Context, *tx) error
	deleted := make([]int64, 0, len(of)) // of each part, which may run again
	for some := range slices.Chunk(of, cmp.Or(s.engine.cut.rows, len(of))) {
		n := len(parts)
		deleted = append(deleted, 0)
		parts = append(parts, func(ctx context.Context, t *tx) (err error) {
			deleted[n], err = t.deleteWorkouts(ctx, userID, some)
			if err == nil && n == 0 {
				err = t.recordOften(ctx, e)
			}
			return err
		})
	}
	run := func() error { return s.doBulk(ctx, parts...) }
	if len(of) <= bulkRows && len(parts) == 1 {
		run = func() error { return s.do(ctx, parts[0]) }
	}
	if err := run(); err != nil {
		return 0, err
	}
	var all int64
	for _, n := range deleted {
		all += n
	}
	return int(all), nil
}

// deleteWorkouts deletes those of the user's workouts that there are, and returns how
// many.
func (t *tx) deleteWorkouts(ctx context.Context, userID string, of []event.Reference) (int64, error) {
	before, err := t.usage(ctx, userID)
	if err != nil {
		return 0, err
	}
	var gone event.Usage
	for chunk := range slices.Chunk(of, 200) { // a statement stays under SQLite's 1 MB
		args := make([]any, 0, 2*len(chunk)+1)
		for _, r := range chunk {
			args = append(args, r.Provider, r.ExternalID)
		}
		var sizes []int64
		// A join, because SQLite does not look a list of pairs up in the index.
		err := t.db.NewRaw("DELETE FROM workouts WHERE id IN (SELECT id FROM (VALUES (?, ?)"+strings.Repeat(", (?, ?)", len(chunk)-1)+") AS v "+
			"JOIN workouts ON user_id = ? AND provider = v.column1 AND external_id = v.column2) RETURNING "+workoutSize, append(args, userID)...).
			Conn(t.conn).Scan(ctx, &sizes)
		if err != nil {
			return 0, t.fail(ctx, err)
		}
		for _, size := range sizes {
			gone.Workouts, gone.Bytes = gone.Workouts+1, gone.Bytes+size
		}
	}
	if gone.Workouts == 0 {
		return 0, nil
	}
	return gone.Workouts, t.setUsage(ctx, userID, before.With(event.Usage{}, gone))
}
