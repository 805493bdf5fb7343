package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/tracing"
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

// refused returns how many sessions of the user count no longer although they are not
// revoked yet.
func (s *Store) refused(t testing.TB, userID string) int {
	t.Helper()
	listed := must(s.UserSessions(t.Context(), userID, s.Now(), nil, 1_000_000))(t)
	live := make(map[string]bool, len(listed))
	for i := range listed {
		live[listed[i].ID] = true
	}
	var ids []string
	err := s.db.NewRaw("SELECT id FROM sessions WHERE user_id = ? AND revoked_at IS NULL ORDER BY id", userID).Scan(t.Context(), &ids)
	wantError(t, err, nil)
	for i := 0; i < len(ids); i += 1 + len(ids)/50 {
		if row := must(s.Session(t.Context(), ids[i]))(t); live[row.ID] != (row.RevokedAt == nil) {
			t.Errorf("listed %v, found %+v", live[row.ID], row)
		}
	}
	return len(ids) - len(listed)
}

// Any number of sessions has ended, and is forgotten, when the write returns that ends
// what minted them. Their rows follow in transactions of few.
func TestManySessionsEndAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		const n = endingBatch + 30
		for _, of := range []struct {
			minter string
			filter auth.SessionFilter
			kept   string // what is not ended although it has the minter
		}{
			{"app_id", auth.SessionFilter{AppID: "one"}, "1 = 0"},
			{"app_id", auth.SessionFilter{AppID: "two", Except: "two-7"}, "id = 'two-7'"},
			{"app_id", auth.SessionFilter{AppID: "three", Except: "own"}, "minted_by = 'own'"},
			{"minted_by", auth.SessionFilter{MintedBy: "four"}, "1 = 0"},
			{"minted_by", auth.SessionFilter{MintedBy: "five", Except: "five-7"}, "id = 'five-7'"},
		} {
			u, name, forgotten := s.addUser(t), of.filter.AppID+of.filter.MintedBy, 0
			s.mintSessions(t, name+"-", u.ID, "", n)
			s.mintSessions(t, name+"-other-", u.ID, "other", 3)
			s.execute(t, "UPDATE sessions SET "+of.minter+" = ? WHERE user_id = ? AND app_id = ''", name, u.ID)
			s.execute(t, "UPDATE sessions SET app_id = NULL WHERE app_id = ''")
			s.execute(t, "UPDATE sessions SET minted_by = 'own' WHERE id IN ('three-1', 'three-2')")
			kept := count(t, s, "sessions WHERE user_id = '"+u.ID+"' AND "+of.kept)
			s.OnEnd(func(context.Context) { forgotten++ })
			s.write(t, func(ctx context.Context, tx auth.Tx) error {
				ids, err := tx.EndSessions(ctx, of.filter, tx.Now())
				wantEqual(t, len(ids), endingBatch)
				return err
			})
			wantEqual(t, forgotten, 1)
			wantEqual(t, s.refused(t, u.ID), n-endingBatch-kept)
			later := newUserSession(u.ID)
			later.AppID, later.MintedBy, later.CreatedAt = of.filter.AppID, of.filter.MintedBy, s.Now().Add(time.Second)
			s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertSession(ctx, later) })
			wantEqual(t, s.refused(t, u.ID), n-endingBatch-kept)
			wantError(t, s.Remove(t.Context()), nil)
			wantEqual(t, s.refused(t, u.ID), 0)
			wantEqual(t, count(t, s, "sessions WHERE revoked_at IS NULL AND user_id = '"+u.ID+"'"), kept+3+1)
			wantEqual(t, count(t, s, "endings"), 0)
		}
	})
}

// execute runs a statement in a transaction.
func (s *Store) execute(t testing.TB, text string, args ...any) {
	t.Helper()
	s.write(t, func(ctx context.Context, any auth.Tx) error {
		t := any.(*tx)
		_, err := t.exec(ctx, t.db.NewRaw(text, args...).Conn(t.conn))
		return err
	})
}

// If a process ends before it has said which sessions it ended, all are that are made
// until another process goes on, and each of those is revoked.
func TestEndOfSessionsIsResumed(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		const n = 2*endingBatch + 30
		u := s.addUser(t)
		s.mintSessions(t, "a", u.ID, "app_1", n)
		err := s.do(t.Context(), func(ctx context.Context, t *tx) error { // and nothing after it
			_, err := t.EndSessions(ctx, auth.SessionFilter{AppID: "app_1"}, t.Now())
			return err
		})
		wantError(t, err, nil)
		wantEqual(t, s.live(t, "app_1"), n-endingBatch)
		wantEqual(t, s.refused(t, u.ID), n-endingBatch)
		wantEqual(t, must(s.endSome(t.Context()))(t), true)
		wantEqual(t, s.live(t, "app_1"), n-2*endingBatch)
		later := newUserSession(u.ID)
		later.AppID, later.CreatedAt = "app_1", s.Now().Add(time.Second)
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertSession(ctx, later) })
		wantEqual(t, s.refused(t, u.ID), n-2*endingBatch)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { wantError(t, s.Remove(t.Context()), nil) })
		}
		all.Wait()
		wantEqual(t, s.live(t, "app_1"), 1)
		wantEqual(t, count(t, s, "endings"), 0)
	})
}

