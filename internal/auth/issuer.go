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
	s.begin(&row, c, now)
	if err := tx.InsertSession(ctx, row); err != nil {
		return Grant{}, err
	}
	return s.grant(&row, now)
}

// begin makes the row that of a new session, for the caller.
func (s *issuer) begin(row *StoredSession, c *Caller, now time.Time) {
	row.ID, row.Seed, row.Generation = formatID(newSessionID()), credential.NewSeed(), 1
	row.from(c)
	s.beginAt(row, now)
}

// beginAt sets the times of a session that begins at the instant.
func (s *issuer) beginAt(row *StoredSession, now time.Time) {
	row.CreatedAt, row.RotatedAt, row.LastUsedAt = now, now, now
	row.EndsAt = now.Add(s.absolute)
	row.ExpiresAt = s.idleEnd(row, now)
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
