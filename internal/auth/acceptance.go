package auth

import (
	"context"
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Accept makes the person who is invited a developer, for whoever holds the token, which
// works once. One that the service cannot look at does not spend the limit of the
// address. Safe to retry with an Idempotency-Key.
func (s *Invitations) Accept(ctx context.Context, in AcceptInput) (Developer, error) {
	d, err := s.accept(ctx, in)
	if e, ok := errors.AsType[*problem.Error](err); ok && e.Kind == problem.Unavailable && ctx.Err() == nil {
		s.buckets.refund(ctx, CallerFrom(ctx))
	}
	return d, err
}

func (s *Invitations) accept(ctx context.Context, in AcceptInput) (Developer, error) {
	i, err := s.presented(ctx, &in)
	if err != nil {
		return Developer{}, err
	}
	k := call{"AcceptInvitation", invitationSubject(i.ID), [2]string{in.FirstName, in.LastName}, replayFor} // without the password
	var made joined
	answered, err := s.replays.answered(ctx, k)
	if err == nil && !answered {
		made, err = s.join(ctx, k, i, in)
		answered = CallerFrom(ctx).Replayed // another call with the key was faster, perhaps with another password
	}
	if err == nil && answered {
		made, err = s.repeat(ctx, k, i.ID, in)
	}
	if err != nil {
		return Developer{}, s.refused(ctx, audit.InvitationAccept, invitationSubject(i.ID), err)
	}
	return made.developer(i, in), nil
}

// joined is what an acceptance answers beside what was sent and the invitation says.
type joined struct {
	ID string
	At time.Time
}

func (j joined) developer(i StoredInvitation, in AcceptInput) Developer {
	return Developer{ID: j.ID, Email: i.Email, FirstName: &in.FirstName, LastName: &in.LastName, CreatedAt: j.At, UpdatedAt: j.At}
}

// presented checks the input, trims the names, and returns the invitation that has the
// token. The password is looked at only if there is one.
func (s *Invitations) presented(ctx context.Context, in *AcceptInput) (StoredInvitation, error) {
	var v problem.Check
	v.Text("token", in.Token, 1, maxInvitationToken)
	in.FirstName = v.Name("first_name", in.FirstName, 1, problem.MaxName)
	in.LastName = v.Name("last_name", in.LastName, 1, problem.MaxName)
	if in.Password == "" {
		v.Fail("password", "is required")
	}
	if err := v.Err(); err != nil {
		return StoredInvitation{}, err
	}
	i, err := s.byToken(ctx, in.Token)
	if err != nil {
		CallerFrom(ctx).Foreign = errors.Is(err, problem.ErrNotFound)
		return i, invitationError(err)
	}
	s.passwords.check(&v, "password", in.Password, i.Email)
	return i, v.Err()
}

// byToken returns the invitation that has the token, or that was imported with it and not
// sent again since.
func (s *Invitations) byToken(ctx context.Context, token string) (StoredInvitation, error) {
	i, err := s.store.InvitationByHash(ctx, s.vault.Hash(token))
	if !errors.Is(err, problem.ErrNotFound) {
		return i, err
	}
	i, err = s.store.ImportedInvitation(ctx, importedInvitationSecret(s.vault, credential.ImportDigest(token)))
	if err == nil && i.Generation > 1 {
		err = problem.ErrNotFound
	}
	return i, err
}

// join makes the developer. The password is hashed only for an invitation that can be
// accepted.
func (s *Invitations) join(ctx context.Context, k call, known StoredInvitation, in AcceptInput) (joined, error) {
	if err := known.refusal(s.now()); err != nil {
		return joined{}, err
	}
	hash, err := s.passwords.hash(ctx, in.Password)
	if err != nil {
		return joined{}, err
	}
	return once(ctx, s.replays, k, func(ctx context.Context, tx Tx) (joined, error) {
		if err := tx.LockInvitations(ctx); err != nil {
			return joined{}, err
		}
		i, err := tx.Invitation(ctx, known.ID)
		if err == nil && !i.TokenHash.Equal(known.TokenHash) { // it was sent again
			err = problem.ErrNotFound
		}
		if err != nil {
			return joined{}, invitationError(err)
		}
		if err := i.refusal(tx.Now()); err != nil {
			return joined{}, err
		}
		made := joined{newID(), tx.Now()}
		if err := addDeveloper(ctx, tx, StoredDeveloper{Developer: made.developer(i, in), PasswordHash: hash}); err != nil {
			return joined{}, err
		}
		i.Status, i.AcceptedByID = InvitationAccepted, &made.ID
		if err := tx.UpdateInvitation(ctx, i); err != nil {
			return joined{}, err
		}
		return made, recordJoin(ctx, tx, i.ID, made.ID)
	})
}

// addDeveloper inserts a developer whose email must be nobody's yet.
func addDeveloper(ctx context.Context, tx Tx, d StoredDeveloper) error {
	if err := refuseMoreDevelopers(ctx, tx); err != nil {
		return err
	}
	if err := refuseDeveloper(ctx, tx, d.Email); err != nil {
		return err
	}
	err := tx.InsertDeveloper(ctx, d)
	if errors.Is(err, problem.ErrTaken) { // by an UpdateMe at the same time
		return errDeveloperExists()
	}
	return err
}

// recordJoin records the acceptance and the developer that it made, who did both.
func recordJoin(ctx context.Context, tx Tx, invitationID, developerID string) error {
	who := developerSubject(developerID)
	accepted := CallerFrom(ctx).Event(audit.InvitationAccept, invitationSubject(invitationID), tx.Now())
	created := CallerFrom(ctx).Event(audit.DeveloperCreate, who, tx.Now())
	accepted.Actor, created.Actor = who, who
	return errors.Join(tx.Record(ctx, accepted), tx.Record(ctx, created))
}

// repeat answers an AcceptInvitation whose key has been used. It is the same call if its
// password is the one of the developer that it made.
func (s *Invitations) repeat(ctx context.Context, k call, id string, in AcceptInput) (made joined, err error) {
	g := guess{password: in.Password, known: true, bucket: invitationSubject(id), action: audit.InvitationAccept, refusal: errKeyReused}
	err = s.passwords.attempt(ctx, g, func(ctx context.Context) (StoredDeveloper, error) {
		i, err := s.store.Invitation(ctx, id)
		if err != nil || i.AcceptedByID == nil {
			return StoredDeveloper{}, invitationError(err)
		}
		d, err := s.store.Developer(ctx, *i.AcceptedByID)
		return d, developerError(err)
	}, func(ctx context.Context, _ StoredDeveloper) error {
		made, err = once(ctx, s.replays, k, func(context.Context, Tx) (joined, error) {
			return joined{}, errKeyReused() // the record ended meanwhile
		})
		return err
	})
	return made, err
}
