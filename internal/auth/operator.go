package auth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/problem"
)

// The methods in this file are for the operator at the command line. They need
// no credential, and no network reaches them.

// developerEvent returns an event of the developer or, without a caller, of the
// operator.
func developerEvent(ctx context.Context, action, developerID string, at time.Time) audit.Event {
	return operableEvent(ctx, action, developerSubject(developerID), at)
}

// operableEvent returns an event of the caller or, without a credential, of the operator.
func operableEvent(ctx context.Context, action, subject string, at time.Time) audit.Event {
	c := CallerFrom(ctx)
	e := c.Event(action, subject, at)
	if c.Principal == nil {
		e.Actor = operatorActor
	}
	return e
}

// Create adds a developer, and ends the setup.
func (s *Developers) Create(ctx context.Context, email, password string) (Developer, error) {
	var v problem.Check
	email = checkEmail(&v, "email", email)
	s.passwords.check(&v, "password", password, email)
	if err := v.Err(); err != nil {
		return Developer{}, err
	}
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return Developer{}, err
	}
	d := StoredDeveloper{Developer: Developer{ID: newID(), Email: email}, PasswordHash: hash}
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		// With the lock of it, whoever opens the setup at the same time sees this
		// developer, or is seen.
		if err := refuseMoreDevelopers(ctx, tx); err != nil {
			return err
		}
		if err := tx.DeleteSetupTokens(ctx); err != nil {
			return err
		}
		d.CreatedAt, d.UpdatedAt = tx.Now(), tx.Now()
		if err := tx.InsertDeveloper(ctx, d); err != nil {
			return developerError(err)
		}
		return tx.Record(ctx, developerEvent(ctx, audit.DeveloperCreate, d.ID, tx.Now()))
	})
	return d.Developer, err
}

// All lists every developer, oldest first.
func (s *Developers) All(ctx context.Context) ([]StoredDeveloper, error) {
	return s.store.Developers(ctx)
}

// SetPassword replaces a developer's password. It ends the developer's sessions
// and the user tokens that it minted.
func (s *Developers) SetPassword(ctx context.Context, email, password string) error {
	d, err := s.byEmail(ctx, email)
	if err != nil {
		return err
	}
	var v problem.Check
	s.passwords.check(&v, "password", password, d.Email)
	if err := v.Err(); err != nil {
		return err
	}
	return s.setPassword(ctx, call{}, d, password, "") // an operator sends no Idempotency-Key
}

// Disable refuses a developer's logins. It ends the developer's sessions, the user
// tokens that it minted and its invitations, as Delete does.
func (s *Developers) Disable(ctx context.Context, email string) error {
	return s.operate(ctx, audit.DeveloperEnd, email, func(ctx context.Context, tx Tx, d StoredDeveloper) ([]string, error) {
		d.Disabled, d.UpdatedAt = true, tx.Now()
		if err := tx.UpdateDeveloper(ctx, d); err != nil {
			return nil, err
		}
		return s.end(ctx, tx, d.ID)
	})
}

// Enable allows a disabled developer to log in again.
func (s *Developers) Enable(ctx context.Context, email string) error {
	return s.operate(ctx, audit.DeveloperEnable, email, func(ctx context.Context, tx Tx, d StoredDeveloper) ([]string, error) {
		d.Disabled, d.UpdatedAt = false, tx.Now()
		return nil, tx.UpdateDeveloper(ctx, d)
	})
}

// Delete removes a developer, and ends its sessions, the user tokens that it minted
// and its invitations. The keys, applications and users of the account stay.
func (s *Developers) Delete(ctx context.Context, email string) error {
	return s.operate(ctx, audit.DeveloperDelete, email, func(ctx context.Context, tx Tx, d StoredDeveloper) ([]string, error) {
		return s.delete(ctx, tx, d.ID)
	})
}

// delete removes a developer after its end, and returns the sessions that it ended.
func (s *Developers) delete(ctx context.Context, tx Tx, id string) ([]string, error) {
	ended, err := s.end(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	d, err := tx.Developer(ctx, id)
	if err == nil {
		err = leaveTrace(ctx, tx, s.vault, endedEmail, FoldEmail(d.Email))
	}
	if err != nil {
		return nil, err
	}
	return ended, tx.DeleteDeveloper(ctx, id)
}

// end ends what a developer began, and returns the sessions among it. LockInvitations
// was called before.
func (s *Developers) end(ctx context.Context, tx Tx, id string) ([]string, error) {
	if err := leaveInvitations(ctx, tx, s.vault, id); err != nil {
		return nil, err
	}
	own, minted, err := endDeveloper(ctx, tx, id, "")
	if err != nil {
		return nil, err
	}
	paired, err := endPaired(ctx, tx, developerPairings(id))
	return slices.Concat(own, minted, paired), err
}

func (s *Developers) byEmail(ctx context.Context, email string) (StoredDeveloper, error) {
	d, err := s.store.DeveloperByEmail(ctx, email)
	return d, developerError(err)
}

// operate changes one developer, and forgets what is cached of the sessions
// that the change ended.
func (s *Developers) operate(ctx context.Context, action, email string, f func(context.Context, Tx, StoredDeveloper) ([]string, error)) error {
	var ended []string
	err := s.store.WriteLong(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.LockInvitations(ctx); err != nil {
			return err
		}
		d, err := tx.DeveloperByEmail(ctx, email)
		if err != nil {
			return developerError(err)
		}
		if ended, err = f(ctx, tx, d); err != nil {
			return err
		}
		return tx.Record(ctx, developerEvent(ctx, action, d.ID, tx.Now()))
	})
	if errors.Is(err, problem.ErrNotFound) {
		return problem.NotFoundError("Developer")
	}
	s.credentials.forgetSessions(ctx, ended)
	return err
}

// RecordExport records that the operator exports what is stored of a user, who may have
// been deleted.
func (s *Users) RecordExport(ctx context.Context, userID string) error {
	id, err := problem.UUID("id", userID)
	if err != nil {
		return err
	}
	return s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		return tx.Record(ctx, operableEvent(ctx, audit.UserExport, userSubject(id), tx.Now()))
	})
}

// Erase is Users.Delete for the operator. A process that is no node leaves it to the nodes
// if there is an upstream.
func (s *Users) Erase(ctx context.Context, userID string) error {
	id, err := problem.UUID("id", userID)
	if err != nil {
		return err
	}
	if _, err = s.delete(ctx, id); errors.Is(err, errNotHere) {
		return nil
	}
	return err
}
