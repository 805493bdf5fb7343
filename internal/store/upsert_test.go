package store

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/event"
)

// beside runs f in one small transaction after the other while call runs, over and
// over until f reports that it has seen enough.
func (s *Store) beside(t *testing.T, call func(round int), f func(context.Context, *tx) (enough bool, err error)) {
	t.Helper()
	seen := false
	for round := 0; !seen; round++ {
		if round == 100 {
			t.Fatal("no call came between two parts of 100 bulk writes")
		}
		ctx, cancel := context.WithCancel(context.Background())
		var small sync.WaitGroup
		for range 4 {
			small.Go(func() {
				for ctx.Err() == nil {
					err := s.do(context.Background(), func(ctx context.Context, t *tx) error {
						enough, err := f(ctx, t)
						seen = seen || enough // the writer's goroutine alone changes it
						return err
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		call(round)
		cancel()
		small.Wait()
	}
}

// workoutsOf counts the workouts of a user.
func (t *tx) workoutsOf(ctx context.Context, userID string) (int64, error) {
	u, err := t.countWorkouts(ctx, "workouts WHERE user_id = ?", userID)
	return u.Workouts, err
}

// Who waits while a bulk write runs gets a turn between two of its parts.
func TestOthersWriteBetweenThePartsOfABulkWrite(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		s.unhurried()
		var user atomic.Value
		user.Store("")
		of, counts := "", map[int64]bool{} // the writer's goroutine alone changes these
		s.beside(t, func(int) {
			u := s.addUser(t)
			user.Store(u.ID)
			must(s.UpsertWorkouts(t.Context(), u.ID, manyWorkouts(""), event.Quota{}, newEvent("user:u")))(t)
		}, func(ctx context.Context, t *tx) (bool, error) {
			id := user.Load().(string)
			if id != of {
				of = id
				clear(counts)
			}
			n, err := t.workoutsOf(ctx, id)
			if n > 0 && n < event.MaxBatch {
				counts[n] = true
			}
			return len(counts) > 1, err
		})
		for n := range counts {
			if n%int64(s.engine.cut.rows) != 0 {
				t.Errorf("%d workouts are there between two parts", n)
			}
		}
	})
}

// The quota is decided before the first part: who writes for the same user between
// two parts takes no place of those that follow.
func TestQuotaHoldsBetweenTheParts(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		s.unhurried()
		quota := event.Quota{Workouts: event.MaxBatch}
		refused := make(chan error, 1)
		var user atomic.Value
		fired := false // the writer's goroutine alone changes this
		s.beside(t, func(int) {
			u := s.addUser(t)
			user.Store(u.ID)
			created := must(s.UpsertWorkouts(t.Context(), u.ID, manyWorkouts(""), quota, newEvent("user:u")))(t)
			wantEqual(t, slices.Contains(created, false), false)
		}, func(context.Context, *tx) (bool, error) {
			if s.upserting.Load() == nil || fired {
				return fired, nil
			}
			fired = true
			go func() {
				id := user.Load().(string)
				_, err := s.UpsertWorkouts(context.Background(), id, []event.Workout{newWorkout("polar", "1", epoch)}, quota, newEvent("user:u"))
				refused <- err
			}()
			queue := s.backend.(*file).queue
			for end := time.Now().Add(longest); len(queue) == 0 && time.Now().Before(end); {
				time.Sleep(10 * time.Microsecond)
			}
			return true, nil
		})
		if err := receive(t, refused); !isQuota(err) {
			t.Errorf("a write past the quota between two parts: %v", err)
		}
		wantEqual(t, wantUsage(t, s, user.Load().(string)).Workouts, event.MaxBatch)
		if s.upserting.Load() != nil {
			t.Error("a bulk write is said to be under way, and none is")
		}
	})
}

// crashBetweenParts ends the process as kill -9 does between two parts of a bulk
// write.
func (s *Store) crashBetweenParts(ctx context.Context) error {
	for {
		u := newUser()
		if err := s.do(ctx, func(ctx context.Context, t *tx) error { return t.InsertUser(ctx, u) }); err != nil {
			return err
		}
		done := make(chan error, 1)
		go func() {
			_, err := s.UpsertWorkouts(ctx, u.ID, seriesOf("", epoch), event.Quota{}, newEvent("user:"+u.ID))
			done <- err
		}()
		for len(done) == 0 {
			err := s.do(ctx, func(ctx context.Context, t *tx) error {
				if s.upserting.Load() == nil {
					return nil
				}
				fmt.Println(u.ID)
				return syscall.Kill(os.Getpid(), syscall.SIGKILL)
			})
			if err != nil {
				return err
			}
		}
		if err := <-done; err != nil {
			return err
		}
	}
}

// A crash between two parts of a bulk write leaves the first workouts, counted and
// in the audit trail. Repeating the call completes it.
func TestCrashBetweenThePartsOfABulkWrite(t *testing.T) {
	t.Parallel()
	dsn := sqliteDSN(t)
	c := command(t, "bulk", dsn)
	out := must(c.StdoutPipe())(t)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	said := string(must(io.ReadAll(out))(t))
	if err := c.Wait(); err == nil || c.ProcessState.Exited() || len(said) != 37 {
		t.Fatalf("the process was not killed between two parts: %v, %q", err, said)
	}
	s := openStore(t, dsn, Options{}).unhurried()
	user, ws := said[:36], seriesOf("", epoch)
	first := s.allWorkouts(t, user)
	slices.Reverse(first)
	if len(first) == 0 || len(first) == len(ws) {
		t.Fatalf("%d workouts are stored", len(first))
	}
	wantEqual(t, externalIDs(first), externalIDs(ws[:len(first)]))
	wantEqual(t, wantUsage(t, s, user).Workouts, int64(len(first)))
	wantEqual(t, len(must(s.Events(t.Context(), EventFilter{Subject: "user:" + user}))(t)), 1)

	created := must(s.UpsertWorkouts(t.Context(), user, ws, event.Quota{Workouts: len(ws)}, newEvent("user:"+user)))(t)
	wantEqual(t, slices.Index(created, true), len(first))
	wantEqual(t, slices.Contains(created[len(first):], false), false)
	wantEqual(t, wantUsage(t, s, user).Workouts, int64(len(ws)))
}

// A small write that met a bulk write of its user comes next: the other bulk writes of
// its caller, which are of other users, come after it.
func TestAFewWorkoutsWaitForTheBulkWriteOfTheirUserAlone(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		s.unhurried()
		const others = 6
		ctx, turns := as(context.Background(), "a"), s.backend.(*file).bulkTurns
		var calls sync.WaitGroup
		var before []int64 // workouts of the user, as each other bulk write finds them
		u := s.addUser(t)
		var under *upsert // the writer's goroutine alone changes this, and what follows
		var started, sent bool
		other := func(ctx context.Context, t *tx) error {
			n, err := t.workoutsOf(ctx, u.ID)
			before = append(before, n)
			return err
		}
		s.beside(t, func(round int) {
			ws := seriesOf(fmt.Sprint(round), epoch)
			must(s.UpsertWorkouts(ctx, u.ID, ws, event.Quota{}, newEvent("user:u")))(t)
		}, func(context.Context, *tx) (bool, error) {
			waiting := turns.length()
			now := s.upserting.Load()
			if now == nil {
				return false, nil
			} else if now != under {
				under, started, sent, before = now, false, false, nil
			}
			switch {
			case !started:
				started = true
				for range others {
					calls.Go(func() {
						if err := s.doBulk(ctx, other); err != nil {
							t.Error(err)
						}
					})
				}
			case !sent && waiting == others:
				sent = true
				calls.Go(func() {
					_, err := s.UpsertWorkouts(ctx, u.ID, []event.Workout{newWorkout("polar", "1", epoch)}, event.Quota{}, newEvent("user:u"))
					if err != nil {
						t.Error(err)
					}
				})
			}
			if waiting <= others {
				time.Sleep(5 * time.Millisecond) // so that those who were started come
			}
			return waiting > others, nil
		})
		calls.Wait()
		after := wantUsage(t, s, u.ID).Workouts
		wantEqual(t, len(before), others)
		for i, n := range before {
			if n != after {
				t.Errorf("bulk write %d found %d workouts, want %d: the few come before it", i+1, n, after)
			}
		}
	})
}
