package store

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// as returns a context of the developer with the id.
func as(ctx context.Context, id string) context.Context {
	return auth.WithCaller(ctx, &auth.Caller{Principal: &auth.Principal{Kind: auth.DeveloperToken, ID: id}})
}

// A caller who comes with one call gets the next turn after one of another
// caller's many.
func TestLaneTakesTurnsByCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(1, time.Hour)
		var mu sync.Mutex
		var order []string
		call := func(id string) {
			err := l.run(as(t.Context(), id), func() error {
				mu.Lock()
				order = append(order, id)
				mu.Unlock()
				time.Sleep(time.Second)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		for range 4 {
			go call("many")
		}
		synctest.Wait()
		go call("one")
		synctest.Wait()
		go call("other")
		time.Sleep(time.Minute)
		synctest.Wait()
		wantEqual(t, order, []string{"many", "one", "other", "many", "many", "many"})
		wantEqual(t, len(l.callers), 0)
	})
}

// At no time do more calls run than there are places.
func TestLaneBoundsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(3, time.Hour)
		var mu sync.Mutex
		running, most, ran := 0, 0, 0
		for i := range 50 {
			go func() {
				_ = l.run(as(t.Context(), fmt.Sprint(i%7)), func() error {
					mu.Lock()
					running++
					most = max(most, running)
					mu.Unlock()
					time.Sleep(time.Second)
					mu.Lock()
					running--
					ran++
					mu.Unlock()
					return nil
				})
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		wantEqual(t, most, 3)
		wantEqual(t, ran, 50)
	})
}

// A call whose turn does not come in time, or whose caller is gone, leaves, and
// the place of none is lost.
func TestLaneCallsLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(1, time.Second)
		leave, err := l.enter(as(t.Context(), "a"), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, l.run(as(t.Context(), "b"), func() error { return nil }), context.DeadlineExceeded)
		gone, cancel := context.WithCancel(as(t.Context(), "b"))
		cancel()
		wantError(t, l.run(gone, func() error { return nil }), context.Canceled)
		leave()
		wantError(t, l.run(as(t.Context(), "b"), func() error { return nil }), nil)
		wantEqual(t, len(l.callers), 0)
		wantEqual(t, l.waiting, 0)
	})
}

// When the lane is full, a caller with few calls displaces one of the caller
// with the most; that one may not come in again.
func TestLaneThatIsFullHasRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane(1, time.Hour)
		leave, err := l.enter(as(t.Context(), "many"), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		results := make(chan error, maxLaneWaiting+1)
		for range maxLaneWaiting {
			go func() { results <- l.run(as(t.Context(), "many"), func() error { return nil }) }()
		}
		synctest.Wait()
		wantError(t, l.run(as(t.Context(), "many"), func() error { return nil }), errLaneFull)
		go func() { results <- l.run(as(t.Context(), "one"), func() error { return nil }) }()
		synctest.Wait()
		wantError(t, <-results, errLaneFull) // one of the many
		leave()
		for range maxLaneWaiting {
			wantError(t, <-results, nil)
		}
		wantEqual(t, len(l.callers), 0)
	})
}
