package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
)

// manyWorkouts returns as many workouts as one call may hold, new ones of a time
// of its own for each series.
func manyWorkouts(series string) []event.Workout {
	return seriesOf(series, epoch.Add(rand.N(100_000*time.Hour)))
}

// seriesOf is manyWorkouts of a time from begin on.
func seriesOf(series string, begin time.Time) []event.Workout {
	ws := make([]event.Workout, event.MaxBatch)
	for i := range ws {
		ws[i] = newWorkout("garmin", series+fmt.Sprint(i), begin.Add(time.Duration(i)*time.Second))
	}
	return ws
}

// However many bulk writes wait, one runs at a time, and the writes that wait
// with them come after the first.
func TestSmallWritesDoNotWaitForBulkWrites(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		s.unhurried()
		const bulks, smalls = 20, 50
		var mu sync.Mutex
		var order []string
		note := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, what)
		}
		release := s.hold(t)
		turns := s.backend.(*file).bulkTurns
		var all sync.WaitGroup
		for i := range bulks {
			all.Go(func() {
				err := s.doBulk(as(context.Background(), fmt.Sprint(i%4)), func(context.Context, *tx) error { note("bulk"); return nil })
				if err != nil {
					t.Error(err)
				}
			})
		}
		eventually(t, "waiting", func() bool {
			turns.mu.Lock()
			defer turns.mu.Unlock()
			return turns.waiting == bulks-1 && len(s.backend.(*file).bulk) == 1
		})
		wait := s.queue(t, smalls, func(int) error {
			return s.try(func(context.Context, auth.Tx) error { note("small"); return nil })
		})
		release()
		all.Wait()
		if err := errors.Join(wait()...); err != nil {
			t.Fatal(err)
		}
		before := 0
		for i, what := range order {
			switch {
			case what == "bulk":
				before++
			case before > 1:
				t.Fatalf("a small write was the %dth, after %d bulk writes", i+1, before)
			}
		}
		wantEqual(t, len(order), bulks+smalls)
	})
}

// A bulk write that was let in is finished when the store closes.
func TestCloseFinishesABulkWrite(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		release := s.hold(t)
		wrote := make(chan error, 1)
		go func() {
			_, err := s.UpsertWorkouts(context.Background(), u.ID, manyWorkouts(""), event.Quota{}, newEvent("user:u"))
			wrote <- err
		}()
		eventually(t, "waiting", func() bool { return len(s.backend.(*file).bulk) == 1 })
		closed := make(chan error, 1)
		go func() { closed <- s.Close() }()
		eventually(t, "closing", s.closing)
		wantUnavailable(t, s.doBulk(t.Context(), func(context.Context, *tx) error { return nil }))
		release()
		if err := errors.Join(receive(t, wrote), receive(t, closed)); err != nil {
			t.Fatal(err)
		}
	})
}

// Bulk writes that would wait too long are refused as Unavailable, and write
// nothing.
func TestBulkWritesWaitInVain(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		release := s.hold(t)
		held := make(chan error, 1)
		go func() { held <- s.doBulk(context.Background(), func(context.Context, *tx) error { return nil }) }()
		eventually(t, "waiting", func() bool { return len(s.backend.(*file).bulk) == 1 })
		inTime(t, "a refusal", func() {
			_, err := s.UpsertWorkouts(t.Context(), u.ID, manyWorkouts(""), event.Quota{}, newEvent("user:u"))
			wantUnavailable(t, err)
		})
		release()
		wantError(t, receive(t, held), nil)
		wantEqual(t, count(t, s, "workouts"), 0)
	})
}
