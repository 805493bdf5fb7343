package alert

import (
	"fmt"
	"testing"
	"time"
)

var now = time.Date(2026, 3, 7, 10, 30, 0, 0, time.UTC)

// Every rule is described, and its standard thresholds are within their bounds.
func TestRulesAreWhole(t *testing.T) {
	for _, name := range All() {
		r := Settings{}.rule(name)
		if r.Description == "" || !r.Enabled || len(r.Thresholds) > maxThresholds {
			t.Errorf("%+v", r)
		}
		for _, th := range r.Thresholds {
			if th.Value != th.DefaultValue || th.Value < th.Minimum || th.Value > th.Maximum {
				t.Errorf("%s: %+v", name, th)
			}
		}
	}
}

func TestSpell(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "less than two minutes", 90 * time.Second: "less than two minutes", time.Minute: "1 minute", 15 * time.Minute: "15 minutes",
		time.Hour: "1 hour", 90 * time.Minute: "90 minutes", 36 * time.Hour: "36 hours", day: "1 day", 60*day + time.Hour: "60 days",
	} {
		if got := spell(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestNetworkOf(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.0/24", "::ffff:192.0.2.7": "192.0.2.0/24", "2001:db8:1:2::3": "2001:db8:1::/48", "fe80::1%eth0": "fe80::/48", "": "", "x": "",
	} {
		if got := networkOf(address); got != want {
			t.Errorf("%s is in %q, want %q", address, got, want)
		}
	}
}

func TestWrittenAt(t *testing.T) {
	if got := writtenAt("01957a2e-8a00-7000-8000-000000000000"); !got.Equal(time.UnixMilli(0x01957a2e8a00)) {
		t.Error(got)
	}
	for _, id := range []string{"", "x", "550e8400-e29b-41d4-a716-446655440000"} {
		if got := writtenAt(id); !got.IsZero() {
			t.Errorf("%q was written at %v", id, got)
		}
	}
}

// A key that is seen from too many networks roams: no more are remembered, and none is
// news.
func TestRoamingKey(t *testing.T) {
	known := make(Known)
	for i := range maxSighted {
		at := now.Add(time.Duration(i-10_000) * time.Minute)
		known.see("key:k", fmt.Sprint("n", i), at, 90*day)
	}
	used := now
	u := Use{Key: Key{ID: "k", Name: "K", LastUsedAt: &used}, Known: known, Networks: []NetworkUse{{"another", 1, now}, {"n3", 1, now}}}
	found, seen := Settings{}.Uses([]Use{u})
	if len(found) != 0 || len(seen) != 1 || seen[0].Network != "n3" {
		t.Errorf("%v, %v", found, seen)
	}
}
