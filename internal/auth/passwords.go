package auth

import (
	"context"
	"errors"
	"strings"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// passwords hashes and verifies the passwords of developers. It is Unavailable
// if too many passwords are being hashed already, or if the caller goes away.
// Safe for concurrent use.
type passwords struct {
	hasher   *credential.Passwords
	policy   credential.PasswordPolicy
	buckets  *buckets
	attempts ratelimit.Policy
}

// check holds a new password against the policy.
func (s *passwords) check(v *problem.Check, field, password, email string) {
	local, _, _ := strings.Cut(email, "@")
	err := s.policy.Check(password, email, local)
	if refused, ok := errors.AsType[*credential.PolicyError](err); ok {
		v.Fail(field, refused.Message)
	}
}

// hash returns the PHC string of a password.
func (s *passwords) hash(ctx context.Context, password string) (string, error) {
	hash, err := s.hasher.Hash(ctx, password)
	return hash, hashingError(err)
}

// attempt verifies a password against the developer that find returns. It
// charges the bucket before it calls find, and gives the charge back unless the
// password is wrong: a passing fault is not a refusal. No answer describes the
// bucket, not even one that it refused.
func (s *passwords) attempt(
	ctx context.Context, bucket, password string, find func(context.Context) (StoredDeveloper, error),
) (d StoredDeveloper, ok bool, err error) {
	w, err := s.buckets.spend(ctx, s.attempts, bucket)
	if err != nil {
		return d, false, err
	}
	if err := s.buckets.refusal(w); err != nil {
		return d, false, err
	}
	if d, err = find(ctx); err == nil {
		ok, err = s.verify(ctx, d, password)
	}
	if ok || err != nil {
		s.buckets.giveBack(ctx, s.attempts, bucket)
	}
	return d, ok, err
}

// verify reports whether the password is right. It does the same work whether
// or not the account exists.
func (s *passwords) verify(ctx context.Context, d StoredDeveloper, password string) (bool, error) {
	if d.ID == "" || d.Disabled || password == "" {
		return false, hashingError(s.hasher.VerifyNone(ctx, password))
	}
	ok, err := s.hasher.Verify(ctx, d.PasswordHash, password)
	return ok, hashingError(err)
}

func hashingError(err error) error {
	if errors.Is(err, credential.ErrBusy) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return problem.UnavailableError(err)
	}
	return err
}
