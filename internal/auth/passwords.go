package auth

import (
	"context"
	"errors"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// provePassword spends the same work whether or not the account exists. A
// full lane is a 503.
func (s *core) provePassword(ctx context.Context, d StoredDeveloper, password string) (bool, error) {
	if d.ID == "" || d.Disabled || password == "" {
		return false, laneError(s.passwords.VerifyNone(ctx, password))
	}
	ok, err := s.passwords.Verify(ctx, d.PasswordHash, password)
	return ok, laneError(err)
}

func laneError(err error) error {
	if errors.Is(err, credential.ErrBusy) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return problem.UnavailableError(err)
	}
	return err
}
