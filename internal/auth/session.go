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

// StoredSession is a chain of refresh tokens. It belongs to a developer, or to
// a user and the application that minted it: exactly one of DeveloperID and
// UserID is set.
type StoredSession struct {
	ID          string
	DeveloperID string
	UserID      string
	AppID       string // who minted a user's session
	Actor       string // the developer who acts in a user's session, RFC 8693
	MintedBy    string // the developer's session that minted a user's session
	IP          string
	Client      string
	Seed        []byte // random; the refresh tokens derive from it and the vault's key

	Generation int64            // of the current refresh token, from 1
	RotatedAt  time.Time        // when the current one replaced its parent
	RotatedBy  *credential.Hash // the retry key that was sent then; nil = none was

	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time // the idle limit, never past EndsAt
	EndsAt     time.Time // the absolute limit
	RevokedAt  *time.Time
}

// live reports whether the session counts at the instant.
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

// holder returns who holds the session's tokens.
func (s *StoredSession) holder() Holder {
	if s.DeveloperID != "" {
		return Holder{Kind: DeveloperToken, ID: s.DeveloperID}
	}
	return Holder{UserToken, s.UserID, s.AppID}
}

// from notes the caller that the session's tokens go to.
func (s *StoredSession) from(c *Caller) {
	s.Client, s.IP = c.Client, ""
	if c.Address.IsValid() {
		s.IP = c.Address.String()
	}
}

// Grant is a pair of tokens. RefreshToken is a secret that is not stored.
type Grant struct {
	AccessToken      string
	RefreshToken     string
	ExpiresIn        int32     // seconds until the access token ends
	RefreshExpiresAt time.Time // when the refresh token ends if it is not used

	// Device makes the browser known at its next login; "" if it is not to be.
	Device          string
	DeviceExpiresAt time.Time
}
