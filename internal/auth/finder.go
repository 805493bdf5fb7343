package auth

import (
	"context"
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// finder finds the session that a token belongs to. Its error for a token
// without one is problem.ErrNotFound. Safe for concurrent use.
type finder struct {
	store  Reader
	vault  *credential.Vault
	signer *signer
	now    func() time.Time
}

// byToken returns the id of the session of a refresh or access token, and who holds
// it.
func (s *finder) byToken(ctx context.Context, token string) (string, Holder, error) {
	claims, _, err := s.signer.verify(ctx, token, s.now())
	if err == nil {
		h := Holder{Kind: DeveloperToken, ID: claims.Subject}
		if claims.Audience == userAudience {
			h = Holder{UserToken, claims.Subject, claims.AppID}
		}
		return claims.SessionID, h, nil
	}
	if !errors.Is(err, credential.ErrInvalidToken) && !errors.Is(err, credential.ErrTokenExpired) {
		return "", Holder{}, err
	}
	row, t, err := s.byRefreshToken(ctx, token)
	if err == nil && int64(t.Generation) > row.Generation {
		err = problem.ErrNotFound
	}
	return row.ID, row.holder(), err
}

// byRefreshToken returns the session whose seed made the token, whatever its
// generation.
func (s *finder) byRefreshToken(ctx context.Context, token string) (StoredSession, credential.RefreshToken, error) {
	if credential.IsImportedRefresh(token) {
		return s.byImportedToken(ctx, token)
	}
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

// byImportedToken returns the session that was imported with the refresh token, which
// stands for its first generation: it works once, and its successors are ours.
func (s *finder) byImportedToken(ctx context.Context, token string) (StoredSession, credential.RefreshToken, error) {
	t := credential.RefreshToken{Session: importedSessionID(s.vault, credential.ImportDigest(token)), Generation: 1}
	row, err := s.store.Session(ctx, formatID(t.Session))
	return row, t, err
}
