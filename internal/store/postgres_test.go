package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/problem"
)

func openPostgresStore(t testing.TB) *Store { return openStore(t, pgtest.New(t), Options{}) }

// Text is sorted by its bytes, even on a database whose default is the order of
// a language.
func TestPostgresSortsTextByBytes(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t)
	var language, ours bool
	err := s.pools.readers.QueryRowContext(t.Context(), "SELECT 'a' < 'B', min(column_name) IS NULL FROM information_schema.columns"+
		" WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'").Scan(&language, &ours)
	if err != nil || !language || !ours {
		t.Fatalf("%t, %t, %v", language, ours, err)
	}
}

// refusal makes a statement of the transaction fail with the code.
func (t *tx) refusal(ctx context.Context, code string) error {
	_, err := t.exec(ctx, t.db.NewRaw("DO $$ BEGIN RAISE SQLSTATE '"+code+"'; END $$").Conn(t.conn))
	return err
}

// A transaction that was rolled back because of a conflict runs again from its
// beginning, unnoticed by the caller, but not for ever.
func TestPostgresConflictsAreRetried(t *testing.T) {
	t.Parallel()
	s := openStore(t, dsns["postgres"](t), Options{}).unhurried()
	for _, code := range []string{"40001", "40P01"} {
		for _, failures := range []int{1, maxTries - 1, maxTries} {
			u, runs := newUser(), 0
			err := s.do(t.Context(), func(ctx context.Context, t *tx) error {
				if runs++; runs > failures {
					return t.InsertUser(ctx, u)
				}
				if err := t.InsertUser(ctx, u); err != nil {
					return err
				}
				if err := t.refusal(ctx, code); err == nil {
					return errors.New("not refused")
				}
				return errors.New("whatever f makes of it")
			})
			if failures == maxTries {
				wantUnavailable(t, err)
				wantError(t, s.UserExists(t.Context(), u.ID), problem.ErrNotFound)
			} else if err != nil || s.UserExists(t.Context(), u.ID) != nil {
				t.Errorf("%s %d times: %v", code, failures, err)
			}
		}
	}
	for _, code := range []string{"57014", "53100", "57P01", "25006"} {
		runs := 0
		wantUnavailable(t, s.do(t.Context(), func(ctx context.Context, t *tx) error {
			runs++
			return t.refusal(ctx, code)
		}))
		wantEqual(t, runs, 1)
	}
}

