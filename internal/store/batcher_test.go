package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// No write returns before every write of its batch has run: they share one
// commit.
func TestWritersShareACommit(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		const writers = 64
		release := s.hold(t)
		var ran atomic.Int32
		var early atomic.Bool
		wait := s.queue(t, writers, func(int) error {
			err := s.try(func(ctx context.Context, tx auth.Tx) error {
				ran.Add(1)
				return tx.InsertUser(ctx, newUser())
			})
			if ran.Load() != writers {
				early.Store(true)
			}
			return err
		})
		release()
		if err := errors.Join(wait()...); err != nil {
			t.Fatal(err)
		}
		if early.Load() {
			t.Fatal("a writer was answered before the others had run")
		}
		wantEqual(t, count(t, s, "users"), writers)
	})
}

// In one commit, what fails leaves nothing and what succeeds stays.
func TestFailuresAreIsolated(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		release := s.hold(t)
		oops := errors.New("oops")
		wait := s.queue(t, 60, func(i int) error {
			return s.try(func(ctx context.Context, tx auth.Tx) error {
				if err := errors.Join(tx.InsertUser(ctx, newUser()), tx.Record(ctx, newEvent(fmt.Sprint(i)))); err != nil {
					return err
				}
				switch i % 3 {
				case 1:
					return oops
				case 2:
					panic("oops")
				}
				return nil
			})
		})
		release()
		for i, err := range wait() {
			switch i % 3 {
			case 0:
				wantEqual(t, err, nil)
			case 1:
				wantError(t, err, oops)
			default:
				if err == nil || problem.AsError(err).Kind != problem.Internal {
					t.Fatalf("a panic became %v", err)
				}
			}
			events := must(s.Events(t.Context(), EventFilter{Subject: fmt.Sprint(i)}))(t)
			wantEqual(t, len(events) == 1, i%3 == 0)
		}
		wantEqual(t, count(t, s, "users"), 20)
	})
}

// If the commit fails, no write of the batch remains and every caller gets
// Unavailable, even one whose write failed because of another's.
func TestFailedCommitUndoesEveryWrite(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		release := s.hold(t)
		id := newUser().ID
		wait := s.queue(t, 10, func(i int) error {
			if i == 5 {
				return s.do(context.Background(), func(ctx context.Context, t *tx) error {
					// A reference that is checked, and found missing, at the commit.
					_, err := t.exec(ctx, t.db.NewRaw("PRAGMA defer_foreign_keys = ON").Conn(t.conn))
					_, orphan := t.exec(ctx, t.db.NewRaw(
						"INSERT INTO developer_addresses (developer_id, address, seen_at) VALUES ('x', 'x', 1)").Conn(t.conn))
					return errors.Join(err, orphan)
				})
			}
			return s.try(func(ctx context.Context, tx auth.Tx) error {
				return tx.InsertUser(ctx, auth.User{ID: id, CreatedAt: epoch, ExternalUserID: ptr("same")})
			})
		})
		release()
		for _, err := range wait() {
			wantUnavailable(t, err)
		}
		wantEqual(t, count(t, s, "users"), 0)
		s.addUser(t)
	})
}

func TestUniqueValueHasOneWinner(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		release := s.hold(t)
		wait := s.queue(t, 64, func(i int) error {
			u := newUser()
			u.Email = ptr([]string{"A@example.com", "a@EXAMPLE.com"}[i%2])
			return s.try(func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, u) })
		})
		release()
		won := 0
		for _, err := range wait() {
			if err == nil {
				won++
			} else {
				wantError(t, err, problem.ErrTaken)
			}
		}
		wantEqual(t, won, 1)
	})
}

// Writers that decide on the same row each see what the one before them did.
func TestDecisionsOnARowAreSerial(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		row := s.addSession(t)
		var seen sync.Map
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				var generation int64
				err := s.try(func(ctx context.Context, tx auth.Tx) error {
					r, err := tx.Session(ctx, row.ID)
					if err != nil {
						return err
					}
					r.Generation++
					generation = r.Generation
					return tx.UpdateSession(ctx, r)
				})
				if err != nil {
					t.Error(err)
				}
				if got := must(s.Session(context.Background(), row.ID))(t).Generation; got < generation {
					t.Errorf("read generation %d after %d was acknowledged", got, generation)
				}
				if _, twice := seen.LoadOrStore(generation, true); twice {
					t.Errorf("generation %d was made twice", generation)
				}
			})
		}
		all.Wait()
		wantEqual(t, must(s.Session(t.Context(), row.ID))(t).Generation, 65)
	})
}

func TestCancelledWriteLeavesTheQueue(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		release := s.hold(t)
		defer release()
		ctx, cancel := context.WithCancel(t.Context())
		ran := false
		wait := s.queue(t, 1, func(int) error {
			return s.Write(ctx, func(context.Context, auth.Tx) error {
				ran = true
				return nil
			})
		})
		cancel()
		err := wait()[0] // while the writer is still held
		wantError(t, err, context.Canceled)
		wantUnavailable(t, err)
		err = s.Write(ctx, func(context.Context, auth.Tx) error { return nil })
		wantError(t, err, context.Canceled)
		_, err = s.User(ctx, "x")
		wantUnavailable(t, err)
		release()
		s.addUser(t)
		wantEqual(t, ran, false)
	})
}

