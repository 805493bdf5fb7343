package auth

import (
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// Session is a developer's login as the developer sees it.
type Session struct {
	ID         string
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time
	IP         *string
	Client     *string
	Current    bool
}

// StoredSession is one chain of refresh tokens: of a developer, or of a user
// and the application that minted it. Exactly one of DeveloperID and UserID is
// set.
type StoredSession struct {
	ID          string
	DeveloperID string
	UserID      string
	AppID       string // of a user's session: who minted it
	Actor       string // of a user's session: the developer who acts, RFC 8693
	IP          string
	Client      string
	Seed        []byte // random; with our key it makes the refresh tokens

	Generation int64            // of the current refresh token, from 1
	RotatedAt  time.Time        // when the current one replaced its parent
	RotatedBy  *credential.Hash // of the retry key that did so; nil = none was sent

	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time // the idle limit, never past EndsAt
	EndsAt     time.Time // the absolute limit
	RevokedAt  *time.Time
}

// live says whether the session counts at the instant.
func (s *StoredSession) live(at time.Time) bool {
	return s.RevokedAt == nil && at.Before(s.ExpiresAt)
}

// subject names the session's holder in audit rows.
func (s *StoredSession) subject() string {
	switch {
	case s.DeveloperID != "":
		return developerSubject(s.DeveloperID)
	case s.UserID != "":
		return userSubject(s.UserID)
	default:
		return anonymousActor
	}
}

// from notes where the session's tokens went.
func (s *StoredSession) from(c *Caller) {
	s.Client, s.IP = c.Client, ""
	if c.Address.IsValid() {
		s.IP = c.Address.String()
	}
}

// Grant is a pair of tokens. RefreshToken is a secret that was never stored.
type Grant struct {
	AccessToken      string
	RefreshToken     string
	ExpiresIn        int32     // seconds until the access token ends
	RefreshExpiresAt time.Time // when the refresh token ends if it is not used
}
