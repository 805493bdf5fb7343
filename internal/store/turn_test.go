package store

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openwearables/openwearables/internal/event"
)

// Work that keeps a processor busy waits for its turn, and is refused as Unavailable if
// none comes in time.
func TestTurnsOfWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Store{busy: newLane(1, time.Second)}
		request := func() context.Context { return WithBudget(as(t.Context(), "a")) }
		leave := must(s.Turn(request()))(t)
		_, err := s.Turn(request())
		wantUnavailable(t, err)
		go func() {
			time.Sleep(time.Second / 2)
			leave()
			leave() // ends nobody else's
		}()
		begun := time.Now()
		second := must(s.Turn(request()))(t)
		wantEqual(t, time.Since(begun), time.Second/2)
		wantEqual(t, s.busy.length(), 0)
		_, err = s.Turn(request())
		wantUnavailable(t, err)
		second()
		must(s.Turn(request()))(t)()
	})
}

// A bulk write does not wait for the turn that its own request has. On SQLite it waits
// for those of others, and small writes do not.
func TestBulkWritesTakeTheirTurnAtWork(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		s.busy.places = 1
		u := s.addUser(t)
		write := func(ctx context.Context, series string) error {
			_, err := s.UpsertWorkouts(ctx, u.ID, manyWorkouts(series), event.Quota{}, newEvent("user:u"))
			return err
		}
		own := WithBudget(as(t.Context(), "own"))
		defer must(s.Turn(own))(t)()
		inTime(t, "its own turn", func() { wantError(t, write(own, "own"), nil) })
		own = WithBudget(as(t.Context(), "own"))
		defer must(s.Turn(own))(t)()
		inTime(t, "its own turn, to delete", func() {
			of := make([]event.Reference, event.MaxBatch)
			for i, w := range manyWorkouts("own") {
				of[i] = event.Reference{Provider: w.Provider, ExternalID: w.ExternalID}
			}
			wantEqual(t, must(s.DeleteWorkouts(own, u.ID, of, newEvent("user:u")))(t), event.MaxBatch)
		})

		leave := must(s.Turn(WithBudget(as(t.Context(), "other"))))(t)
		defer leave()
		s.addUser(t)
		wrote := make(chan error, 1)
		go func() { wrote <- write(context.Background(), "next") }()
		if _, local := s.backend.(*file); local {
			eventually(t, "waiting", func() bool { return s.busy.length() == 1 })
			wantEqual(t, wantUsage(t, s, u.ID).Workouts, int64(0))
			leave()
		}
		wantError(t, receive(t, wrote), nil)
	})
}

// While a long WAL is moved, no bulk write makes it longer, and small writes go on.
func TestBulkWritesWaitWhileALongWALIsMoved(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		s.unhurried()
		f := s.backend.(*file)
		f.checkpoints.passing.Lock() // no other pass
		letPass := sync.OnceFunc(f.checkpoints.passing.Unlock)
		defer letPass()
		f.checkpoints.moving.Store(true)
		s.addUser(t) // the writer has seen it
		wrote := make(chan error, 1)
		go func() { wrote <- s.doBulk(context.Background(), func(context.Context, *tx) error { return nil }) }()
		eventually(t, "waiting", func() bool { return len(f.bulk) == 1 })
		s.addUser(t)
		wantEqual(t, len(f.bulk), 1)
		letPass()
		f.checkpoints.pass()
		wantError(t, receive(t, wrote), nil)
	})
}
