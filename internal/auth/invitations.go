package auth

import (
	"context"
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Invitations manages the invitations to become a developer. Only developers may; whoever
// holds the token of one may accept it.
type Invitations struct {
	store     Store
	vault     *credential.Vault
	passwords *passwords
	buckets   *buckets
	replays   *replays
	trail     *trail
	now       func() time.Time
}

// Create invites a person. Safe to retry with an Idempotency-Key.
func (s *Invitations) Create(ctx context.Context, email string) (Invitation, error) {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return Invitation{}, err
	}
	var v problem.Check
	email = checkEmail(&v, "email", email)
	if err := v.Err(); err != nil {
		return Invitation{}, err
	}
	subject := ""
	made, err := once(ctx, s.replays, call{"CreateInvitation", p.Actor(), email, replayFor}, func(ctx context.Context, tx Tx) (Invitation, error) {
		if err := tx.LockInvitations(ctx); err != nil {
			return Invitation{}, err
		}
		if err := refuseDeveloper(ctx, tx, email); err != nil {
			return Invitation{}, err
		}
		if subject, err = s.supersede(ctx, tx, email); err != nil {
			return Invitation{}, err
		}
		if err := refuseMorePending(ctx, tx); err != nil {
			return Invitation{}, err
		}
		i := StoredInvitation{ID: newID(), Email: email, Status: InvitationPending, CreatedAt: tx.Now(), InvitedByID: &p.ID}
		i.renew(s.vault, tx.Now())
		if err := tx.InsertInvitation(ctx, i); err != nil {
			return Invitation{}, err
		}
		if err := tx.TrimInvitations(ctx, endedInvitationsKept); err != nil {
			return Invitation{}, err
		}
		return i.shown(s.vault, tx.Now()), recordInvitation(ctx, tx, audit.InvitationCreate, i.ID)
	})
	return made, s.refused(ctx, audit.InvitationCreate, subject, err)
}

// supersede revokes an expired invitation of the email. It refuses if the email has a
// pending one, whose subject it then returns.
func (s *Invitations) supersede(ctx context.Context, tx Tx, email string) (subject string, err error) {
	before, err := tx.OpenInvitation(ctx, email)
	switch {
	case errors.Is(err, problem.ErrNotFound):
		return "", nil
	case err != nil:
		return "", err
	case before.status(tx.Now()) == InvitationPending:
		return invitationSubject(before.ID), errInvitationPending()
	}
	return "", revokeInvitation(ctx, tx, before)
}

// List returns the invitations that are pending, and those that have expired lately,
// newest first.
func (s *Invitations) List(ctx context.Context) ([]Invitation, error) {
	if _, err := RequireDeveloper(ctx); err != nil {
		return nil, err
	}
	now := s.now()
	open, err := s.store.OpenInvitations(ctx, now.Add(-InvitationsKeptFor), MaxInvitationsListed)
	all := make([]Invitation, len(open))
	for i := range open {
		all[i] = open[i].shown(s.vault, now)
	}
	return all, err
}

// Revoke ends an invitation. Its token is refused once Revoke returns.
func (s *Invitations) Revoke(ctx context.Context, id string) (Invitation, error) {
	id, err := requireDeveloperFor(ctx, id)
	if err != nil {
		return Invitation{}, err
	}
	var revoked Invitation
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.LockInvitations(ctx); err != nil {
			return err
		}
		i, err := tx.Invitation(ctx, id)
		if err != nil {
			return invitationError(err)
		}
		if err := i.refusal(tx.Now()); err != nil {
			return err
		}
		i.Status = InvitationRevoked
		revoked = i.shown(s.vault, tx.Now())
		return revokeInvitation(ctx, tx, i)
	})
	return revoked, s.refused(ctx, audit.InvitationRevoke, invitationSubject(id), err)
}

