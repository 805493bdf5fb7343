package store

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/problem"
)

// giveWorkouts writes n workouts of the user in one statement.
func (s *Store) giveWorkouts(t testing.TB, userID string, n int) {
	t.Helper()
	s.write(t, func(_ context.Context, any auth.Tx) error {
		t := any.(*tx)
		_, err := t.exec(context.Background(), t.db.NewRaw(
			"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"+
				" INSERT INTO workouts (id, user_id, provider, external_id, type, start_time, end_time, duration_seconds)"+
				" SELECT CAST(? AS TEXT) || CAST(i AS TEXT), ?, 'garmin', CAST('w' AS TEXT) || CAST(i AS TEXT), 'running', i, i + 1, 1 FROM n",
			n, userID+"-", userID).Conn(t.conn))
		return err
	})
}

func (s *Store) deleteUser(t testing.TB, id string) {
	t.Helper()
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteUser(ctx, id) })
}

// A deleted user is gone at once, with what it alone may have; its data is removed
// afterwards, in transactions that each remove few rows. Another user keeps its own.
func TestDeletedUsersDataIsRemovedInBatches(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		const n = 5*removalBatch + 1
		u, other := newUser(), s.addUser(t)
		u.ExternalUserID, u.Email = ptr("ext"), ptr("a@example.com")
		again := u
		again.ID = newUser().ID
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			return tx.InsertUser(ctx, u)
		})
		session := newUserSession(u.ID)
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertSession(ctx, session) })
		s.giveWorkouts(t, u.ID, n)
		s.giveWorkouts(t, other.ID, 3)
		s.deleteUser(t, u.ID)
		_, err := s.User(t.Context(), u.ID)
		wantError(t, err, problem.ErrNotFound)
		_, err = s.Session(t.Context(), session.ID)
		wantError(t, err, problem.ErrNotFound)
		_, err = s.UpsertWorkouts(t.Context(), u.ID, []event.Workout{newWorkout("garmin", "1", epoch)}, event.Quota{}, newEvent("user:u"))
		wantError(t, err, problem.ErrNotFound)
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, again) })

		for left := n - removalBatch; left > 0; left = max(0, left-removalBatch) {
			wantEqual(t, count(t, s, "workouts"), left+3)
			wantEqual(t, must(s.removeSome(t.Context()))(t), true)
		}
		wantEqual(t, count(t, s, "workouts"), 3)
		wantEqual(t, must(s.removeSome(t.Context()))(t), false)
		wantEqual(t, count(t, s, "removals"), 0)
		wantError(t, s.Remove(t.Context()), nil)
	})
}

// What was not removed when a process ended is removed by another, and several
// at once do not hinder one another.
func TestRemovalIsResumed(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := dsn(t)
			s := openStore(t, at, Options{}).unhurried()
			for range 3 {
				u := s.addUser(t)
				s.giveWorkouts(t, u.ID, 2*removalBatch+1)
				s.deleteUser(t, u.ID)
			}
			must(s.removeSome(t.Context()))(t)
			stopped, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.Remove(stopped); err == nil {
				t.Fatal("not stopped")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openStore(t, at, Options{}).unhurried()
			if left := count(t, s, "workouts"); left == 0 {
				t.Fatal("nothing is left to be removed")
			}
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() {
					if err := s.Remove(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			wantEqual(t, count(t, s, "workouts"), 0)
			wantEqual(t, count(t, s, "removals"), 0)
		})
	}
}

// A release that does not know of removals deletes a user beside one that does:
// the data is removed, and nothing else refers to a user that is gone.
func TestDatabaseNotesDeletedUsers(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		s.giveWorkouts(t, u.ID, removalBatch+1)
		s.write(t, func(ctx context.Context, any auth.Tx) error {
			t := any.(*tx)
			_, err := t.exec(ctx, t.db.NewRaw("DELETE FROM users WHERE id = ?", u.ID).Conn(t.conn))
			return err
		})
		wantEqual(t, count(t, s, "removals"), 1)
		wantError(t, s.Remove(t.Context()), nil)
		wantEqual(t, count(t, s, "workouts"), 0)
	})
}

// Deleting a user takes no longer if it has much data, and nobody's write waits
// for the removal of all of it.
func BenchmarkDeleteUser(b *testing.B) {
	benchEach(b, func(b *testing.B, s *Store) {
		for b.Loop() {
			b.StopTimer()
			u := s.addUser(b)
			s.giveWorkouts(b, u.ID, 20_000)
			b.StartTimer()
			s.deleteUser(b, u.ID)
			b.StopTimer()
			begun := time.Now()
			if err := s.Remove(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(time.Since(begun).Microseconds())/20_000, "removal-µs/row")
			b.StartTimer()
		}
	})
}
