package store

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

var perMinute = ratelimit.Policy{Name: "key", Limit: 50, Window: time.Minute}

// Several stores of one database, like several processes, together admit as
// many as the limit, and no two get the same number of remaining requests.
func TestWindowsAreExactOverStores(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	counters := make([]Windows, 3)
	for i := range counters {
		counters[i] = openStore(t, dsn, Options{}).Windows()
	}
	var admitted atomic.Int64
	var seen sync.Map
	var group sync.WaitGroup
	for i := range 75 {
		group.Go(func() {
			w, err := counters[i%3].Take(t.Context(), perMinute, "a")
			if err != nil {
				t.Error(err)
			}
			if !w.Admitted {
				return
			}
			admitted.Add(1)
			if _, twice := seen.LoadOrStore(w.Remaining, true); twice {
				t.Errorf("two got %d remaining", w.Remaining)
			}
		})
	}
	group.Wait()
	if admitted.Load() != 50 {
		t.Errorf("%d admitted, want 50", admitted.Load())
	}
	if w, err := counters[0].Take(t.Context(), perMinute, "b"); err != nil || w.Remaining != 49 {
		t.Errorf("another id: %+v, %v", w, err)
	}
}

func TestWindowAdmitsUpToItsLimit(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.New(t), Options{})
	c, two := s.Windows(), ratelimit.Policy{Name: "two", Limit: 2, Window: time.Minute}
	if w, err := c.Peek(t.Context(), two, "a"); err != nil || !w.Admitted || w.Remaining != 2 {
		t.Fatalf("before: %+v, %v", w, err)
	}
	first := must(c.Take(t.Context(), two, "a"))(t)
	if left := time.Until(first.Reset); first.Remaining != 1 || left <= 0 || left > time.Minute {
		t.Fatalf("first: %+v", first)
	}
	for range 2 {
		if err := c.Return(t.Context(), two, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, s, "windows"); n != 0 {
		t.Fatalf("what was given back leaves %d rows", n)
	}
	for _, want := range []int{1, 0} {
		if w := must(c.Take(t.Context(), two, "a"))(t); !w.Admitted || w.Remaining != want || w.Reset.Before(first.Reset) {
			t.Fatalf("want %d remaining: %+v", want, w)
		}
	}
	if w := must(c.Take(t.Context(), two, "a"))(t); w.Admitted || w.Remaining != 0 || w.Reset.Before(first.Reset) {
		t.Fatalf("over the limit: %+v", w)
	}
	none := ratelimit.Policy{Name: "none", Window: time.Minute}
	if w, err := c.Take(t.Context(), none, "a"); err != nil || w.Admitted || w.Remaining != 0 {
		t.Errorf("a limit of nothing: %+v, %v", w, err)
	}
}

// A window ends by the database's clock, and the next one is empty.
func TestWindowEnds(t *testing.T) {
	t.Parallel()
	c, short := openStore(t, pgtest.New(t), Options{}).Windows(), ratelimit.Policy{Name: "short", Limit: 1, Window: time.Second}
	for last := (time.Time{}); ; {
		w := must(c.Take(t.Context(), short, "a"))(t)
		if !w.Admitted || w.Remaining != 0 || !w.Reset.After(last) {
			t.Fatalf("after the window that ended at %s: %+v", last, w)
		}
		if !last.IsZero() {
			return
		}
		last = w.Reset
		time.Sleep(time.Until(last))
	}
}

// A purge removes the windows that have ended and keeps the open ones.
func TestPurgeKeepsOpenWindows(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.New(t), Options{})
	c := s.Windows()
	for i := range 20 {
		if _, err := c.Take(t.Context(), ratelimit.Policy{Name: "over", Limit: 1, Window: time.Second}, strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	open, err := c.Take(t.Context(), perMinute, "open")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond)
	if err := s.Purge(t.Context(), Retention{}); err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := s.pools.readers.QueryRowContext(t.Context(), "SELECT count(*) FROM windows").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows are left, %v; want the open one", rows, err)
	}
	if w, err := c.Peek(t.Context(), perMinute, "open"); err != nil || w.Remaining != open.Remaining || !w.Reset.Equal(open.Reset) {
		t.Errorf("the open window is %+v, %v; want %+v", w, err, open)
	}
}

// A counter that cannot be reached returns the zero window, which no answer shows,
// and not one that ended in 1970.
func TestWindowIsZeroWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.New(t), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, count := range map[string]func(context.Context, ratelimit.Policy, string) (ratelimit.Window, error){
		"Take": s.Windows().Take, "Peek": s.Windows().Peek,
	} {
		if w, err := count(ctx, perMinute, "a"); err == nil || w != (ratelimit.Window{}) {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
	}
}

func TestWindowTakesItsCost(t *testing.T) {
	t.Parallel()
	now := epoch
	c := openStore(t, pgtest.New(t), Options{Now: func() time.Time { return now }}).Windows()
	three := ratelimit.Policy{Name: "three", Limit: 3, Window: time.Minute}
	dear, beyond := three, three
	dear.Cost, beyond.Cost = 2, 4
	for _, step := range []struct {
		p         ratelimit.Policy
		after     time.Duration
		remaining int
		admitted  bool
	}{
		{beyond, 0, 3, false},
		{dear, 0, 1, true},
		{dear, 0, 1, false},
		{three, 0, 0, true},
		{dear, time.Minute, 1, true}, // the next window
		{beyond, time.Minute, 3, false},
	} {
		now = now.Add(step.after)
		if w := must(c.Take(t.Context(), step.p, "a"))(t); w.Remaining != step.remaining || w.Admitted != step.admitted {
			t.Errorf("%+v: %+v", step, w)
		}
	}
}
