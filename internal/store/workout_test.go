package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/problem"
)

// allWorkouts returns every workout of the user, newest first.
func (s *Store) allWorkouts(t testing.TB, userID string) []event.Workout {
	t.Helper()
	return must(s.Workouts(t.Context(), event.Query{
		UserID: userID, Start: time.Time{}, End: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), Limit: 10_000,
	}))(t)
}

func TestWorkoutsComeBack(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		for _, set := range []bool{true, false} {
			u := s.addUser(t)
			w := fill[event.Workout](set)
			mine := []event.Workout{w}
			created := must(s.UpsertWorkouts(t.Context(), u.ID, mine, event.Quota{}, newEvent("user:u")))(t)
			wantEqual(t, created, []bool{true})
			if mine[0].ID == w.ID || len(mine[0].ID) != 36 {
				t.Fatalf("id %q", mine[0].ID)
			}
			wantEqual(t, s.allWorkouts(t, u.ID), mine)

			next := fill[event.Workout](!set)
			next.ExternalID, next.Source.Provider = w.ExternalID, w.Source.Provider
			again := []event.Workout{next}
			wantEqual(t, must(s.UpsertWorkouts(t.Context(), u.ID, again, event.Quota{}, newEvent("user:u")))(t), []bool{false})
			wantEqual(t, again[0].ID, mine[0].ID)
			wantEqual(t, s.allWorkouts(t, u.ID), again)
		}
	})
}

func TestUpsertWorkoutsReplacesByIdentity(t *testing.T) {
	onEachAt(t, epoch, func(t *testing.T, s *Store, now *time.Time) {
		u, other := s.addUser(t), s.addUser(t)
		ws := []event.Workout{
			newWorkout("garmin", "1", epoch), newWorkout("polar", "1", epoch), newWorkout("garmin", "1", epoch.Add(time.Hour)),
		}
		wantEqual(t, must(s.UpsertWorkouts(t.Context(), u.ID, ws, event.Quota{}, newEvent("user:u")))(t), []bool{true, true, false})
		if ws[0].ID != ws[2].ID || ws[0].ID == ws[1].ID {
			t.Fatalf("ids %s %s %s", ws[0].ID, ws[1].ID, ws[2].ID)
		}
		wantEqual(t, s.allWorkouts(t, u.ID), []event.Workout{ws[2], ws[1]})
		synced := must(s.User(t.Context(), u.ID))(t)
		wantEqual(t, synced.LastSyncedAt, &epoch)
		wantEqual(t, synced.LastSyncedProvider, ptr("garmin"))

		// The same identity is another workout for another user.
		wantEqual(t, must(s.UpsertWorkouts(t.Context(), other.ID, ws[:1], event.Quota{}, newEvent("user:u")))(t), []bool{true})
		*now = epoch.Add(time.Minute)
		again := []event.Workout{newWorkout("polar", "2", epoch), newWorkout("polar", "1", epoch)}
		wantEqual(t, must(s.UpsertWorkouts(t.Context(), u.ID, again, event.Quota{}, newEvent("user:u")))(t), []bool{true, false})
		wantEqual(t, again[1].ID, ws[1].ID)
		wantEqual(t, must(s.User(t.Context(), u.ID))(t).LastSyncedAt, now)

		_, err := s.UpsertWorkouts(t.Context(), "x", ws, event.Quota{}, newEvent("user:u"))
		wantError(t, err, problem.ErrNotFound)
	})
}

// Of an upsert of a thousand workouts that fails, nothing is stored, or on SQLite the
// first of them. Repeating it stores them all.
func TestUpsertWorkoutsGoesOnWhereItFailed(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		ws := make([]event.Workout, event.MaxBatch)
		for i := range ws {
			ws[i] = newWorkout("garmin", fmt.Sprint(i), epoch.Add(time.Duration(i)*time.Second))
			if i >= 200 { // enough for statements of the greatest length
				continue
			}
			for _, text := range []**string{&ws[i].Name, &ws[i].Source.Device, &ws[i].Source.DeviceName} {
				*text = ptr(string(slices.Repeat([]rune{'☃'}, problem.MaxText)))
			}
		}
		broken := slices.Clone(ws)
		broken[700].Type = "" // absent, where one must be
		if _, err := s.UpsertWorkouts(t.Context(), u.ID, broken, event.Quota{}, newEvent("user:u")); err == nil {
			t.Fatal("stored a workout without a type")
		}
		first := s.allWorkouts(t, u.ID)
		slices.Reverse(first)
		wantEqual(t, externalIDs(first), externalIDs(ws[:len(first)]))
		wantEqual(t, wantUsage(t, s, u.ID).Workouts, int64(len(first)))
		if onSQLite := s.engine.name == "sqlite"; onSQLite != (len(first) > 0) || len(first) > 700 {
			t.Fatalf("%d workouts are stored", len(first))
		}

		created := must(s.UpsertWorkouts(t.Context(), u.ID, ws, event.Quota{}, newEvent("user:u")))(t)
		wantEqual(t, slices.Index(created, true), len(first))
		wantEqual(t, slices.Contains(created[len(first):], false), false)
		wantEqual(t, wantUsage(t, s, u.ID).Workouts, int64(len(ws)))
		got := s.allWorkouts(t, u.ID)
		slices.Reverse(got)
		wantEqual(t, got, ws)
		wantEqual(t, slices.Contains(must(s.UpsertWorkouts(t.Context(), u.ID, ws, event.Quota{}, newEvent("user:u")))(t), true), false)
	})
}