// Two transactions that deadlock both succeed.
func TestPostgresDeadlockIsRetried(t *testing.T) {
	t.Parallel()
	s := openStore(t, dsns["postgres"](t), Options{}).unhurried()
	rows := []auth.StoredSession{s.addSession(t), s.addSession(t)}
	var met, all sync.WaitGroup
	met.Add(2)
	for i := range 2 {
		all.Go(func() {
			meet := sync.OnceFunc(func() { met.Done(); met.Wait() })
			err := s.try(func(ctx context.Context, tx auth.Tx) error {
				for _, row := range []auth.StoredSession{rows[i], rows[1-i]} {
					row, err := tx.Session(ctx, row.ID)
					if err != nil {
						return err
					}
					row.Generation++
					if err := tx.UpdateSession(ctx, row); err != nil {
						return err
					}
					meet()
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, row := range rows {
		wantEqual(t, must(s.Session(t.Context(), row.ID))(t).Generation, row.Generation+2)
	}
}

// Ends of overlapping sets of sessions, logins and last uses do not deadlock.
func TestPostgresLocksInOneOrder(t *testing.T) {
	t.Parallel()
	s := openStore(t, dsns["postgres"](t), Options{}).unhurried()
	u := s.addUser(t)
	ids := make(map[string]time.Time)
	s.write(t, func(ctx context.Context, tx auth.Tx) error {
		for i := range 40 {
			row := newUserSession(u.ID)
			row.CreatedAt = epoch.Add(time.Duration(i%7) * time.Second)
			ids[row.ID] = time.Now()
			if err := tx.InsertSession(ctx, row); err != nil {
				return err
			}
		}
		return nil
	})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 15 {
				var runs atomic.Int32
				err := s.try(func(ctx context.Context, tx auth.Tx) error {
					if runs.Add(1) > 1 {
						t.Error("it had to be done again")
					}
					which := []auth.SessionFilter{{UserID: u.ID}, {AppID: "app_1"}}[i%2]
					if _, err := tx.EndSessions(ctx, which, tx.Now()); err != nil {
						return err
					}
					return errors.New("undo")
				})
				if err == nil || err.Error() != "undo" {
					t.Error(err)
				}
				if err := s.TouchSessions(t.Context(), ids); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// If every connection is taken, a call fails soon.
func TestPostgresExhaustedPoolRefusesSoon(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t)
	p := s.backend.(*pgPool)
	release := p.hold(t)
	defer release()
	p.acquireTimeout = acquireTimeout
	var all sync.WaitGroup
	for what, call := range map[string]func() error{
		"a read":  func() error { _, err := s.Key(t.Context(), "x"); return err },
		"a list":  func() error { _, err := s.Keys(t.Context(), auth.KeyQuery{Limit: 1 << 20}); return err },
		"a write": func() error { return s.try(func(context.Context, auth.Tx) error { return nil }) },
	} {
		all.Go(func() { inTime(t, what, func() { wantUnavailable(t, call()) }) })
	}
	all.Wait()
	release()
	s.addUser(t)
}

// A call waits for a locked table only shortly, and its connection stays
// usable.
func TestPostgresLockedTableIsWaitedForShortly(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t)
	u := s.addUser(t)
	outside := must(s.pools.writer.BeginTx(t.Context(), nil))(t)
	if _, err := outside.ExecContext(t.Context(), "LOCK TABLE users"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for what, call := range map[string]func() error{
		"a read": func() error { _, err := s.User(t.Context(), u.ID); return err },
		"a write": func() error {
			return s.try(func(ctx context.Context, tx auth.Tx) error { return tx.UpdateUser(ctx, u) })
		},
	} {
		all.Go(func() { inTime(t, what, func() { wantUnavailable(t, call()) }) })
	}
	all.Wait()
	if err := outside.Rollback(); err != nil {
		t.Fatal(err)
	}
	must(s.User(t.Context(), u.ID))(t)
	if n := s.pools.writer.Stats(); n.MaxIdleClosed+n.MaxLifetimeClosed+n.MaxIdleTimeClosed != 0 {
		t.Errorf("connections were given up: %+v", n)
	}
}

// Calls that are slow but succeed keep one request no longer than a single call
// may.
func TestPostgresRequestHasOneTimeBudget(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t)
	slow := func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, t.db.NewRaw("SELECT pg_sleep(0.9)").Conn(t.conn))
		return err
	}
	request := WithBudget(t.Context())
	if err := s.do(request, slow); err != nil {
		t.Fatal(err)
	}
	inTime(t, "the rest of a slow request", func() {
		for range 10 {
			wantUnavailable(t, s.do(request, slow))
		}
		_, err := s.Key(request, "x")
		wantUnavailable(t, err)
	})
	if err := s.do(WithBudget(t.Context()), slow); err != nil {
		t.Error("another request:", err)
	}
}

// A long write may take longer than other calls while the database works on it,
// but fails as soon as they do if the database cannot be reached.
func TestPostgresLongWriteMayTakeLonger(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t)
	long := func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, t.db.NewRaw("SELECT pg_sleep(2)").Conn(t.conn))
		return err
	}
	request := WithBudget(t.Context())
	budgetFrom(request).use(callTimeout) // all of it
	var all sync.WaitGroup
	all.Go(func() { wantUnavailable(t, s.do(WithBudget(t.Context()), long)) })
	all.Go(func() {
		if err := s.doLong(request, long); err != nil {
			t.Error(err)
		}
	})
	all.Wait()
	p := s.backend.(*pgPool)
	release := p.hold(t)
	defer release()
	p.acquireTimeout = acquireTimeout
	inTime(t, "without a connection", func() { wantUnavailable(t, s.doLong(t.Context(), long)) })
}

// A commit that the database refuses returns the reason.
func TestPostgresRefusedCommitIsReported(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t)
	if _, err := s.pools.writer.ExecContext(t.Context(),
		"ALTER TABLE sessions ALTER CONSTRAINT sessions_user_id_fkey DEFERRABLE INITIALLY DEFERRED"); err != nil {
		t.Fatal(err)
	}
	u := newUser()
	wantError(t, s.try(func(ctx context.Context, tx auth.Tx) error {
		return errors.Join(tx.InsertUser(ctx, u), tx.InsertSession(ctx, newUserSession("nobody")))
	}), problem.ErrNotFound)
	wantError(t, s.UserExists(t.Context(), u.ID), problem.ErrNotFound)
}

