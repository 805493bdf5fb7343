package auth

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// issuer opens sessions and issues their tokens. Safe for concurrent use.
type issuer struct {
	signer   *signer
	vault    *credential.Vault
	idle     time.Duration // a session that is not used for so long ends
	absolute time.Duration // a session ends after so long, used or not
}

// open starts a session in tx and returns its first tokens.
func (s *issuer) open(ctx context.Context, tx Tx, c *Caller, row StoredSession) (Grant, error) {
	now := tx.Now()
	id := newSessionID()
	row.ID, row.Seed, row.Generation = formatID(id), credential.NewSeed(), 1
	row.CreatedAt, row.RotatedAt, row.LastUsedAt = now, now, now
	row.EndsAt = now.Add(s.absolute)
	row.ExpiresAt = s.idleEnd(&row, now)
	row.from(c)
	if err := tx.InsertSession(ctx, row); err != nil {
		return Grant{}, err
	}
	return s.grant(&row, now)
}

// grant returns the tokens of the session's current generation.
func (s *issuer) grant(row *StoredSession, now time.Time) (Grant, error) {
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

// idleEnd returns when the session ends if it is used now and never again.
func (s *issuer) idleEnd(row *StoredSession, now time.Time) time.Time {
	return earlier(now.Add(s.idle), row.EndsAt)
}
