package auth

import (
	"context"
	"errors"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Developers manages developers. Each one manages itself, and the operator all.
type Developers struct {
	store       Store
	vault       *credential.Vault
	passwords   *passwords
	replays     *replays
	trail       *trail
	credentials *credentials
	mirrored    bool // there may be developers upstream
}

// Me returns the caller.
func (s *Developers) Me(ctx context.Context) (Developer, error) {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return Developer{}, err
	}
	d, err := s.store.Developer(ctx, p.ID)
	return d.Developer, developerError(err)
}

// UpdateMe changes the caller. Changing the email needs the password.
func (s *Developers) UpdateMe(ctx context.Context, in DeveloperPatch) (Developer, error) {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return Developer{}, err
	}
	var d StoredDeveloper
	if in.Email.Present() {
		if d, err = s.store.Developer(ctx, p.ID); err != nil {
			return Developer{}, developerError(err)
		}
	}
	if err := in.check(d.Email); err != nil {
		return Developer{}, err
	}
	update := func(ctx context.Context, _ StoredDeveloper) error {
		return s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
			if d, err = tx.Developer(ctx, p.ID); err != nil {
				return developerError(err)
			}
			before := FoldEmail(d.Email)
			in.apply(&d.Developer)
			d.UpdatedAt = tx.Now()
			if err := tx.UpdateDeveloper(ctx, d); err != nil {
				return developerError(err)
			}
			if s.mirrored && FoldEmail(d.Email) != before {
				if err := leaveTrace(ctx, tx, s.vault, endedEmail, before); err != nil {
					return err
				}
			}
			return tx.Record(ctx, CallerFrom(ctx).Event(audit.DeveloperUpdate, developerSubject(p.ID), tx.Now()))
		})
	}
	if in.Email.Present() {
		err = s.confirmed(ctx, p, *in.CurrentPassword, audit.DeveloperUpdate, update)
	} else {
		err = update(ctx, StoredDeveloper{})
	}
	return d.Developer, err
}

// confirmed runs effect if the password is that of a developer who is logged in.
// A wrong one is a 400. Attempts are limited and recorded as logins are, in a
// bucket of their own that cannot block a login.
func (s *Developers) confirmed(
	ctx context.Context, p *Principal, password, action string, effect func(context.Context, StoredDeveloper) error,
) error {
	return s.guessed(ctx, p, guess{password: password, action: action, refusal: errIncorrectPassword}, effect)
}

// guessed is confirmed with a refusal of the guess's own.
func (s *Developers) guessed(
	ctx context.Context, p *Principal, g guess, effect func(context.Context, StoredDeveloper) error,
) error {
	g.known, g.bucket = true, "current:"+p.ID
	return s.passwords.attempt(ctx, g, func(ctx context.Context) (StoredDeveloper, error) {
		d, err := s.store.Developer(ctx, p.ID)
		return d, developerError(err)
	}, effect)
}

// PasswordChanged is the message of a ChangePassword that took effect.
const PasswordChanged = "Password changed; every other session has been ended"

// ChangePassword sets a new password. It ends the caller's other sessions and
// the user tokens that the caller minted, except those of this session. Safe to
// retry with an Idempotency-Key.
func (s *Developers) ChangePassword(ctx context.Context, current, next, confirm string) error {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return err
	}
	var v problem.Check
	if current == "" {
		v.Fail("current_password", "is required")
	}
	if next != confirm {
		v.Fail("confirm_password", "must equal new_password")
	}
	me, err := s.store.Developer(ctx, p.ID)
	if err != nil {
		return developerError(err)
	}
	s.passwords.check(&v, "new_password", next, me.Email)
	if err := v.Err(); err != nil {
		return err
	}
	k := call{"ChangePassword", p.Actor(), nil, replayFor} // without its request, which is all secrets
	switch answered, err := s.replays.answered(ctx, k); {
	case err != nil:
		return err
	case answered:
		return s.repeatChange(ctx, p, next)
	}
	err = s.confirmed(ctx, p, current, audit.PasswordChange, func(ctx context.Context, verified StoredDeveloper) error {
		return s.setPassword(ctx, k, verified, next, p.SessionID)
	})
	if err == nil && CallerFrom(ctx).Replayed { // another call with the key was faster, perhaps with another password
		return s.repeatChange(ctx, p, next)
	}
	return err
}

// repeatChange answers a ChangePassword whose key has been used. It is the same call
// if its new password is the account's: the current one no longer is.
func (s *Developers) repeatChange(ctx context.Context, p *Principal, next string) error {
	g := guess{password: next, action: audit.PasswordChange, refusal: errKeyReused}
	return s.guessed(ctx, p, g, func(ctx context.Context, _ StoredDeveloper) error {
		CallerFrom(ctx).Replayed = true
		return nil
	})
}

// setPassword stores a password. It ends the developer's sessions and the user
// tokens that they minted, except one session and its own. It is Unavailable if
// the password changed since verified was read.
func (s *Developers) setPassword(ctx context.Context, k call, verified StoredDeveloper, password, except string) error {
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	var own, minted []string
	_, err = onceIn(ctx, s.replays, s.store.WriteLong, k, func(ctx context.Context, tx Tx) (none struct{}, err error) {
		d, err := tx.Developer(ctx, verified.ID)
		if err != nil {
			return none, developerError(err)
		}
		if d.PasswordHash != verified.PasswordHash {
			return none, problem.UnavailableError(errors.New("auth: the password was changed meanwhile"))
		}
		d.PasswordHash, d.UpdatedAt = hash, tx.Now()
		if err := tx.UpdateDeveloper(ctx, d); err != nil {
			return none, err
		}
		if own, minted, err = endDeveloper(ctx, tx, d.ID, except); err != nil {
			return none, err
		}
		return none, tx.Record(ctx, developerEvent(ctx, audit.PasswordChange, d.ID, tx.Now()))
	})
	if undecided(err) {
		s.credentials.forgetSessions(ctx, append(own, minted...))
	}
	return err
}
