package store

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// mintSessions stores n sessions of the user that were minted by the application,
// with the ids prefix1, prefix2 and so on.
func (s *Store) mintSessions(t testing.TB, prefix, userID, appID string, n int) {
	t.Helper()
	s.write(t, func(_ context.Context, any auth.Tx) error {
		t := any.(*tx)
		ends := epoch.AddDate(100, 0, 0)
		_, err := t.exec(context.Background(), t.db.NewRaw(
			"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"+
				" INSERT INTO sessions (id, user_id, app_id, seed, generation, rotated_at, created_at, last_used_at, expires_at, ends_at)"+
				" SELECT CAST(? AS TEXT) || CAST(i AS TEXT), ?, ?, ?, 1, ?, ?, ?, ?, ? FROM n",
			n, prefix, userID, appID, []byte{1}, epoch, epoch, epoch, ends, ends).Conn(t.conn))
		return err
	})
}

// live returns how many sessions of the application are not revoked.
func (s *Store) live(t testing.TB, appID string) int {
	t.Helper()
	return count(t, s, "sessions WHERE revoked_at IS NULL AND app_id = '"+appID+"'")
}

// Any number of sessions is ended, and forgotten, before the write returns that
// ends what minted them, but in transactions of few.
func TestManySessionsAreEndedInBatches(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		const n = 2*endingBatch + 3
		u := s.addUser(t)
		s.mintSessions(t, "a", u.ID, "app_1", n)
		s.mintSessions(t, "b", u.ID, "app_2", 3)
		var batches []int
		var ended []string
		s.OnEnd(func(_ context.Context, ids []string) {
			batches = append(batches, len(ids))
			ended = append(ended, ids...)
		})
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			ids, err := tx.EndSessions(ctx, auth.SessionFilter{AppID: "app_1", Except: "a7"}, tx.Now())
			ended = ids
			return err
		})
		wantEqual(t, batches, []int{endingBatch, 2})
		wantEqual(t, len(slices.Compact(slices.Sorted(slices.Values(ended)))), n-1)
		wantEqual(t, slices.ContainsFunc(ended, func(id string) bool { return id == "a7" || strings.HasPrefix(id, "b") }), false)
		wantEqual(t, s.live(t, "app_1"), 1)
		wantEqual(t, s.live(t, "app_2"), 3)
		wantEqual(t, count(t, s, "endings"), 0)
	})
}

// If a process ends in the middle, another one ends the rest of the sessions,
// but none that was minted since, and none twice at a time.
func TestEndOfSessionsIsResumed(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		const n = 3*endingBatch + 1
		u := s.addUser(t)
		s.mintSessions(t, "a", u.ID, "app_1", n)
		var forgotten []string
		s.OnEnd(func(_ context.Context, ids []string) { forgotten = append(forgotten, ids...) })
		var id string
		err := s.do(t.Context(), func(ctx context.Context, t *tx) error { // and nothing after it
			_, err := t.EndSessions(ctx, auth.SessionFilter{AppID: "app_1"}, t.Now())
			id = t.left[0]
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, s.live(t, "app_1"), n-endingBatch)
		ids, mine, err := s.endBatch(t.Context(), id, "one")
		if err != nil || !mine || len(ids) != endingBatch {
			t.Fatal(len(ids), mine, err)
		}
		wantError(t, s.endRests(t.Context()), nil) // leaves it to the one
		wantEqual(t, s.live(t, "app_1"), n-2*endingBatch)
		s.write(t, func(ctx context.Context, any auth.Tx) error {
			t := any.(*tx)
			row := newUserSession(u.ID)
			row.CreatedAt = t.now.Add(time.Second)
			_, err := t.exec(ctx, t.db.NewRaw("UPDATE endings SET worker_until = ?", t.now.Add(-time.Second)).Conn(t.conn)) // the one is gone
			if err != nil {
				return err
			}
			return t.InsertSession(ctx, row)
		})
		wantError(t, s.Remove(t.Context()), nil)
		wantEqual(t, len(forgotten), n-2*endingBatch)
		wantEqual(t, s.live(t, "app_1"), 1)
		wantEqual(t, count(t, s, "endings"), 0)
	})
}