// A read whose caller is cancelled fails as Unavailable, never as not found,
// which would make a good credential a bad one.
func TestCancelledReadIsNeverNotFound(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		row := s.addSession(t)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := few[sessionRow](ctx, s.reader, "id", func(q *bun.SelectQuery) {
			q.Where(`id = ? AND 0 < (
				WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT count(*) FROM n)`, row.ID)
		})
		wantUnavailable(t, err)
		wantError(t, err, context.DeadlineExceeded)
		<-ctx.Done()
		for _, seen := range []error{sql.ErrNoRows, errors.New("sql: Rows are closed")} {
			wantUnavailable(t, s.fail(ctx, seen))
			wantEqual(t, errors.Is(s.fail(t.Context(), seen), problem.ErrNotFound), seen == sql.ErrNoRows)
		}
		must(s.Session(t.Context(), row.ID))(t)
	})
}

// A write that has begun is finished, and returns its outcome, even if its
// caller is cancelled.
func TestWriteThatHasBegunIsFinished(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx, cancel := context.WithCancel(t.Context())
		u := newUser()
		err := s.Write(ctx, func(inner context.Context, tx auth.Tx) error {
			cancel()
			if err := inner.Err(); err != nil {
				return err
			}
			_, err := tx.Keys(ctx, auth.KeyQuery{Limit: 1 << 20}) // the caller's own context is ignored
			_, missing := tx.User(ctx, u.ID)
			wantError(t, missing, problem.ErrNotFound)
			wantError(t, tx.DeleteUser(ctx, u.ID), problem.ErrNotFound)
			return errors.Join(err, tx.InsertUser(ctx, u))
		})
		if err != nil {
			t.Fatal(err)
		}
		must(s.User(t.Context(), u.ID))(t)
	})
}

func TestCloseDrains(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := dsn(t)
			s := openStore(t, at, Options{}).unhurried()
			release := s.hold(t)
			wait := s.queue(t, 50, func(int) error {
				return s.try(func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, newUser()) })
			})
			closed := make(chan error, 2)
			for range 2 {
				go func() { closed <- s.Close() }()
			}
			refused := func() error { return s.try(func(context.Context, auth.Tx) error { return nil }) }
			eventually(t, "closing", s.closing)
			wantUnavailable(t, refused())
			release()
			if err := errors.Join(append(wait(), receive(t, closed), receive(t, closed))...); err != nil {
				t.Fatal(err)
			}
			wantUnavailable(t, refused())
			_, err := s.User(t.Context(), "x")
			wantUnavailable(t, err)
			_, err = s.Keys(t.Context(), auth.KeyQuery{Limit: 1 << 20})
			wantUnavailable(t, err)
			wantUnavailable(t, s.Ping(t.Context()))
			wantUnavailable(t, s.Purge(t.Context(), Retention{}))
			wantEqual(t, count(t, openStore(t, at, Options{}), "users"), 50)
		})
	}
}

func TestFullQueueIsRefused(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		release := s.hold(t)
		empty := func(int) error { return s.try(func(context.Context, auth.Tx) error { return nil }) }
		wait := s.queue(t, maxWaiting, empty)
		wantUnavailable(t, empty(0))
		release()
		if err := errors.Join(wait()...); err != nil {
			t.Fatal(err)
		}
	})
}

// A job that ends the writer's goroutine ends neither the writer nor the calls
// of its batch.
func TestGoexitEndsNeitherTheWriterNorItsCallers(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		release := s.hold(t)
		wait := s.queue(t, 3, func(i int) error {
			return s.try(func(ctx context.Context, tx auth.Tx) error {
				if err := tx.InsertUser(ctx, newUser()); err != nil {
					return err
				}
				if i == 1 {
					runtime.Goexit()
				}
				return nil
			})
		})
		release()
		for _, err := range wait() {
			wantUnavailable(t, err)
		}
		wantEqual(t, count(t, s, "users"), 0)
		s.addUser(t)
	})
}

func TestTransactionRunsNothingAfterItsEnd(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		var leaked auth.Tx
		s.write(t, func(_ context.Context, tx auth.Tx) error {
			leaked = tx
			return nil
		})
		for name, use := range map[string]func() error{
			"write": func() error { return leaked.InsertUser(t.Context(), newUser()) },
			"find":  func() error { _, err := leaked.User(t.Context(), "x"); return err },
			"list":  func() error { _, err := leaked.Keys(t.Context(), auth.KeyQuery{Limit: 1 << 20}); return err },
			"query": func() error { return leaked.DeleteUser(t.Context(), "x") },
		} {
			if err := use(); !errors.Is(err, errTxFinished) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// A transaction's time does not change within it, is in microseconds of UTC,
// and never goes back.
func TestTransactionTimeNeverGoesBack(t *testing.T) {
	onEachAt(t, epoch, func(t *testing.T, s *Store, now *time.Time) {
		var last time.Time
		for _, start := range []time.Duration{time.Hour, 2 * time.Hour, time.Minute, 3 * time.Hour} {
			*now = time.Unix(0, int64(start)+1_001).In(time.FixedZone("", 3600))
			s.write(t, func(_ context.Context, tx auth.Tx) error {
				at := tx.Now()
				*now = now.Add(time.Second)
				if at != tx.Now() || at.Location() != time.UTC || at != at.Truncate(time.Microsecond) || at.Before(last) {
					t.Errorf("%s after %s", at, last)
				}
				last = at
				return nil
			})
		}
		wantEqual(t, last.Truncate(time.Second), time.Unix(3*3600, 0).UTC())
	})
}
