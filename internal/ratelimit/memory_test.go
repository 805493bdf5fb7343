package ratelimit_test

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

var minute = ratelimit.Policy{Name: "key", Limit: 3, Window: time.Minute}

// A clock is set by hand; its times carry no monotonic reading.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newClock() *clock { return &clock{time.Unix(1709809200, 300_000_000)} }

func take(t *testing.T, c ratelimit.Counter, p ratelimit.Policy, id string) ratelimit.Window {
	t.Helper()
	w, err := c.Take(t.Context(), p, id)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func peek(t *testing.T, c ratelimit.Counter, p ratelimit.Policy, id string) ratelimit.Window {
	t.Helper()
	w, err := c.Peek(t.Context(), p, id)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func giveBack(t *testing.T, c ratelimit.Counter, p ratelimit.Policy, id string) {
	t.Helper()
	if err := c.Return(t.Context(), p, id); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, got ratelimit.Window, remaining int, admitted bool) {
	t.Helper()
	if got.Remaining != remaining || got.Admitted != admitted {
		t.Errorf("remaining %d, admitted %t; want %d, %t", got.Remaining, got.Admitted, remaining, admitted)
	}
}

func TestTakeCountsDownAndRefuses(t *testing.T) {
	m := ratelimit.NewMemory(newClock().now)
	first := take(t, m, minute, "a")
	want(t, first, 2, true)
	want(t, take(t, m, minute, "a"), 1, true)
	want(t, take(t, m, minute, "a"), 0, true)
	for range 3 {
		refused := take(t, m, minute, "a")
		want(t, refused, 0, false)
		if !refused.Reset.Equal(first.Reset) || refused.Policy != minute {
			t.Errorf("refused by %+v, opened as %+v", refused, first)
		}
	}
	want(t, take(t, m, minute, "b"), 2, true)
}

func TestPoliciesOfDifferentNamesDoNotShare(t *testing.T) {
	m := ratelimit.NewMemory(newClock().now)
	other := minute
	other.Name = "user"
	for range 4 {
		take(t, m, minute, "a")
	}
	want(t, take(t, m, other, "a"), 2, true)
}

func TestWindowsEndAtTheirReset(t *testing.T) {
	for _, fraction := range []time.Duration{0, 1, 300 * time.Millisecond, time.Second - 1} {
		c := &clock{time.Unix(1709809200, 0).Add(fraction)}
		m := ratelimit.NewMemory(c.now)
		c.t = c.t.Add(time.Hour) // the window opens at the request, not with the counter
		opened := c.t
		first := take(t, m, minute, "a")
		if n := first.Reset.Nanosecond(); n != 0 {
			t.Errorf("+%v: the reset has %d ns", fraction, n)
		}
		if left := first.Reset.Sub(opened); left <= 59*time.Second || left > time.Minute {
			t.Errorf("+%v: the window is %v long", fraction, left)
		}
		take(t, m, minute, "a")
		take(t, m, minute, "a")

		c.t = first.Reset.Add(-time.Nanosecond)
		last := take(t, m, minute, "a")
		want(t, last, 0, false)
		if !last.Reset.Equal(first.Reset) {
			t.Errorf("+%v: the reset moved from %v to %v", fraction, first.Reset, last.Reset)
		}

		c.t = first.Reset
		next := take(t, m, minute, "a")
		want(t, next, 2, true)
		if got := next.Reset.Sub(first.Reset); got != time.Minute {
			t.Errorf("+%v: the next window ends %v later", fraction, got)
		}
	}
}

func TestFractionalAndEmptyWindowsLastWholeSeconds(t *testing.T) {
	for _, c := range []struct{ window, atMost time.Duration }{
		{0, time.Second},
		{-time.Minute, time.Second},
		{time.Millisecond, time.Second},
		{1001 * time.Millisecond, 2 * time.Second},
	} {
		k := newClock()
		p := ratelimit.Policy{Name: "key", Limit: 1, Window: c.window}
		m := ratelimit.NewMemory(k.now)
		w := take(t, m, p, "a")
		if left := w.Reset.Sub(k.t); left <= 0 || left > c.atMost {
			t.Errorf("%v: the window is %v long", c.window, left)
		}
		want(t, take(t, m, p, "a"), 0, false)
	}
}

func TestNothingIsAdmittedUnderALimitOfZero(t *testing.T) {
	m := ratelimit.NewMemory(newClock().now)
	for _, limit := range []int{0, -5} {
		p := ratelimit.Policy{Name: "login", Limit: limit, Window: time.Minute}
		want(t, peek(t, m, p, "a"), 0, false)
		want(t, take(t, m, p, "a"), 0, false)
		giveBack(t, m, p, "a")
		want(t, take(t, m, p, "a"), 0, false)
	}
}

func TestLoweredLimitHoldsInTheOpenWindow(t *testing.T) {
	m := ratelimit.NewMemory(newClock().now)
	take(t, m, minute, "a")
	take(t, m, minute, "a")
	lower := minute
	lower.Limit = 1
	want(t, take(t, m, lower, "a"), 0, false)
	want(t, take(t, m, minute, "a"), 0, true)
}

func TestPeekSpendsNothing(t *testing.T) {
	c := newClock()
	m := ratelimit.NewMemory(c.now)
	before := peek(t, m, minute, "a")
	want(t, before, 3, true)
	c.t = c.t.Add(10 * time.Second)
	if w := peek(t, m, minute, "a"); !w.Reset.Equal(before.Reset.Add(10 * time.Second)) {
		t.Errorf("a peek opened a window: reset %v, then %v", before.Reset, w.Reset)
	}
	spent := take(t, m, minute, "a")
	for range 5 {
		w := peek(t, m, minute, "a")
		want(t, w, 2, true)
		if !w.Reset.Equal(spent.Reset) {
			t.Errorf("peeked reset %v, want %v", w.Reset, spent.Reset)
		}
	}
	take(t, m, minute, "a")
	take(t, m, minute, "a")
	want(t, peek(t, m, minute, "a"), 0, false)
	c.t = spent.Reset
	want(t, peek(t, m, minute, "a"), 3, true)
}

func TestReturnGivesOneBack(t *testing.T) {
	c := newClock()
	m := ratelimit.NewMemory(c.now)
	giveBack(t, m, minute, "a")
	want(t, peek(t, m, minute, "a"), 3, true)

	take(t, m, minute, "a")
	giveBack(t, m, minute, "a")
	giveBack(t, m, minute, "a")
	want(t, peek(t, m, minute, "a"), 3, true)

	c.t = c.t.Add(10 * time.Second) // the next window opens anew
	first := take(t, m, minute, "a")
	if left := first.Reset.Sub(c.t); left <= 59*time.Second {
		t.Errorf("the window is %v long", left)
	}
	take(t, m, minute, "a")
	take(t, m, minute, "a")
	giveBack(t, m, minute, "a")
	if w := peek(t, m, minute, "a"); !w.Reset.Equal(first.Reset) {
		t.Errorf("giving back moved the reset from %v to %v", first.Reset, w.Reset)
	}
	want(t, take(t, m, minute, "a"), 0, true)
	want(t, take(t, m, minute, "a"), 0, false)

	c.t = first.Reset
	giveBack(t, m, minute, "a")
	want(t, take(t, m, minute, "a"), 2, true)
}

func TestAWindowIsKeptWhenTheClockStepsBack(t *testing.T) {
	c := newClock()
	m := ratelimit.NewMemory(c.now)
	for range 3 {
		take(t, m, minute, "a")
	}
	for range 4 {
		c.t = c.t.Add(-25 * time.Minute)
		w := take(t, m, minute, "a")
		want(t, w, 0, false)
		if left := w.Reset.Sub(c.t); left <= 0 || left > time.Minute {
			t.Errorf("after the step the reset is %v ahead", left)
		}
	}
	c.t = c.t.Add(time.Minute)
	want(t, take(t, m, minute, "a"), 2, true)
}

func TestWindowsEndByTheRealClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ratelimit.NewMemory(nil)
		time.Sleep(1234 * time.Millisecond)
		first := take(t, m, minute, "a")
		want(t, first, 2, true)
		take(t, m, minute, "a")
		take(t, m, minute, "a")
		refused := take(t, m, minute, "a")
		want(t, refused, 0, false)
		time.Sleep(time.Duration(refused.RetryAfter(time.Now()))*time.Second - time.Second)
		want(t, take(t, m, minute, "a"), 0, false)
		time.Sleep(time.Second)
		want(t, take(t, m, minute, "a"), 2, true)
	})
}

