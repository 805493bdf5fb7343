package auth

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
)

// Rotation replaces the current refresh token of a session by its successor.
type Rotation struct {
	SessionID  string
	Generation int64            // that the session must still have
	By         *credential.Hash // the retry key that came with the token
	Idle       time.Duration    // after which the session ends if it is not used again
	IP, Client string           // who the tokens go to
	Event      audit.Event      // is recorded, with the time of the rotation
}

// Rotated is what became of a rotation.
type Rotated struct {
	At        time.Time
	ExpiresAt time.Time // of the session
}

// swap rotates the session that was looked up in one step, if it still is as it was
// judged. It reports false if a transaction has to look again; it has then done
// nothing.
func (s *RefreshTokens) swap(ctx context.Context, c *Caller, row *StoredSession, retry *credential.Hash) (Grant, bool, error) {
	next := *row
	next.from(c)
	e := c.Event(audit.Refresh, sessionSubject(row.ID), time.Time{})
	e.Actor = row.subject()
	rotated, ok, err := s.store.RotateSession(ctx, Rotation{
		SessionID: row.ID, Generation: row.Generation, By: retry, Idle: s.issuer.idle, IP: next.IP, Client: next.Client, Event: e,
	})
	if err != nil || !ok {
		return Grant{}, false, err
	}
	next.Generation, next.ExpiresAt = row.Generation+1, rotated.ExpiresAt
	grant, err := s.issuer.grant(&next, rotated.At)
	return grant, true, err
}
