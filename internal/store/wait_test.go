package store

import (
	"sync"
	"testing"
	"time"
)

// longest limits the waits for events that must come at last.
const longest = 2 * time.Minute

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(longest); !holds(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("after %s: not yet %s", longest, what)
		}
	}
}

// receive returns the next value of the channel.
func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(longest):
		t.Fatalf("nothing came within %s", longest)
		panic("unreachable")
	}
}

// inTime fails the test if f takes longer than the two seconds that a caller
// may be kept waiting, and one of a machine that is busy with other tests.
func inTime(t testing.TB, what string, f func()) {
	t.Helper()
	within(t, 3*time.Second, what, f)
}

// within fails the test if f takes longer than the limit. The time in which the
// machine stood still does not count.
func within(t testing.TB, limit time.Duration, what string, f func()) {
	t.Helper()
	if took, stalled := timed(f); took-stalled > limit {
		t.Errorf("%s took %s, and the machine stalled for %s of that", what, took, stalled)
	}
}

// timed runs f and returns how long it took, and for how long of that this
// process was kept from running: by how much short sleeps beside f were late.
func timed(f func()) (took, stalled time.Duration) {
	const nap = 10 * time.Millisecond
	done := make(chan struct{})
	var late time.Duration
	var sleeper sync.WaitGroup
	sleeper.Go(func() {
		for running := true; running; {
			begun := time.Now()
			select {
			case <-time.After(nap):
			case <-done:
				running = false
			}
			late += max(0, time.Since(begun)-nap)
		}
	})
	begun := time.Now()
	defer func() { // also if f ends the test
		took = time.Since(begun)
		close(done)
		sleeper.Wait()
		stalled = late
	}()
	f()
	return took, stalled
}