// externalIDs returns the external ids of the workouts.
func externalIDs(ws []event.Workout) []string {
	ids := make([]string, len(ws))
	for i := range ws {
		ids[i] = ws[i].ExternalID
	}
	return ids
}

func TestDeleteWorkoutIsOnlyForItsUser(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u, other := s.addUser(t), s.addUser(t)
		ws := []event.Workout{newWorkout("garmin", "1", epoch)}
		must(s.UpsertWorkouts(t.Context(), u.ID, ws, event.Quota{}, newEvent("user:u")))(t)
		wantError(t, s.DeleteWorkout(t.Context(), other.ID, ws[0].ID, newEvent("user:u")), problem.ErrNotFound)
		if err := s.DeleteWorkout(t.Context(), u.ID, ws[0].ID, newEvent("user:u")); err != nil {
			t.Fatal(err)
		}
		wantError(t, s.DeleteWorkout(t.Context(), u.ID, ws[0].ID, newEvent("user:u")), problem.ErrNotFound)
		wantEqual(t, len(s.allWorkouts(t, u.ID)), 0)
	})
}

// The range is half open, to the microsecond, at both ends of the calendar too.
// Workouts are sorted by time, not by its text.
func TestWorkoutRangeIsHalfOpen(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		at := []time.Time{
			time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
			time.Unix(0, 0).UTC(),
			epoch,
			epoch.Add(time.Microsecond),
			epoch.Add(100 * time.Millisecond),
			epoch.Add(120 * time.Millisecond),
			epoch.Add(time.Second),
			epoch.Add(time.Second + 20*time.Millisecond),
			time.Date(9998, 12, 31, 23, 59, 59, 0, time.UTC),
		}
		ws := make([]event.Workout, len(at))
		for i, start := range at {
			ws[i] = newWorkout("garmin", fmt.Sprint(i), start)
		}
		shuffled := slices.Clone(ws)
		slices.Reverse(shuffled[2:7])
		must(s.UpsertWorkouts(t.Context(), u.ID, shuffled, event.Quota{}, newEvent("user:u")))(t)
		for i := range at {
			for j := i; j < len(at); j++ {
				q := event.Query{UserID: u.ID, Start: at[i], End: at[j], Limit: 100, Backward: true}
				var got []time.Time
				for _, w := range must(s.Workouts(t.Context(), q))(t) {
					got = append(got, w.StartTime)
				}
				if !slices.Equal(got, at[i:j]) {
					t.Fatalf("from %s to %s: %s", at[i], at[j], got)
				}
			}
		}
	})
}

func TestWorkoutPagesAreComplete(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		var ws []event.Workout
		for i := range 57 { // many start at the same instant
			w := newWorkout("garmin", fmt.Sprint(i), epoch.Add(time.Duration(i%5)*time.Second))
			if i%2 == 0 {
				w.Type = "cycling"
			}
			ws = append(ws, w)
		}
		must(s.UpsertWorkouts(t.Context(), u.ID, ws, event.Quota{}, newEvent("user:u")))(t)
		for _, kind := range []*string{nil, ptr("cycling")} {
			for _, backward := range []bool{false, true} {
				q := event.Query{UserID: u.ID, Start: epoch, End: epoch.Add(time.Hour), Type: kind, Backward: backward, Limit: 10}
				var got []event.Workout
				for {
					page := must(s.Workouts(t.Context(), q))(t)
					got = append(got, page...)
					if len(page) < q.Limit {
						break
					}
					last := page[len(page)-1]
					q.After = &event.Position{Start: last.StartTime, ID: last.ID}
				}
				want := slices.DeleteFunc(slices.Clone(ws), func(w event.Workout) bool { return kind != nil && w.Type != *kind })
				slices.SortFunc(want, func(a, b event.Workout) int {
					n := a.StartTime.Compare(b.StartTime)
					if n == 0 && a.ID < b.ID {
						n = -1
					} else if n == 0 {
						n = 1
					}
					if !backward {
						n = -n
					}
					return n
				})
				wantEqual(t, got, want)
			}
		}
	})
}

func TestTimesAreInstants(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u := newUser()
		u.CreatedAt = time.Date(2026, 3, 7, 12, 30, 0, 123_456_789, time.FixedZone("", 2*3600))
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, u) })
		wantEqual(t, must(s.User(t.Context(), u.ID))(t).CreatedAt, time.Date(2026, 3, 7, 10, 30, 0, 123_456_000, time.UTC))
	})
}
