package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/problem"
)

// wantUsage compares what the store has counted with what it keeps.
func wantUsage(t testing.TB, s *Store, userID string) event.Usage {
	t.Helper()
	var counted, kept event.Usage
	err := s.do(t.Context(), func(ctx context.Context, tx *tx) (err error) {
		row, err := find(ctx, &tx.reader, usageByUser, userID)
		if err != nil {
			return err
		}
		counted = event.Usage{Workouts: row.Workouts, Bytes: row.WorkoutBytes}
		kept, err = tx.countWorkouts(ctx, "workouts WHERE user_id = ?", userID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, counted, kept)
	return counted
}

func isQuota(err error) bool {
	e, ok := errors.AsType[*problem.Error](err)
	return ok && e.Reason == "quota_exceeded"
}

func TestUsageIsWhatIsKept(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		wantEqual(t, wantUsage(t, s, u.ID), event.Usage{})
		for round := range 3 { // inserts, replaces and mixes, short and long, with texts of any bytes
			var ws []event.Workout
			for i := range 300 {
				w := fill[event.Workout](i%2 == round%2)
				w.ExternalID, w.Source.Provider = fmt.Sprint(i+100*round), "garmin ☃"
				ws = append(ws, w)
			}
			must(s.UpsertWorkouts(t.Context(), u.ID, append(ws, ws[7]), event.Quota{}, newEvent("user:u")))(t)
			wantEqual(t, wantUsage(t, s, u.ID).Workouts, int64(300+100*round))
			if err := s.DeleteWorkout(t.Context(), u.ID, ws[0].ID, newEvent("user:u")); err != nil {
				t.Fatal(err)
			}
			wantUsage(t, s, u.ID)
			must(s.UpsertWorkouts(t.Context(), u.ID, ws[:1], event.Quota{}, newEvent("user:u")))(t)
		}
	})
}

// However many write at once, exactly as many are kept as the quota allows.
func TestQuotaIsExactUnderConcurrency(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		quota := event.Quota{Workouts: 50}
		var all sync.WaitGroup
		refused := make(chan error, 80)
		for i := range 80 {
			all.Go(func() {
				_, err := s.UpsertWorkouts(t.Context(), u.ID, []event.Workout{newWorkout("garmin", fmt.Sprint(i), epoch)}, quota, newEvent("user:u"))
				if err != nil {
					refused <- err
				}
			})
		}
		all.Wait()
		close(refused)
		wantEqual(t, len(refused), 30)
		for err := range refused {
			if !isQuota(err) {
				t.Error(err)
			}
		}
		wantEqual(t, wantUsage(t, s, u.ID).Workouts, 50)
	})
}

func TestQuotaAdmitsWhatAddsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		long := newWorkout("garmin", "1", epoch)
		long.Name = ptr(strings.Repeat("☃", 255))
		ws := []event.Workout{long, newWorkout("garmin", "2", epoch)}
		must(s.UpsertWorkouts(t.Context(), u.ID, ws, event.Quota{}, newEvent("user:u")))(t)
		full := wantUsage(t, s, u.ID)
		for name, quota := range map[string]event.Quota{
			"workouts": {Workouts: 1}, "bytes": {Bytes: int(full.Bytes) - 1},
		} {
			_, err := s.UpsertWorkouts(t.Context(), u.ID, []event.Workout{newWorkout("garmin", "3", epoch)}, quota, newEvent("user:u"))
			if !isQuota(err) {
				t.Errorf("%s: one more is %v", name, err)
			}
			if _, err := s.UpsertWorkouts(t.Context(), u.ID, ws, quota, newEvent("user:u")); err != nil {
				t.Errorf("%s: the same again is %v", name, err)
			}
		}
		exact := event.Quota{Workouts: 2, Bytes: int(full.Bytes)}
		longer := newWorkout("garmin", "2", epoch)
		longer.Name = ptr("x")
		if _, err := s.UpsertWorkouts(t.Context(), u.ID, []event.Workout{longer}, exact, newEvent("user:u")); !isQuota(err) {
			t.Errorf("a byte too many is %v", err)
		}
		wantEqual(t, wantUsage(t, s, u.ID), full)
		wantEqual(t, len(s.allWorkouts(t, u.ID)), 2)
	})
}

// What the release before wrote is counted at the next write.
func TestUsageCountsWhatAnotherReleaseWrote(t *testing.T) {
	onEachAt(t, epoch, func(t *testing.T, s *Store, now *time.Time) {
		u := s.addUser(t)
		for i := range 3 {
			*now = epoch.Add(time.Duration(i+1) * time.Minute)
			must(s.UpsertWorkouts(t.Context(), u.ID, []event.Workout{newWorkout("garmin", fmt.Sprint("new", i), epoch)}, event.Quota{}, newEvent("user:u")))(t)
			err := s.do(t.Context(), func(ctx context.Context, tx *tx) error {
				err := tx.upsert(ctx, upsertOne, []workoutRow{{UserID: u.ID, Workout: func() event.Workout {
					w := newWorkout("garmin", fmt.Sprint("old", i), epoch)
					w.ID = fmt.Sprint("old", i)
					return w
				}()}}, map[identity]string{})
				if err != nil {
					return err
				}
				_, err = tx.exec(ctx, tx.db.NewRaw("UPDATE users SET last_synced_at = ? WHERE id = ?", now.Add(time.Second).UnixMicro(), u.ID).Conn(tx.conn))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		*now = epoch.Add(time.Hour)
		must(s.UpsertWorkouts(t.Context(), u.ID, []event.Workout{newWorkout("garmin", "last", epoch)}, event.Quota{}, newEvent("user:u")))(t)
		wantEqual(t, wantUsage(t, s, u.ID).Workouts, 7)
		renamed := must(s.User(t.Context(), u.ID))(t)
		renamed.FirstName = ptr("A")
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.UpdateUser(ctx, renamed) })
		wantEqual(t, wantUsage(t, s, u.ID).Workouts, 7)
	})
}
