package credential

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var known = Guest{Known: true}

// pass does the work once the limiter admits it.
func pass(ctx context.Context, l *hashLimiter, g Guest, work func()) error {
	leave, err := l.enter(ctx, g)
	if err != nil {
		return err
	}
	defer leave()
	work()
	return nil
}

func TestHashLimiterBoundsSixtyFourContenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const width, queue, contenders = 3, 10, 64
		l := newHashLimiter(width, queue)
		var inside, done, busy atomic.Int32
		begun := time.Now()
		for range contenders {
			go func() {
				err := pass(t.Context(), l, known, func() {
					if n := inside.Add(1); n > width {
						t.Errorf("%d are inside", n)
					}
					time.Sleep(time.Second)
					inside.Add(-1)
				})
				switch {
				case err == nil:
					done.Add(1)
				case errors.Is(err, ErrBusy):
					busy.Add(1)
					if time.Since(begun) != 0 {
						t.Error("a refusal waited")
					}
				default:
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		if busy.Load() != contenders-width-queue || inside.Load() != width {
			t.Errorf("%d refused and %d inside", busy.Load(), inside.Load())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if done.Load() != width+queue {
			t.Errorf("%d got through", done.Load())
		}
	})
}

func TestHashLimiterIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newHashLimiter(1, 10)
		var order []int
		for i := range 8 {
			go func() {
				err := pass(t.Context(), l, known, func() {
					order = append(order, i)
					time.Sleep(time.Second / 2)
				})
				if err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait() // each arrives before the next
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5, 6, 7}) {
			t.Errorf("let in as %v", order)
		}
	})
}

func TestHashLimiterQueueIsLeftWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newHashLimiter(1, 2)
		leave, err := l.enter(t.Context(), known)
		if err != nil {
			t.Fatal(err)
		}
		results := make(chan error, 2)
		budget, end := context.WithTimeout(t.Context(), time.Second)
		defer end()
		for range 2 {
			go func() { results <- pass(budget, l, known, func() { t.Error("let in") }) }()
		}
		synctest.Wait()
		if _, err := l.enter(t.Context(), known); !errors.Is(err, ErrBusy) {
			t.Errorf("a third waits: %v", err)
		}
		for range 2 {
			if err := <-results; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("gave up with %v", err)
			}
		}
		go func() { results <- pass(t.Context(), l, known, func() {}) }()
		synctest.Wait() // waits in a place that was left
		leave()
		if err := <-results; err != nil {
			t.Errorf("after two gave up: %v", err)
		}
		if _, err := l.enter(budget, known); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a caller who has left is let in: %v", err)
		}
	})
}

func TestHashLimiterHasAtLeastOnePlace(t *testing.T) {
	l := newHashLimiter(0, -1)
	leave, err := l.enter(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.enter(t.Context(), known); !errors.Is(err, ErrBusy) {
		t.Errorf("a second enters: %v", err)
	}
	leave()
	if _, err := l.enter(t.Context(), known); err != nil {
		t.Errorf("the place is not given back: %v", err)
	}
}

// A flood of strangers from many networks keeps none of the known callers out.
func TestHashLimiterLetsKnownCallersIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newHashLimiter(2, 32)
		hash := func() { time.Sleep(30 * time.Millisecond) }
		over, end := context.WithCancel(t.Context())
		var group sync.WaitGroup
		var strangers, turnedAway atomic.Int32
		for i := range 260 {
			group.Go(func() {
				for over.Err() == nil {
					if err := pass(over, l, Guest{Network: strconv.Itoa(i)}, hash); err == nil {
						strangers.Add(1)
					} else if errors.Is(err, ErrBusy) {
						turnedAway.Add(1)
						time.Sleep(10 * time.Millisecond)
					}
				}
			})
		}
		in, tries := 0, 0
		for ; tries < 57; tries++ {
			time.Sleep(20 * time.Millisecond)
			begun := time.Now()
			if pass(t.Context(), l, Guest{Network: "own", Known: true}, hash) == nil {
				in++
			}
			if took := time.Since(begun); took > 60*time.Millisecond {
				t.Errorf("the owner waited for %v, longer than for one hash of another", took)
			}
		}
		end()
		group.Wait()
		if in != tries || turnedAway.Load() == 0 {
			t.Errorf("%d of %d got in beside a flood of which %d were turned away", in, tries, turnedAway.Load())
		}
		if strangers.Load() < 57 {
			t.Errorf("only %d strangers got in", strangers.Load())
		}
	})
}

// Known callers who come without end leave every fourth place to strangers.
func TestHashLimiterLeavesStrangersAShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newHashLimiter(1, 16)
		over, end := context.WithCancel(t.Context())
		var group sync.WaitGroup
		var count [2]atomic.Int32
		for i := range 10 {
			group.Go(func() {
				g := Guest{Network: strconv.Itoa(i), Known: i%2 == 1}
				for over.Err() == nil {
					_ = pass(over, l, g, func() {
						count[i%2].Add(1)
						time.Sleep(time.Second / 10)
					})
				}
			})
		}
		time.Sleep(40 * time.Second)
		end()
		group.Wait()
		if s, k := count[0].Load(), count[1].Load(); s < 95 || s > 105 || k < 295 {
			t.Errorf("%d strangers and %d known callers got in", s, k)
		}
	})
}

// One network holds few places; strangers of it take none of its known callers'.
func TestHashLimiterBoundsANetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newHashLimiter(2, 32)
		var busy atomic.Int32
		for range 64 {
			go func() {
				err := pass(t.Context(), l, Guest{Network: "203.0.113.0/24"}, func() { time.Sleep(time.Second) })
				if errors.Is(err, ErrBusy) {
					busy.Add(1)
				}
			}()
		}
		synctest.Wait()
		if busy.Load() != 60 {
			t.Errorf("%d of 64 of one network were turned away, want all but 4", busy.Load())
		}
		for _, g := range []Guest{{Network: "198.51.100.0/24"}, {Network: "203.0.113.0/24", Known: true}} {
			if err := pass(t.Context(), l, g, func() {}); err != nil {
				t.Errorf("%+v is turned away with them: %v", g, err)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(l.places) != 0 || l.inside != 0 {
			t.Errorf("%d places of %v are held by nobody", l.inside, l.places)
		}
	})
}

// Who waits too long is turned away, and holds no place then.
func TestHashLimiterBoundsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newHashLimiter(1, 2)
		leave, err := l.enter(t.Context(), Guest{})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if _, err := l.enter(t.Context(), Guest{}); !errors.Is(err, ErrBusy) || time.Since(begun) != maxWait {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		leave()
		if len(l.known)+len(l.strangers)+len(l.places)+l.inside != 0 {
			t.Errorf("somebody is left in %+v", l)
		}
	})
}
