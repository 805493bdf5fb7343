package auth

import (
	"net/netip"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// verdict is what a presented refresh token earns.
type verdict uint8

const (
	refreshInvalid verdict = iota // will never work; nothing changes
	refreshRotate                 // is the current one: rotate it
	refreshReplay                 // is its parent, retried by its owner, or so it seems: give the same successor again
	refreshUsed                   // is its parent, too soon to call it theft: refuse it, keep the session
	refreshReused                 // has two holders: end the session
)

// decideRefresh judges generation generation of session s, presented with the
// retry key (nil = none) at now. lost says that the caller may be the one who got
// no answer to the last rotation, for who sends no keys. It is the whole of the rule:
//
//   - a dead session or a generation yet to come is invalid;
//   - the current generation rotates;
//   - its direct parent, with the key that rotated it, is its owner retrying a
//     lost response, for as long as the session lives;
//   - its direct parent with another key is a second holder;
//   - its direct parent, if neither had a key and lost is set, is its owner
//     retrying for lostWindow;
//   - its direct parent where one of the two had no key is otherwise a race for
//     raceWindow and a second holder after it;
//   - anything older is a second holder.
func decideRefresh(s *StoredSession, generation int64, retry *credential.Hash, lost bool, now time.Time) verdict {
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
	case lost && s.RotatedBy == nil && retry == nil && now.Sub(s.RotatedAt) <= lostWindow:
		return refreshReplay
	case now.Sub(s.RotatedAt) <= raceWindow:
		return refreshUsed
	default:
		return refreshReused
	}
}

// mayHaveLost reports whether the caller has the client and the network to which the
// tokens of a user's session were given last.
func (s *StoredSession) mayHaveLost(c *Caller) bool {
	ip, err := netip.ParseAddr(s.IP)
	if err != nil || s.UserID == "" || s.Client != c.Client {
		return false
	}
	network := c.neighbourhood()
	return network != "" && network == (&Caller{Address: ip}).neighbourhood()
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
