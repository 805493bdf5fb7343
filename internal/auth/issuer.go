package auth

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

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