// Resend gives an invitation that is pending or has expired a new token, and its whole
// time. The old token is unknown once Resend returns. Safe to retry with an
// Idempotency-Key.
func (s *Invitations) Resend(ctx context.Context, id string) (Invitation, error) {
	id, err := requireDeveloperFor(ctx, id)
	if err != nil {
		return Invitation{}, err
	}
	k := call{"ResendInvitation", CallerFrom(ctx).Principal.Actor(), id, replayFor}
	sent, err := once(ctx, s.replays, k, func(ctx context.Context, tx Tx) (Invitation, error) {
		if err := tx.LockInvitations(ctx); err != nil {
			return Invitation{}, err
		}
		i, err := tx.Invitation(ctx, id)
		if err != nil {
			return Invitation{}, invitationError(err)
		}
		if i.Status != InvitationPending {
			return Invitation{}, i.refusal(tx.Now())
		}
		if err := refuseDeveloper(ctx, tx, i.Email); err != nil {
			return Invitation{}, err
		}
		if i.status(tx.Now()) == InvitationExpired {
			if err := refuseMorePending(ctx, tx); err != nil {
				return Invitation{}, err
			}
		}
		i.renew(s.vault, tx.Now())
		if err := tx.UpdateInvitation(ctx, i); err != nil {
			return Invitation{}, err
		}
		return i.shown(s.vault, tx.Now()), recordInvitation(ctx, tx, audit.InvitationResend, i.ID)
	})
	return sent, s.refused(ctx, audit.InvitationResend, invitationSubject(id), err)
}

// refused records an error that refuses an action for the state of things.
func (s *Invitations) refused(ctx context.Context, action, subject string, err error) error {
	e, ok := errors.AsType[*problem.Error](err)
	if !ok || e.Kind != problem.BadRequest && e.Kind != problem.Forbidden {
		return err
	}
	return s.trail.refuse(ctx, action, subject, e)
}

func refuseDeveloper(ctx context.Context, tx Tx, email string) error {
	_, err := tx.DeveloperByEmail(ctx, email)
	switch {
	case err == nil:
		return errDeveloperExists()
	case errors.Is(err, problem.ErrNotFound):
		return nil
	default:
		return err
	}
}

func refuseMorePending(ctx context.Context, tx Tx) error {
	n, err := tx.CountPendingInvitations(ctx, tx.Now())
	if err == nil && n >= MaxPendingInvitations {
		return errFull(MaxPendingInvitations, "pending invitations")
	}
	return err
}

func revokeInvitation(ctx context.Context, tx Tx, i StoredInvitation) error {
	i.Status = InvitationRevoked
	if err := tx.UpdateInvitation(ctx, i); err != nil {
		return err
	}
	return recordInvitation(ctx, tx, audit.InvitationRevoke, i.ID)
}

// leaveInvitations revokes the invitations of a developer who ends, and gives those of
// others new tokens, since the developer could read the old ones. LockInvitations was
// called before.
func leaveInvitations(ctx context.Context, tx Tx, vault *credential.Vault, developerID string) error {
	open, err := tx.OpenInvitations(ctx, tx.Now().Add(-InvitationsKeptFor), MaxInvitationsListed)
	if err != nil {
		return err
	}
	for _, i := range open {
		if i.InvitedByID != nil && *i.InvitedByID == developerID {
			err = revokeInvitation(ctx, tx, i)
		} else if i.status(tx.Now()) == InvitationPending {
			i.retoken(vault)
			err = errors.Join(tx.UpdateInvitation(ctx, i), recordInvitation(ctx, tx, audit.InvitationResend, i.ID))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// recordInvitation records what a developer, or else the operator, did to an invitation.
func recordInvitation(ctx context.Context, tx Tx, action, id string) error {
	return tx.Record(ctx, operableEvent(ctx, action, invitationSubject(id), tx.Now()))
}

func invitationError(err error) error {
	if errors.Is(err, problem.ErrNotFound) {
		return problem.NotFoundError("Invitation")
	}
	return err
}