// While a multitude of sessions ends, each is refreshed and used without a pause. Nothing
// that was granted is accepted once the end was answered, before the rows are revoked.
func TestNoRefreshOutlivesTheEndOfMany(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		a := newAccount(t, s)
		for round := range 2 {
			c := a.newClient(t)
			s.mintSessions(t, c.AppID, a.newUser(t), c.AppID, 2*endingBatch)
			var all sync.WaitGroup
			var turns atomic.Int32
			last := make([]auth.Grant, 16)
			for i := range last {
				user := a.newUser(t)
				last[i] = must(c.exchange(t.Context(), user))(t)
				all.Go(func() {
					for {
						a.admits(t, last[i].AccessToken) // and caches it
						next, err := a.refresh(t.Context(), last[i].RefreshToken)
						if err != nil {
							if e, ok := errors.AsType[*problem.Error](err); !ok || e.Kind != problem.Unauthenticated {
								t.Error(err)
							}
							return
						}
						last[i] = next
						turns.Add(1)
					}
				})
			}
			eventually(t, "refreshed", func() bool { return turns.Load() > 64 })
			wantError(t, a.Applications.Delete(a.developer, c.AppID), nil)
			all.Wait()
			wantEqual(t, count(t, s, "endings"), round+1) // the rows are not revoked
			for _, grant := range last {
				if a.admits(t, grant.AccessToken) {
					t.Error("an access token is accepted after the end of what minted it")
				}
				if _, err := a.refresh(t.Context(), grant.RefreshToken); err == nil {
					t.Error("a refresh token is accepted after the end of what minted it")
				}
			}
		}
		wantError(t, s.Remove(t.Context()), nil)
		wantEqual(t, count(t, s, "sessions WHERE revoked_at IS NULL AND user_id IS NOT NULL"), 0)
	})
}

// admits reports whether the access token is accepted.
func (a account) admits(t *testing.T, token string) bool {
	c := &auth.Caller{}
	a.Authenticator.Bearer(auth.WithCaller(t.Context(), c), c, token)
	return c.Principal != nil
}

// An end runs as many statements for a multitude of sessions as for few more than one
// transaction revokes.
func TestEndOfManyRunsAsManyStatements(t *testing.T) {
	tracer := openTracer(t)
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, dsn(t), Options{Tracer: tracer})
			u := s.addUser(t)
			var statements []uint64
			for _, n := range []int{endingBatch + 1, 8 * endingBatch} {
				app := strconv.Itoa(n)
				s.mintSessions(t, app+"-", u.ID, app, n)
				ctx := tracer.Request(t.Context(), nil)
				before, _, _ := tracer.Spans()
				err := s.WriteLong(ctx, func(ctx context.Context, tx auth.Tx) error {
					_, err := tx.EndSessions(ctx, auth.SessionFilter{AppID: app}, tx.Now())
					return err
				})
				wantError(t, err, nil)
				after, _, _ := tracer.Spans()
				statements = append(statements, after-before)
				tracer.Answered(ctx, tracing.Answer{Operation: "DeleteApplication"})
			}
			if statements[0] == 0 || statements[0] != statements[1] {
				t.Errorf("%v statements for few and for many", statements)
			}
		})
	}
}

// PostgreSQL finds what is to be revoked by an index, also of an application that has
// minted most of the sessions.
func TestPostgresFindsTheEndedByIndex(t *testing.T) {
	t.Parallel()
	s := openStore(t, dsns["postgres"](t), Options{}).unhurried()
	s.mintSessions(t, "a", s.addUser(t).ID, "app_1", 2*endingBatch)
	s.execute(t, "ANALYZE sessions")
	s.write(t, func(ctx context.Context, any auth.Tx) error {
		t := any.(*tx)
		explain := func() (steps []string, err error) {
			err = t.db.NewRaw("EXPLAIN SELECT id FROM sessions WHERE revoked_at IS NULL AND app_id = 'app_1' LIMIT 500").Conn(t.conn).Scan(ctx, &steps)
			return steps, err
		}
		before, err := explain()
		if err != nil {
			return err
		}
		if _, err := t.EndSessions(ctx, auth.SessionFilter{AppID: "app_1"}, t.Now()); err != nil {
			return err
		}
		after, err := explain()
		if err == nil && (strings.Contains(strings.Join(after, " "), "Seq Scan") || !strings.Contains(strings.Join(before, " "), "Seq Scan")) {
			err = fmt.Errorf("planned before: %q, and then: %q", before, after)
		}
		return err
	})
}
