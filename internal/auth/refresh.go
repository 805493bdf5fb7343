package auth

import (
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// verdict is what a presented refresh token earns.
type verdict uint8

const (
	refreshInvalid verdict = iota // will never work; nothing changes
	refreshRotate                 // is the current one: rotate it
	refreshReplay                 // is its parent, retried by its owner: give the same successor again
	refreshUsed                   // is its parent, too soon to call it theft: refuse it, keep the session
	refreshReused                 // has two holders: end the session
)

// decideRefresh judges generation generation of session s, presented with the
// retry key (nil = none) at now. It is the whole of the rule:
//
//   - a dead session or a generation yet to come is invalid;
//   - the current generation rotates;
//   - its direct parent, with the key that rotated it, is its owner retrying a
//     lost response, for as long as the session lives;
//   - its direct parent with another key is a second holder;
//   - its direct parent where one of the two had no key is a race for
//     raceWindow and a second holder after it;
//   - anything older is a second holder.
func decideRefresh(s *StoredSession, generation int64, retry *credential.Hash, now time.Time) verdict {
	switch {
	case !s.live(now) || generation > s.Generation:
		return refreshInvalid
	case generation == s.Generation:
		return refreshRotate
	case generation < s.Generation-1:
		return refreshReused
	case s.RotatedBy != nil && retry != nil:
		if *s.RotatedBy == *retry {
			return refreshReplay
		}
		return refreshReused
	case now.Sub(s.RotatedAt) <= raceWindow:
		return refreshUsed
	default:
		return refreshReused
	}
}

// refusal returns the 401 of the verdict, or nil if the verdict grants.
func (v verdict) refusal() *problem.Error {
	switch v {
	case refreshRotate, refreshReplay:
		return nil
	case refreshUsed:
		return unauthenticated("refresh_token_used", "This refresh token was already used")
	case refreshReused:
		return unauthenticated("refresh_token_reused", "This refresh token was used twice; the session has been ended")
	default:
		return unauthenticated("invalid_refresh_token", "Invalid refresh token")
	}
}