// A function that ends its goroutine leaves no writes behind and takes no
// connection along.
func TestPostgresGoexitReturnsTheConnection(t *testing.T) {
	t.Parallel()
	s := openStore(t, dsns["postgres"](t), Options{}).unhurried()
	u := newUser()
	var ended sync.WaitGroup
	for range 2 * maxConnections {
		ended.Go(func() {
			_ = s.try(func(ctx context.Context, tx auth.Tx) error {
				if err := tx.InsertUser(ctx, u); err != nil {
					t.Error(err)
				}
				runtime.Goexit()
				return nil
			})
		})
	}
	ended.Wait()
	wantError(t, s.UserExists(t.Context(), u.ID), problem.ErrNotFound)
	eventually(t, "every connection given back", func() bool { return s.pools.writer.Stats().InUse == 0 })
}

// Two processes on one database are one store.
func TestPostgresProcessesShareOneStore(t *testing.T) {
	t.Parallel()
	dsn := dsns["postgres"](t)
	stores := []*Store{openStore(t, dsn, Options{}).unhurried(), openStore(t, dsn, Options{}).unhurried(), openStore(t, dsn, Options{}).unhurried()}
	row := stores[0].addSession(t)
	var all sync.WaitGroup
	var made atomic.Int64
	for i := range 48 {
		all.Go(func() {
			err := stores[i%3].try(func(ctx context.Context, tx auth.Tx) error {
				r, err := tx.Session(ctx, row.ID)
				if err != nil {
					return err
				}
				r.Generation++
				r.RotatedAt = tx.Now()
				return tx.UpdateSession(ctx, r)
			})
			if err == nil {
				made.Add(1)
			} else {
				t.Error(err)
			}
			if _, err := stores[i%3].SetMeta(t.Context(), "first", fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got := must(stores[1].Session(t.Context(), row.ID))(t)
	wantEqual(t, got.Generation, row.Generation+made.Load())
	if d := time.Since(got.RotatedAt); made.Load() != 48 || d < 0 || d > time.Minute {
		t.Errorf("%d made, the last %s ago", made.Load(), d)
	}
	wantEqual(t, must(stores[0].Meta(t.Context(), "first"))(t), must(stores[2].Meta(t.Context(), "first"))(t))
}

// Of concurrent calls with one Idempotency-Key, on any process, one takes
// effect and the others find its record.
func TestPostgresReplaysAreFound(t *testing.T) {
	t.Parallel()
	dsn := dsns["postgres"](t)
	stores := []*Store{openStore(t, dsn, Options{}).unhurried(), openStore(t, dsn, Options{}).unhurried()}
	r := fill[auth.ReplayRecord](true)
	r.ExpiresAt = time.Now().Add(time.Hour)
	var all sync.WaitGroup
	var made, found atomic.Int32
	for i := range 16 {
		all.Go(func() {
			err := stores[i%2].try(func(ctx context.Context, tx auth.Tx) error {
				_, err := tx.Replay(ctx, r.ID)
				if errors.Is(err, problem.ErrNotFound) {
					made.Add(1)
					return tx.PutReplay(ctx, r)
				}
				found.Add(1)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	wantEqual(t, made.Load(), 1)
	wantEqual(t, found.Load(), 15)
}
