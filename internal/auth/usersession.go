package auth

import (
	"strings"
	"time"
)

// UserSession is a session of a user as those see it who may end it.
type UserSession struct {
	ID          string
	MintedBy    string // what MinterID is the id of
	MinterID    string
	MinterName  *string // nil: there is none by this id any more, or the caller may not know it
	CreatedAt   time.Time
	LastUsedAt  time.Time
	RefreshedAt *time.Time
	ExpiresAt   time.Time
	IP          *string
	Client      *string
}

// What mints sessions of users.
const (
	byApplication = "application"
	byKey         = "key"
	byDeveloper   = "developer"
)

// minterOf returns what minted tokens with the app_id, and its id.
func minterOf(appID string) (kind, id string) {
	for _, of := range []struct{ prefix, kind string }{
		{adminMinter(""), byDeveloper},
		{keySubject(""), byKey},
		{keyPairings(""), byKey}, // longer than the next
		{developerPairings(""), byDeveloper},
	} {
		if id, ok := strings.CutPrefix(appID, of.prefix); ok {
			return of.kind, id
		}
	}
	return byApplication, appID
}

// forOthers returns the session without the name of its minter.
func (s *StoredSession) forOthers(lastUsed time.Time) UserSession {
	u := UserSession{
		ID: s.ID, CreatedAt: s.CreatedAt, LastUsedAt: lastUsed, ExpiresAt: s.ExpiresAt,
		IP: optional(s.IP), Client: optional(s.Client),
	}
	u.MintedBy, u.MinterID = minterOf(s.AppID)
	if s.Generation > 1 {
		u.RefreshedAt = &s.RotatedAt
	}
	return u
}