// In each window as named by its reset exactly min(offered, limit) are admitted,
// and no two of them report the same Remaining.
func TestLimitsAreExactUnderConcurrency(t *testing.T) {
	const workers, each = 64, 50
	p := ratelimit.Policy{Name: "key", Limit: 1000, Window: time.Minute}
	m := ratelimit.NewMemory(newClock().now)
	ids := []string{"a", "b", "c"}
	type seen struct {
		id        string
		remaining int
	}
	answers := make(chan seen, workers*each*len(ids))
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				for _, id := range ids {
					if w, err := m.Take(t.Context(), p, id); err != nil {
						t.Error(err)
					} else if w.Admitted {
						answers <- seen{id, w.Remaining}
					}
				}
			}
		})
	}
	wg.Wait()
	close(answers)
	admitted, reported := map[string]int{}, map[seen]bool{}
	for a := range answers {
		if reported[a] {
			t.Errorf("%+v reported twice", a)
		}
		reported[a] = true
		admitted[a.id]++
	}
	for _, id := range ids {
		if admitted[id] != p.Limit {
			t.Errorf("%s: %d admitted, want %d", id, admitted[id], p.Limit)
		}
	}
}

func TestNothingIsLostWhileWindowsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := ratelimit.Policy{Name: "key", Limit: 10, Window: time.Second}
		m := ratelimit.NewMemory(time.Now)
		var mu sync.Mutex
		admitted := map[int64]int{}
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for range 30 {
					w, err := m.Take(t.Context(), p, "a")
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					if w.Admitted {
						admitted[w.ResetUnix()]++
					}
					mu.Unlock()
					time.Sleep(time.Duration(90+i) * time.Millisecond)
				}
			})
		}
		wg.Wait()
		if len(admitted) < 3 {
			t.Fatalf("%d windows", len(admitted))
		}
		for reset, n := range admitted {
			if n != p.Limit {
				t.Errorf("%d admitted in the window that ends at %d, want %d", n, reset, p.Limit)
			}
		}
	})
}

