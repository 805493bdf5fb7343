package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
)

// counting is a condition that holds once the database has counted that far.
const counting = "0 < (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*) FROM n)"

// countFor lists the user with the id, after the database has counted to n for
// each other user.
func (s *Store) countFor(ctx context.Context, id string, n int) error {
	_, err := list[userRow](ctx, s.reader, "created_at, id", func(q *bun.SelectQuery) {
		q.Where("id = ? OR "+counting, id, n)
	})
	return err
}

// idle reports whether every connection that reads is free.
func (s *Store) idle() bool { return s.pools.readers.Stats().InUse == 0 }

// A read ends in time as Unavailable, whether it finds its first row late or
// the next one, and the database does not work on.
func TestReadEndsInTime(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, dsn(t), Options{}) // not unhurried
			first, second := s.addUser(t), newUser()
			second.CreatedAt = first.CreatedAt.Add(time.Second)
			s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, second) })
			for name, id := range map[string]string{"before its first row": "", "before its second row": first.ID} {
				inTime(t, "a read that is stopped "+name, func() { wantUnavailable(t, s.countFor(t.Context(), id, 1<<40)) })
				inTime(t, "giving the connection back", func() { eventually(t, "idle", s.idle) })
			}
			request := WithBudget(t.Context())
			inTime(t, "two reads of one request", func() {
				wantUnavailable(t, s.countFor(request, "", 1<<40))
				wantUnavailable(t, s.countFor(request, "", 1<<40))
			})
			must(s.User(t.Context(), first.ID))(t)
		})
	}
}

// A scan ends in time even if its context ends while the driver hands its
// arguments over: after it looked whether the context has ended, and before
// SQLite begins.
func TestScanEndsThatIsCancelledAsItBegins(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		s.unhurried()
		long := strings.Repeat("a", 64<<20) // takes a while to hand over
		for _, after := range []time.Duration{0, 1, 2, 5, 10, 20, 30, 40, 60, 100} {
			ctx, cancel := context.WithCancel(t.Context())
			inTime(t, fmt.Sprintf("a scan that is cancelled after %d ms", after), func() {
				time.AfterFunc(after*time.Millisecond, cancel)
				err := s.scan(ctx, func(ctx context.Context, on executor) error {
					rows, err := on.QueryContext(ctx, "SELECT length(?) WHERE "+counting, long, 1<<40)
					if err != nil {
						return err
					}
					return rows.Close()
				})
				if !errors.Is(err, context.Canceled) {
					t.Errorf("the scan returned %v", err)
				}
			})
			eventually(t, "idle", s.idle)
		}
	})
}

// However many scans a caller begins, few run at once, the reads of a row by
// others do not wait for any of them, and another caller's scan waits for those
// that run but not for those that wait.
func TestScansLeaveRoomForOthers(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		const calls, n = 8, 100_000
		u := s.addUser(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var mu sync.Mutex
		var scans []time.Duration
		var all sync.WaitGroup
		for range calls {
			all.Go(func() {
				for ctx.Err() == nil {
					took, err := elapsed(func() error { return s.countFor(as(ctx, "many"), "", n) })
					mu.Lock()
					if err == nil {
						scans = append(scans, took)
					}
					mu.Unlock()
				}
			})
		}
		finished := func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(scans)
		}
		eventually(t, "scanning", func() bool { return finished() > 0 })
		var points []time.Duration
		most := 0
		for at := finished(); finished() < at+calls; {
			took, err := elapsed(func() error { _, err := s.User(t.Context(), u.ID); return err })
			if err != nil {
				t.Fatal(err)
			}
			points = append(points, took)
			most = max(most, s.pools.readers.Stats().InUse)
		}
		var err error
		other := longest
		for i := 0; i < 3 && err == nil; i++ { // the machine may have held one up
			var took time.Duration
			took, err = elapsed(func() error { return s.countFor(as(ctx, "one"), "", n) })
			other = min(other, took)
		}
		cancel()
		all.Wait()
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(scans)
		slices.Sort(points)
		scan, point := scans[len(scans)/2], points[len(points)*9/10]
		t.Logf("%d reads of a row, p90 %s; scans of one caller %s, of another %s; %d connections", len(points), point, scan, other, most)
		if point > scan/4 {
			t.Errorf("a read of a row took %s beside scans of %s", point, scan)
		}
		if other > 2*scan {
			t.Errorf("another caller's scan took %s where each of %d at once takes %s", other, calls, scan)
		}
		if places := s.scanPlaces(); most > places+1 { // and the read of a row
			t.Errorf("%d connections are in use for %d places", most, places)
		}
	})
}

func elapsed(f func() error) (time.Duration, error) {
	begun := time.Now()
	err := f()
	return time.Since(begun), err
}

func (s *Store) scanPlaces() int {
	if p, ok := s.backend.(*pgPool); ok {
		return p.scans.places
	}
	return s.backend.(*file).scans.places
}
