package openwearables

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"
)

// The margin is at most three tenths of a token's lifetime, so that no token is due
// on arrival.
func TestMarginLeavesMostOfATokensLife(t *testing.T) {
	for _, ttl := range []time.Duration{time.Second, 10 * time.Second, time.Minute, 4 * time.Minute, time.Hour, 24 * time.Hour} {
		for _, jitter := range []float64{0, 0.5, 1} {
			if m := margin(ttl, jitter); m > 72*time.Second || m > ttl*3/10 || m < min(time.Minute, ttl/4) {
				t.Errorf("margin(%v, %v) = %v", ttl, jitter, m)
			}
		}
	}
}

func TestStoredSessionEndsByTheServersClock(t *testing.T) {
	at := time.Now()
	moved := func(d time.Duration) clock {
		return clock{wall: func() time.Time { return at.Add(d) }, mono: func() time.Duration { return 1000 * time.Hour }}
	}
	pair := TokenPair{Access: NewSecret("a"), Refresh: NewSecret("r"), ExpiresIn: time.Hour}
	for _, c := range []struct {
		name        string
		skew, moved time.Duration // server ahead of the writer; reader's clock after the writing
		left        time.Duration
	}{
		{"at once", 0, 0, time.Hour},
		{"half an hour later", 0, 30 * time.Minute, 30 * time.Minute},
		{"two hours later", 0, 2 * time.Hour, 0},
		{"the clock was set back a day", 0, -24 * time.Hour, 0},
		{"another machine is a second behind", 0, -time.Second, time.Hour},
		{"a clock that is a day behind, always", 24 * time.Hour, 30 * time.Minute, 30 * time.Minute},
		{"a clock that is a day ahead, always", -24 * time.Hour, 30 * time.Minute, 30 * time.Minute},
	} {
		written := newSession(place{base: "https://a.example"}, "id", pair, moved(0), 0, at.Add(c.skew))
		read, err := openSession(place{base: "https://a.example"}, written.raw, moved(c.moved))
		if err != nil {
			t.Fatal(err)
		}
		if left := read.hard - 1000*time.Hour; (left - c.left).Abs() > 2*time.Second {
			t.Errorf("%s: %v left, want %v", c.name, left, c.left)
		}
		if read.RetryKey != written.RetryKey || len(read.RetryKey) < 25 {
			t.Errorf("%s: the retry key is %q, was %q", c.name, read.RetryKey, written.RetryKey)
		}
	}
}

func TestForeignRecordsAreRefused(t *testing.T) {
	s := newSession(place{base: "https://a.example"}, "id", TokenPair{Access: NewSecret("a"), ExpiresIn: time.Hour}, systemClock(), 0, time.Time{})
	if _, err := openSession(place{base: "https://b.example"}, s.raw, systemClock()); !errors.Is(err, errElsewhere) {
		t.Errorf("another base URL: %v", err)
	}
	for _, raw := range []string{"", "x", "{}", "[]", "null", `{"version":2}`, `{"version":1,"access_token":"Bearer x","id":"i","retry_key":"k"}`} {
		if _, err := openSession(place{base: "https://a.example"}, []byte(raw), systemClock()); !errors.Is(err, errForeignRecord) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// A record without a user belongs to its token's subject, and to who asks by a name that is
// no id of the server. If the token has no subject that can be read, it belongs to no id.
func TestOldRecordsBelongToTheirSubject(t *testing.T) {
	const base = "https://a.example"
	const u1, u2 = "2fadb5db-1b57-4497-abd0-da985f9789a1", "823457a7-4304-454a-85b8-970a19fbf513"
	jwt := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+u1+`"}`)) + ".x"
	for _, c := range []struct {
		token, named, asked string
		holds               bool
	}{
		{jwt, "", u1, true},
		{jwt, "", u2, false},
		{jwt, "", "", true},
		{"opaque", "", u1, false},
		{"opaque", "", "", true},
		{"a.%.c", "", u1, false},
		{"a.bnVsbA.c", "", u1, false},
		{jwt, "", "alice", true},
		{"opaque", "", "alice@example.com", true},
		{jwt, "alice", "alice", true},
		{jwt, "alice", "bob", false},
		{jwt, "Alice@example.com", " alice@example.com", true},
		{jwt, "alice", u1, false},
		{"opaque", "alice", "", true},
	} {
		at := place{base, c.asked}
		r := record{BaseURL: base, User: c.named, Access: c.token}
		if at.holds(&r) != c.holds || (place{"https://b.example", c.asked}).holds(&r) {
			t.Errorf("%+v: holds is %v", c, !c.holds)
		}
	}
}

func FuzzOpenSession(f *testing.F) {
	s := newSession(place{base: "https://a.example"}, "id", TokenPair{Access: NewSecret("a"), Refresh: NewSecret("r"), ExpiresIn: time.Hour}, systemClock(), 0, time.Now())
	f.Add(s.raw)
	f.Add([]byte(`{"version":1,"ttl":9223372036854775807,"expires_at":-9223372036854775808}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := openSession(place{base: "https://a.example"}, raw, systemClock())
		if err == nil && (s.Access == "" || s.hard-systemClock().mono() > time.Duration(s.TTL)*time.Second+savedTolerance+time.Second) {
			t.Fatalf("a session that lives too long: %v", s.hard)
		}
	})
}
