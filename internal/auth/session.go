package auth

import (
	"context"
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
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
		return "developer:" + s.DeveloperID
	case s.UserID != "":
		return "user:" + s.UserID
	default:
		return "anonymous"
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

// Sessions logs developers in and out and rotates refresh tokens.
type Sessions struct{ *core }

// LoggedOut is the message of a Logout that took effect.
const LoggedOut = "Successfully logged out"

// Logout ends the caller's own session: its access and refresh tokens are
// dead when Logout returns nil.
func (s *Sessions) Logout(ctx context.Context) error {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return err
	}
	_, err = s.end(ctx, audit.Logout, SessionFilter{ID: p.SessionID, DeveloperID: p.ID})
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

// End ends one of the caller's sessions; 404 for one that is not there or is
// another developer's.
func (s *Sessions) End(ctx context.Context, sessionID string) error {
	id, err := problem.UUID("id", sessionID)
	if err != nil {
		return err
	}
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return err
	}
	ended, err := s.end(ctx, audit.Revoke, SessionFilter{ID: id, DeveloperID: p.ID})
	if err == nil && len(ended) == 0 {
		return problem.NotFoundError("Session")
	}
	return err
}

// EndOthers ends all of the caller's sessions but the one that it speaks from.
func (s *Sessions) EndOthers(ctx context.Context) error {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return err
	}
	_, err = s.end(ctx, audit.Revoke, SessionFilter{DeveloperID: p.ID, Except: p.SessionID})
	return err
}

// Revoke ends the session that the refresh token, of whatever generation, or
// the access token belongs to. A token that means nothing is no error (RFC
// 7009 section 2.2).
func (s *Sessions) Revoke(ctx context.Context, token string) error {
	id, err := s.sessionOf(ctx, token)
	if errors.Is(err, problem.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if err := s.take(ctx, s.config.Limits.RefreshSession, id); err != nil {
		return err
	}
	_, err = s.end(ctx, audit.Revoke, SessionFilter{ID: id})
	return err
}

// sessionOf returns the id of the session that a refresh or access token was
// given to, or problem.ErrNotFound.
func (s *Sessions) sessionOf(ctx context.Context, token string) (string, error) {
	if claims, err := s.signer.verify(token, s.now()); err == nil {
		return claims.SessionID, nil
	}
	row, t, err := s.refreshSession(ctx, token)
	if err == nil && int64(t.Generation) > row.Generation {
		err = problem.ErrNotFound
	}
	return row.ID, err
}

// refreshSession finds the session whose key made the token, or problem.ErrNotFound.
func (s *Sessions) refreshSession(ctx context.Context, token string) (StoredSession, credential.RefreshToken, error) {
	t, ok := credential.ParseRefreshToken(token)
	if !ok {
		return StoredSession{}, t, problem.ErrNotFound
	}
	row, err := s.store.Session(ctx, formatID(t.Session))
	if err != nil {
		return StoredSession{}, t, err
	}
	if !s.vault.VerifyRefresh(t, row.Seed) {
		return StoredSession{}, t, problem.ErrNotFound
	}
	return row, t, nil
}

// end revokes sessions, with one audit row for each, and drops what is cached
// of them before it returns.
func (s *Sessions) end(ctx context.Context, action string, which SessionFilter) ([]string, error) {
	c := CallerFrom(ctx)
	var ended []string
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		if ended, err = tx.EndSessions(ctx, which, tx.Now()); err != nil {
			return err
		}
		return recordEach(ctx, tx, c, action, "session:", ended)
	})
	if err != nil {
		return nil, err
	}
	s.forgetSessions(ctx, ended)
	return ended, nil
}

func recordEach(ctx context.Context, tx Tx, c *Caller, action, prefix string, ids []string) error {
	for _, id := range ids {
		if err := tx.Record(ctx, c.event(action, prefix+id, tx.Now())); err != nil {
			return err
		}
	}
	return nil
}

// open starts a session in tx and returns its first tokens.
func (s *core) open(ctx context.Context, tx Tx, c *Caller, row StoredSession) (Grant, error) {
	now := tx.Now()
	id := newSessionID()
	row.ID, row.Seed, row.Generation = formatID(id), credential.NewSeed(), 1
	row.CreatedAt, row.RotatedAt, row.LastUsedAt = now, now, now
	row.EndsAt = now.Add(s.config.RefreshAbsolute)
	row.ExpiresAt = earlier(now.Add(s.config.RefreshIdle), row.EndsAt)
	row.from(c)
	if err := tx.InsertSession(ctx, row); err != nil {
		return Grant{}, err
	}
	return s.grant(&row, now)
}

// grant makes the tokens of the session's current generation.
func (s *core) grant(row *StoredSession, now time.Time) (Grant, error) {
	id, err := parseSessionID(row.ID)
	if err != nil {
		return Grant{}, err
	}
	access, ttl, err := s.signer.access(row, now)
	if err != nil {
		return Grant{}, err
	}
	return Grant{
		AccessToken:      access,
		RefreshToken:     s.vault.RefreshToken(id, uint32(row.Generation), row.Seed),
		ExpiresIn:        int32(ttl / time.Second),
		RefreshExpiresAt: row.ExpiresAt,
	}, nil
}
