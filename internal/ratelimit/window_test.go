package ratelimit_test

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

func TestRetryAfter(t *testing.T) {
	reset := time.Unix(1709809260, 0)
	for _, c := range []struct {
		before time.Duration // how long before the reset it is asked
		want   int
	}{
		{time.Minute, 60},
		{time.Minute - time.Nanosecond, 60},
		{59 * time.Second, 59},
		{time.Second + time.Nanosecond, 2},
		{time.Second, 1},
		{time.Nanosecond, 1},
		{0, 1},
		{-time.Hour, 1},
	} {
		w := ratelimit.Window{Reset: reset}
		if got := w.RetryAfter(reset.Add(-c.before)); got != c.want {
			t.Errorf("%v before the reset: %d, want %d", c.before, got, c.want)
		}
	}
}

func TestResetUnixRoundsUp(t *testing.T) {
	for _, c := range []struct {
		reset time.Time
		want  int64
	}{
		{time.Unix(1709809200, 0), 1709809200},
		{time.Unix(1709809200, 1), 1709809201},
		{time.Unix(1709809200, 999_999_999), 1709809201},
	} {
		if got := (ratelimit.Window{Reset: c.reset}).ResetUnix(); got != c.want {
			t.Errorf("%v: %d, want %d", c.reset, got, c.want)
		}
	}
}

func TestFieldsDescribeTheWindow(t *testing.T) {
	now := time.Unix(1709809203, 250_000_000)
	for _, c := range []struct {
		name   string
		window ratelimit.Window
		want   ratelimit.Fields
	}{
		{
			"fresh key",
			ratelimit.Window{
				Policy:    ratelimit.Policy{Name: "key", Limit: 1000, Window: time.Minute},
				Remaining: 999, Reset: time.Unix(1709809260, 0), Admitted: true,
			},
			ratelimit.Fields{"1000", "999", "1709809260", `"key";r=999;t=57`, `"key";q=1000;w=60`},
		},
		{
			"exhausted account",
			ratelimit.Window{
				Policy: ratelimit.Policy{Name: "login-account", Limit: 10, Window: 15 * time.Minute},
				Reset:  time.Unix(1709810100, 0),
			},
			ratelimit.Fields{"10", "0", "1709810100", `"login-account";r=0;t=897`, `"login-account";q=10;w=900`},
		},
		{
			"over, and nothing allowed",
			ratelimit.Window{
				Policy: ratelimit.Policy{Name: "login", Limit: -1, Window: 1500 * time.Millisecond},
				Reset:  time.Unix(1709809200, 0),
			},
			ratelimit.Fields{"0", "0", "1709809200", `"login";r=0;t=0`, `"login";q=0;w=2`},
		},
	} {
		if got := c.window.Fields(now); got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

// What a client computes from either family of fields is the same.
func TestFieldsAgree(t *testing.T) {
	item := regexp.MustCompile(`^"user";r=(\d+);t=(\d+)$`)
	p := ratelimit.Policy{Name: "user", Limit: 100, Window: time.Minute}
	reset := time.Unix(1709809260, 0)
	for left := time.Nanosecond; left <= time.Minute; left += 997 * time.Millisecond {
		now := reset.Add(-left)
		w := ratelimit.Window{Policy: p, Remaining: 7, Reset: reset}
		f := w.Fields(now)
		m := item.FindStringSubmatch(f.RateLimit)
		if m == nil {
			t.Fatalf("not an item: %s", f.RateLimit)
		}
		if m[1] != f.Remaining || m[2] != strconv.Itoa(w.RetryAfter(now)) {
			t.Errorf("%v left: %+v, Retry-After %d", left, f, w.RetryAfter(now))
		}
	}
}

func TestFieldsAllocateOnce(t *testing.T) {
	w := ratelimit.Window{
		Policy:    ratelimit.Policy{Name: "refresh-session", Limit: 1000, Window: time.Minute},
		Remaining: 999, Reset: time.Unix(1709809260, 0),
	}
	now := w.Reset.Add(-time.Second)
	if n := testing.AllocsPerRun(100, func() { _ = w.Fields(now) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFields(b *testing.B) {
	w := ratelimit.Window{
		Policy:    ratelimit.Policy{Name: "key", Limit: 1000, Window: time.Minute},
		Remaining: 999, Reset: time.Unix(1709809260, 0),
	}
	now := w.Reset.Add(-time.Second)
	b.ReportAllocs()
	for b.Loop() {
		_ = w.Fields(now)
	}
}
