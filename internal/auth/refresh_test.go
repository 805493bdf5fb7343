package auth

import (
	"fmt"
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
			if got := decideRefresh(&s, 4, retryKeys()[c.retry], rotated.Add(age)); got != c.want[i] {
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
					if got := decideRefresh(&s, generation, retry, rotated.Add(age)); got != want {
						t.Errorf("generation %d of 5, %s: verdict %d, want %d", generation, name, got, want)
					}
				}
				for why, kill := range dead {
					s := liveSession(5, by)
					kill(&s)
					for generation := int64(0); generation < 8; generation++ {
						if got := decideRefresh(&s, generation, retry, rotated.Add(age)); got != refreshInvalid {
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
		if got := decideRefresh(&s, generation, key, last); got != want {
			t.Errorf("generation %d at the last moment: verdict %d, want %d", generation, got, want)
		}
		if got := decideRefresh(&s, generation, key, end); got != refreshInvalid {
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
