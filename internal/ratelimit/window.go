// Package ratelimit decides how many requests a caller may still make: pure
// arithmetic over fixed windows, and counters that keep one window for each
// caller.
package ratelimit

import "time"

// A Policy is one class of buckets: how many requests each caller of the class
// may make in one window.
//
// Name identifies the class ("key", "user", "login", ...) and appears in the
// RateLimit fields: printable ASCII without quotes and backslashes. Counters
// keep the windows of different names apart, so two policies that share a name
// share their windows. A Limit of zero or less admits nothing. Window is whole
// seconds, at least one; a fraction counts as a whole second. Cost is what one
// Take spends; 0 counts as 1. PerAddress says that the ids are addresses, of which a
// stranger may have any number. Locks means that a full window locks something, such
// as an account, so that no flood of other callers may end it before its time.
type Policy struct {
	Name       string
	Limit      int
	Window     time.Duration
	Cost       int
	PerAddress bool
	Locks      bool
}

// A Window describes one caller's bucket.
//
// Remaining is in [0, Policy.Limit]. Reset is a whole second, the same for the
// life of a window, later than the counter's time by at most Policy.Window. It is
// by the counter's clock, and the caller's differs from that by Ahead.
// Admitted reports whether a Take spent one; after a Peek, whether a Take in
// its place would have.
type Window struct {
	Policy    Policy
	Remaining int
	Reset     time.Time
	Ahead     time.Duration // of the counter's clock before the caller's
	Admitted  bool
}

// ResetUnix returns when the window ends, in unix seconds. A fraction rounds
// up, so that the window is over then.
func (w Window) ResetUnix() int64 {
	return ceilSecond(w.Reset).Unix()
}

// RetryAfter returns the whole seconds from now, by the caller's clock, until the
// window ends, rounded up and at least 1, for a Retry-After field (RFC 9110, section
// 10.2.3).
func (w Window) RetryAfter(now time.Time) int {
	return max(1, ceilSeconds(w.Reset.Sub(now.Add(w.Ahead))))
}

// Units returns what one Take spends, at least 1.
func (p Policy) Units() int { return max(1, p.Cost) }

// Length returns the window's length in whole seconds, at least one.
func (p Policy) Length() time.Duration {
	return time.Duration(max(1, ceilSeconds(p.Window))) * time.Second
}

// Fresh returns the window that would open now, with nothing spent.
func (p Policy) Fresh(now time.Time) Window {
	return p.window(0, p.reset(now), p.Limit >= p.Units())
}

// reset returns the end of a window that opens now: the last whole second
// within the policy's length. A window is up to a second shorter than its
// policy says, so that its end is exact in unix seconds. The next one opens no
// earlier than that end, so any span of the policy's length still touches at
// most two windows.
func (p Policy) reset(now time.Time) time.Time {
	return now.Add(p.Length()).Truncate(time.Second)
}

// window describes a bucket of p that has admitted used requests and ends at reset.
func (p Policy) window(used int, reset time.Time, admitted bool) Window {
	return Window{Policy: p, Remaining: max(0, p.Limit-used), Reset: reset, Admitted: admitted}
}

func ceilSeconds(d time.Duration) int {
	return int((d + time.Second - 1) / time.Second)
}

func ceilSecond(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}
