package credential

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pass does the work once the limiter admits it.
func pass(ctx context.Context, l *hashLimiter, work func()) error {
	leave, err := l.enter(ctx)
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
				err := pass(t.Context(), l, func() {
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
				err := pass(t.Context(), l, func() {
					order = append(order, i)
					time.Sleep(time.Second)
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
		leave, err := l.enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		results := make(chan error, 2)
		budget, end := context.WithTimeout(t.Context(), time.Second)
		defer end()
		for range 2 {
			go func() { results <- pass(budget, l, func() { t.Error("let in") }) }()
		}
		synctest.Wait()
		if _, err := l.enter(t.Context()); !errors.Is(err, ErrBusy) {
			t.Errorf("a third waits: %v", err)
		}
		for range 2 {
			if err := <-results; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("gave up with %v", err)
			}
		}
		go func() { results <- pass(t.Context(), l, func() {}) }()
		synctest.Wait() // waits in a place that was left
		leave()
		if err := <-results; err != nil {
			t.Errorf("after two gave up: %v", err)
		}
		if _, err := l.enter(budget); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a caller who has left is let in: %v", err)
		}
	})
}

func TestHashLimiterHasAtLeastOnePlace(t *testing.T) {
	l := newHashLimiter(0, -1)
	leave, err := l.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.enter(t.Context()); !errors.Is(err, ErrBusy) {
		t.Errorf("a second enters: %v", err)
	}
	leave()
	if _, err := l.enter(t.Context()); err != nil {
		t.Errorf("the place is not given back: %v", err)
	}
}
