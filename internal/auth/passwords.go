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
	trail    *trail
}

// guess is a password that a caller presents for an account.
type guess struct {
	password string
	known    bool                  // whether the account knows the caller
	bucket   string                // counts wrong guesses
	action   string                // what the audit trail calls it
	refusal  func() *problem.Error // of a wrong guess
}

// check holds a new password against the policy.
func (s *passwords) check(v *problem.Check, field, password, email string) {
	local, _, _ := strings.Cut(email, "@")
	err := s.policy.Check(password, email, local)
	if refused, ok := errors.AsType[*credential.PolicyError](err); ok {
		v.Fail(field, refused.Message)
	}
}

// hash returns the PHC string of a password, for a developer who has proved to be
// one, or the operator.
func (s *passwords) hash(ctx context.Context, password string) (string, error) {
	hash, err := s.hasher.Hash(ctx, CallerFrom(ctx).guest(true), password)
	return hash, hashingError(err)
}

// attempt verifies a guess against the developer that find returns. If it is
// right, attempt runs effect and returns its error; if it is wrong, attempt
// records and returns the refusal. No answer describes the bucket, not even one
// that it refused.
//
// The bucket is charged before find is called. The charge is given back if
// nothing was compared, since a passing fault is not a refusal, and if the guess
// was right and the caller is still there. What follows the comparison does not
// end with the caller. So whoever hangs up leaves a row and a charge like everyone
// else, and learns neither from these nor from a late answer whether the guess was
// right.
func (s *passwords) attempt(
	ctx context.Context, g guess, find func(context.Context) (StoredDeveloper, error),
	effect func(context.Context, StoredDeveloper) error,
) error {
	w, err := s.buckets.spend(ctx, s.attempts, g.bucket)
	if err != nil {
		return err
	}
	if err := s.buckets.refusal(w); err != nil {
		return err
	}
	d, err := find(ctx)
	ok := false
	if err == nil {
		ok, err = s.verify(ctx, d, g)
	}
	settling, end := settle(ctx)
	defer end()
	if err != nil {
		s.buckets.giveBack(settling, s.attempts, g.bucket)
		return err
	}
	gone, refusal := problem.ContextError(ctx.Err()), g.refusal()
	if ok && gone == nil {
		if err = effect(settling, d); ctx.Err() == nil {
			s.buckets.giveBack(settling, s.attempts, g.bucket)
		}
		return err
	}
	if ok {
		refusal = gone
	}
	if err = s.trail.refuse(settling, g.action, d.subject(), refusal); err == refusal && gone != nil {
		return gone
	}
	return err
}

// verify reports whether the password is right. It does the same work whether
// or not the account exists.
func (s *passwords) verify(ctx context.Context, d StoredDeveloper, g guess) (bool, error) {
	as := CallerFrom(ctx).guest(g.known)
	var ok bool
	var err error
	exists := d.ID != "" && !d.Disabled && g.password != ""
	if exists {
		ok, err = s.hasher.Verify(ctx, as, d.PasswordHash, g.password)
	} else {
		err = s.hasher.VerifyNone(ctx, as, g.password)
	}
	if !ok && err == nil {
		err = s.evenOut(ctx, as, exists && credential.IsBcrypt(d.PasswordHash), g.password)
	}
	return ok, hashingError(err)
}

// evenOut does the rest of the work for a refused guess, as long as a developer has a
// password by bcrypt: so the time of the refusal does not tell whose is.
func (s *passwords) evenOut(ctx context.Context, as credential.Guest, bcrypt bool, password string) error {
	if bcrypt {
		return s.hasher.VerifyNone(ctx, as, password)
	}
	like, err := s.trail.store.BcryptPassword(ctx)
	if errors.Is(err, problem.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return s.hasher.VerifyNoBcrypt(ctx, as, like, password)
}

// rehash returns our hash of a password that was right for the developer, if the stored
// one is of bcrypt; "" if it is ours, or if there is no time for it: the next login then
// does. One that bcrypt cuts is not hashed anew, since it may be mistyped past the cut.
func (s *passwords) rehash(ctx context.Context, d *StoredDeveloper, password string) string {
	if !credential.IsBcrypt(d.PasswordHash) || credential.IsCutByBcrypt(password) {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime/2)
	defer cancel()
	hash, err := s.hash(ctx, password)
	if err != nil {
		return ""
	}
	return hash
}

func hashingError(err error) error {
	if errors.Is(err, credential.ErrBusy) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return problem.UnavailableError(err)
	}
	return err
}
