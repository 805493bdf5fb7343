package ratelimit

import (
	"strconv"
	"testing"
	"time"
)

var policy = Policy{Name: "key", Limit: 3, Window: time.Minute}

// at is a reading of clocks of which the wall one was set by step since the
// counter was made.
func at(steady, step time.Duration) reading {
	return reading{steady: steady, wall: time.Unix(1709809200, 0).Add(steady + step)}
}

// However the wall clock is set, a window ends when its length has passed, and
// its reported end lies ahead, within its length, by the clock that the caller
// sees.
func TestWindowsOutlastASetWallClock(t *testing.T) {
	for _, step := range []time.Duration{-time.Hour, -61 * time.Second, -700 * time.Millisecond, 0, 700 * time.Millisecond, 45 * time.Second, time.Hour} {
		var s shard
		b := s.open(policy, "a", at(0, 0))
		b.used = 3
		for _, steady := range []time.Duration{time.Nanosecond, 30 * time.Second, time.Minute - time.Nanosecond} {
			now := at(steady, step)
			found := s.find("a", now)
			if found == nil || found.used != 3 {
				t.Fatalf("step %v, after %v: the window is %+v", step, steady, found)
			}
			reset := found.resetAt(policy, now)
			if left := reset.Sub(now.wall); left <= 0 || left > time.Minute || reset.Nanosecond() != 0 {
				t.Errorf("step %v, after %v: reset %v ahead", step, steady, left)
			}
		}
		if s.find("a", at(time.Minute, step)) != nil {
			t.Errorf("step %v: the window outlived its length", step)
		}
	}
}

func TestEndedWindowsMakeRoomFirst(t *testing.T) {
	const room = classWindows / classShards
	var s shard
	s.open(policy, "early", at(0, 0))
	s.open(policy, "renewed", at(0, 0))
	for i := range room - 2 {
		s.open(policy, "late"+strconv.Itoa(i), at(30*time.Second, 0))
	}
	s.open(policy, "renewed", at(time.Minute, 0))

	s.open(policy, "new", at(time.Minute, 0))
	if len(s.buckets) != room || s.buckets["early"] != nil || s.buckets["renewed"] == nil || s.buckets["late0"] == nil {
		t.Fatalf("%d windows; early %v, renewed %v, late %v", len(s.buckets), s.buckets["early"], s.buckets["renewed"], s.buckets["late0"])
	}

	s.open(policy, "newer", at(time.Minute, 0))
	if len(s.buckets) != room || s.buckets["late0"] != nil || s.buckets["late1"] == nil {
		t.Fatal("of equally used windows a full shard must drop the one that ends soonest, and only that")
	}

	for i := range room {
		s.open(policy, "last"+strconv.Itoa(i), at(90*time.Second, 0))
	}
	listed := 0
	for b := s.first; b != nil; b = b.next {
		if s.buckets[b.id] != b {
			t.Fatalf("%s is listed and not kept", b.id)
		}
		listed++
	}
	if listed != len(s.buckets) || listed > room {
		t.Errorf("%d listed, %d kept, room for %d", listed, len(s.buckets), room)
	}
}

// Windows that are over go although nobody asks for them again.
func TestEndedWindowsAreSweptByNewOnes(t *testing.T) {
	var s shard
	for i := range 1000 {
		s.open(policy, "old"+strconv.Itoa(i), at(0, 0))
	}
	for i := range 600 {
		s.open(policy, "new"+strconv.Itoa(i), at(time.Minute, 0))
	}
	if len(s.buckets) != 600 {
		t.Errorf("%d windows kept, want the 600 that are open", len(s.buckets))
	}
}

// A flood of other ids ends neither a full window that locks something nor one
// that is used more than theirs.
func TestFloodsEndNoFullWindow(t *testing.T) {
	account := Policy{Name: "login-account", Limit: 10, Window: 15 * time.Minute, Locks: true}
	m := NewMemory(nil)
	spend := func(id string, times int) (w Window) {
		for range times {
			w, _ = m.Take(t.Context(), account, id)
		}
		return w
	}
	spend("locked", account.Limit)
	spend("guessed at", 7)
	for i := range 3 * classWindows {
		if w := spend("other"+strconv.Itoa(i), 1); !w.Admitted {
			t.Fatalf("the account %d is refused", i)
		}
	}
	if w := spend("locked", 1); w.Admitted {
		t.Errorf("a locked account is open after the flood: %+v", w)
	}
	if w := spend("guessed at", 1); w.Remaining != 2 {
		t.Errorf("after 8 guesses and the flood %d remain of 10", w.Remaining)
	}
	kept := 0
	class := (*m.classes.Load())[account.Name]
	for i := range class {
		kept += len(class[i].buckets)
	}
	if kept > classWindows {
		t.Errorf("%d windows are kept", kept)
	}
}

// If nothing may be dropped, new ids are refused until the first window ends.
func TestNewIDsWaitForFullWindows(t *testing.T) {
	const room = classWindows / classShards
	lock := Policy{Name: "login-account", Limit: 1, Window: time.Minute, Locks: true}
	var s shard
	for i := range room {
		s.open(lock, "full"+strconv.Itoa(i), at(time.Duration(i), 0)).used = 1
	}
	if b := s.open(lock, "new", at(30*time.Second, 0)); b != nil || len(s.buckets) != room {
		t.Errorf("%d windows are kept, among them %+v", len(s.buckets), b)
	}
	if s.open(lock, "new", at(time.Minute, 0)) == nil || s.buckets["full0"] != nil || s.buckets["full2"] == nil {
		t.Error("the window that is over must make room, and no other")
	}
	unlocked := lock
	unlocked.Locks = false
	if s.open(unlocked, "newer", at(time.Minute, 0)) == nil {
		t.Error("a policy that locks nothing refuses for lack of room")
	}
}

// What was given back leaves nothing behind.
func TestReturnedWindowsAreNotKept(t *testing.T) {
	m := NewMemory(nil)
	for i := range 1000 {
		id := strconv.Itoa(i)
		_, _ = m.Take(t.Context(), policy, id)
		_ = m.Return(t.Context(), policy, id)
	}
	class := (*m.classes.Load())[policy.Name]
	for i := range class {
		if n := len(class[i].buckets); n != 0 || class[i].first != nil {
			t.Fatalf("%d windows are kept", n)
		}
	}
}
