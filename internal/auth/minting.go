package auth

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
)

// Minting opens a session of a user for an application.
type Minting struct {
	Session     StoredSession     // its times do not count: it begins when it is made
	Application StoredApplication // as it was when it admitted the caller; its secrets must still be these
	Until       *time.Time        // when the application admits the caller no longer; nil: never
	Most        int               // sessions of the user, ended ones included, with this one
	Idle        time.Duration     // after which the session ends if it is not used
	Absolute    time.Duration     // after which it ends in any case
	Event       audit.Event       // is recorded, with the time at which the session begins
}

// mintAtOnce opens the session in one step, if user and application still are as they
// were judged and the user has few sessions. It reports false if a transaction has to
// look again; it has then done nothing.
func (s *Tokens) mintAtOnce(ctx context.Context, c *Caller, row StoredSession) (Grant, bool, error) {
	s.issuer.begin(&row, c, time.Time{})
	e := c.Event(audit.TokenMint, userSubject(row.UserID), time.Time{})
	e.Actor = applicationSubject(row.AppID)
	m := Minting{
		Session: row, Application: c.exchanger, Most: s.maxSessions, Idle: s.issuer.idle, Absolute: s.issuer.absolute, Event: e,
	}
	if c.exchanged != c.exchanger.Hash {
		m.Until = c.exchanger.PreviousExpiresAt
	}
	at, ok, err := s.store.MintSession(ctx, m)
	if err != nil || !ok {
		return Grant{}, false, err
	}
	s.issuer.beginAt(&row, at)
	grant, err := s.issuer.grant(&row, at)
	return grant, true, err
}
