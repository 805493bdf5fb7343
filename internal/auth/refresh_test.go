package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// rotated is when the sessions of these tests were last rotated.
var rotated = time.Date(2026, 3, 7, 10, 30, 0, 0, time.UTC)

// retryKeys are what may stand beside a refresh token, by a short name.
func retryKeys() map[string]*credential.Hash {
	return map[string]*credential.Hash{"none": nil, "A": {1}, "B": {2}}
}

// TestDecideRefreshOfTheParent is the whole of rules 2 to 4: what a session's
// direct parent earns, by the key that rotated it, the key beside it and its
// age.
func TestDecideRefreshOfTheParent(t *testing.T) {
	const (
		at     = 0
		within = raceWindow
		after  = raceWindow + time.Microsecond
		late   = 29 * 24 * time.Hour
	)
	ages := []time.Duration{at, within - time.Microsecond, within, after, late}
	for _, c := range []struct {
		rotatedBy, retry string
		want             [5]verdict // at the ages above
	}{
		{"A", "A", [5]verdict{refreshReplay, refreshReplay, refreshReplay, refreshReplay, refreshReplay}},
		{"A", "B", [5]verdict{refreshReused, refreshReused, refreshReused, refreshReused, refreshReused}},
		{"B", "A", [5]verdict{refreshReused, refreshReused, refreshReused, refreshReused, refreshReused}},
		{"A", "none", [5]verdict{refreshUsed, refreshUsed, refreshUsed, refreshReused, refreshReused}},
		{"none", "A", [5]verdict{refreshUsed, refreshUsed, refreshUsed, refreshReused, refreshReused}},
		{"none", "none", [5]verdict{refreshUsed, refreshUsed, refreshUsed, refreshReused, refreshReused}},
	} {
		for i, age := range ages {
			s := liveSession(5, retryKeys()[c.rotatedBy])
			if got := decideRefresh(&s, 4, retryKeys()[c.retry], false, rotated.Add(age)); got != c.want[i] {
				t.Errorf("rotated by %s, presented with %s after %v: verdict %d, want %d", c.rotatedBy, c.retry, age, got, c.want[i])
			}
		}
	}
}

// TestDecideRefreshOfOtherGenerations holds what no key and no age changes: the current
// token rotates, anything older than the parent is reuse, one that is yet to
// come is invalid, and so is everything of a dead session.
func TestDecideRefreshOfOtherGenerations(t *testing.T) {
	revoked := rotated
	dead := map[string]func(*StoredSession){
		"revoked":          func(s *StoredSession) { s.RevokedAt = &revoked },
		"at its idle end":  func(s *StoredSession) { s.ExpiresAt = rotated },
		"past its end":     func(s *StoredSession) { s.ExpiresAt, s.EndsAt = rotated.Add(-1), rotated.Add(-1) },
		"deleted meantime": func(s *StoredSession) { *s = StoredSession{ID: s.ID} },
	}
	for rotatedBy, by := range retryKeys() {
		for key, retry := range retryKeys() {
			for _, age := range []time.Duration{0, raceWindow, raceWindow + 1, 29 * 24 * time.Hour} {
				name := fmt.Sprintf("rotated by %s, presented with %s after %v", rotatedBy, key, age)
				s := liveSession(5, by)
				for generation, want := range map[int64]verdict{
					1: refreshReused, 2: refreshReused, 3: refreshReused, 5: refreshRotate,
					6: refreshInvalid, 7: refreshInvalid, 1<<32 - 1: refreshInvalid,
				} {
					if got := decideRefresh(&s, generation, retry, true, rotated.Add(age)); got != want {
						t.Errorf("generation %d of 5, %s: verdict %d, want %d", generation, name, got, want)
					}
				}
				for why, kill := range dead {
					s := liveSession(5, by)
					kill(&s)
					for generation := int64(0); generation < 8; generation++ {
						if got := decideRefresh(&s, generation, retry, true, rotated.Add(age)); got != refreshInvalid {
							t.Errorf("generation %d of a session %s, %s: verdict %d", generation, why, name, got)
						}
					}
				}
			}
		}
	}
}

