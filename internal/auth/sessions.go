package auth

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/problem"
)

// Sessions shows developers their sessions and ends them.
type Sessions struct {
	store   Reader
	revoker *revoker
	uses    *lastUses
	now     func() time.Time
}

// LoggedOut is the message of a Logout that took effect.
const LoggedOut = "Successfully logged out"

// Logout ends the caller's own session and the user tokens that it minted. All of
// their tokens are refused once Logout returns nil.
func (s *Sessions) Logout(ctx context.Context) error {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return err
	}
	_, err = s.revoker.revoke(ctx, audit.Logout, SessionFilter{ID: p.SessionID, DeveloperID: p.ID})
	return err
}

// List returns the caller's live sessions, newest first.
func (s *Sessions) List(ctx context.Context) ([]Session, error) {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := s.store.DeveloperSessions(ctx, p.ID, s.now())
	if err != nil {
		return nil, err
	}
	list := make([]Session, len(rows))
	for i, r := range rows {
		list[i] = Session{
			ID: r.ID, CreatedAt: r.CreatedAt, LastUsedAt: s.uses.latest(r.ID, r.LastUsedAt),
			ExpiresAt: r.ExpiresAt, IP: optional(r.IP), Client: optional(r.Client),
			Current: r.ID == p.SessionID,
		}
	}
	return list, nil
}

// End ends one of the caller's sessions and the user tokens that it minted. It
// is a 404 if there is no such session or it belongs to another developer.
func (s *Sessions) End(ctx context.Context, sessionID string) error {
	id, err := problem.UUID("id", sessionID)
	if err != nil {
		return err
	}
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return err
	}
	ended, err := s.revoker.revoke(ctx, audit.Revoke, SessionFilter{ID: id, DeveloperID: p.ID})
	if err == nil && !ended {
		return problem.NotFoundError("Session")
	}
	return err
}

// EndOthers ends the caller's sessions and the user tokens that the caller
// minted, except the session of this request and what it minted.
func (s *Sessions) EndOthers(ctx context.Context) error {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return err
	}
	return s.revoker.revokeOthers(ctx, p.ID, p.SessionID)
}