// A flood of ids stays within a bound of memory and costs no other class its
// windows.
func TestFloodIsBounded(t *testing.T) {
	c := newClock()
	m := ratelimit.NewMemory(c.now)
	for range 3 {
		take(t, m, minute, "victim")
	}
	flood := ratelimit.Policy{Name: "address", Limit: 600, Window: time.Minute}
	before := heap()
	for i := range 1_000_000 {
		want(t, take(t, m, flood, "203.0.113."+strconv.Itoa(i)), 599, true)
	}
	if grown := heap() - before; grown > 48<<20 {
		t.Errorf("a million ids hold %d MiB", grown>>20)
	}
	want(t, take(t, m, minute, "victim"), 0, false)
	want(t, take(t, m, flood, "203.0.113.999999"), 598, true)
	runtime.KeepAlive(m)
}

func heap() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

func TestTakeOfAnOpenWindowAllocatesNothing(t *testing.T) {
	m := ratelimit.NewMemory(nil)
	p := ratelimit.Policy{Name: "key", Limit: 10, Window: time.Hour}
	id := fmt.Sprint("key_", 7)
	take(t, m, p, id)
	if n := testing.AllocsPerRun(100, func() { _, _ = m.Take(t.Context(), p, id) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTakeSpendsItsCost(t *testing.T) {
	m := ratelimit.NewMemory(newClock().now)
	dear, beyond := minute, minute
	dear.Cost, beyond.Cost = 2, 4
	want(t, peek(t, m, beyond, "a"), 3, false)
	want(t, take(t, m, beyond, "a"), 3, false)
	want(t, take(t, m, dear, "a"), 1, true)
	want(t, peek(t, m, dear, "a"), 1, false)
	want(t, take(t, m, dear, "a"), 1, false)
	want(t, take(t, m, minute, "a"), 0, true)
}
