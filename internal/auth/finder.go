package auth

import (
	"context"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

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