// TestDecideRefreshUntilTheEnd shows that a session lives to the microsecond
// before its end, for its owner's replays too.
func TestDecideRefreshUntilTheEnd(t *testing.T) {
	key := retryKeys()["A"]
	s := liveSession(2, key)
	last, end := s.ExpiresAt.Add(-time.Microsecond), s.ExpiresAt
	for generation, want := range map[int64]verdict{1: refreshReplay, 2: refreshRotate} {
		if got := decideRefresh(&s, generation, key, false, last); got != want {
			t.Errorf("generation %d at the last moment: verdict %d, want %d", generation, got, want)
		}
		if got := decideRefresh(&s, generation, key, true, end); got != refreshInvalid {
			t.Errorf("generation %d at the end: verdict %d", generation, got)
		}
	}
}

func liveSession(generation int64, rotatedBy *credential.Hash) StoredSession {
	return StoredSession{
		ID: "s", UserID: "u", Generation: generation, RotatedAt: rotated, RotatedBy: rotatedBy,
		CreatedAt: rotated.Add(-time.Hour), ExpiresAt: rotated.Add(30 * 24 * time.Hour), EndsAt: rotated.Add(90 * 24 * time.Hour),
	}
}

// TestRefreshRefusalsHaveStableReasons holds the reasons that clients decide by.
func TestRefreshRefusalsHaveStableReasons(t *testing.T) {
	for v, reason := range map[verdict]string{
		refreshInvalid: "invalid_refresh_token", refreshUsed: "refresh_token_used", refreshReused: "refresh_token_reused",
	} {
		if e := v.refusal(); e == nil || e.Kind != problem.Unauthenticated || e.Reason != reason {
			t.Errorf("verdict %d is refused with %v, want a 401 %s", v, e, reason)
		}
	}
	for _, v := range []verdict{refreshRotate, refreshReplay} {
		if e := v.refusal(); e != nil {
			t.Errorf("verdict %d is refused: %v", v, e)
		}
	}
}

// TestDecideRefreshOfALostAnswer holds what the setting changes: the direct parent, where neither had a
// key, for five minutes, and nothing else.
func TestDecideRefreshOfALostAnswer(t *testing.T) {
	for rotatedBy, by := range retryKeys() {
		for key, retry := range retryKeys() {
			for _, age := range []time.Duration{0, raceWindow, raceWindow + 1, lostWindow, lostWindow + 1} {
				s := liveSession(5, by)
				got, want := decideRefresh(&s, 4, retry, true, rotated.Add(age)), decideRefresh(&s, 4, retry, false, rotated.Add(age))
				if by == nil && retry == nil && age <= lostWindow {
					want = refreshReplay
				}
				if got != want {
					t.Errorf("rotated by %s, presented with %s after %v: verdict %d, want %d", rotatedBy, key, age, got, want)
				}
			}
		}
	}
}

// TestMayHaveLost holds from where an answer counts as lost.
func TestMayHaveLost(t *testing.T) {
	given := StoredSession{UserID: "u", IP: "192.0.2.7", Client: "app/1"}
	six := given
	six.IP = "2001:db8:1:2::1"
	developer := given
	developer.UserID, developer.DeveloperID = "", "d"
	unknown := given
	unknown.IP = ""
	for _, c := range []struct {
		s               StoredSession
		address, client string
		want            bool
	}{
		{given, "192.0.2.7", "app/1", true},
		{given, "192.0.2.200", "app/1", true},
		{given, "::ffff:192.0.2.7", "app/1", true},
		{given, "192.0.3.7", "app/1", false},
		{given, "192.0.2.7", "app/2", false},
		{given, "", "app/1", false},
		{six, "2001:db8:1:ffff::9", "app/1", true},
		{six, "2001:db8:2::1", "app/1", false},
		{six, "192.0.2.7", "app/1", false},
		{developer, "192.0.2.7", "app/1", false},
		{unknown, "192.0.2.7", "app/1", false},
		{unknown, "", "app/1", false},
	} {
		caller := &Caller{Client: c.client}
		caller.Address, _ = netip.ParseAddr(c.address)
		if got := c.s.mayHaveLost(caller); got != c.want {
			t.Errorf("given to %q and asked from %q by %q: %t", c.s.IP, c.address, c.client, got)
		}
	}
}
