package auth

import (
	"context"
	"errors"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/problem"
)

// The methods in this file are those by which each developer manages all of them.

// List returns all developers, oldest first, up to MaxDevelopers.
func (s *Developers) List(ctx context.Context) ([]Developer, error) {
	if _, err := RequireDeveloper(ctx); err != nil {
		return nil, err
	}
	stored, err := s.store.Developers(ctx)
	stored = stored[:min(len(stored), MaxDevelopers)]
	all := make([]Developer, len(stored))
	for i := range stored {
		all[i] = stored[i].Developer
	}
	return all, err
}

// Get returns one developer.
func (s *Developers) Get(ctx context.Context, id string) (Developer, error) {
	id, err := requireDeveloperFor(ctx, id)
	if err != nil {
		return Developer{}, err
	}
	d, err := s.store.Developer(ctx, id)
	return d.Developer, developerError(err)
}

// Update changes the names of a developer. The present email is no change, in whatever
// case; another one is refused.
func (s *Developers) Update(ctx context.Context, id string, in DeveloperPatch) (Developer, error) {
	id, err := requireDeveloperFor(ctx, id)
	if err != nil {
		return Developer{}, err
	}
	var v problem.Check
	checkName(&v, "first_name", &in.FirstName)
	checkName(&v, "last_name", &in.LastName)
	refuseNull(&v, "email", in.Email)
	if err := v.Err(); err != nil {
		return Developer{}, err
	}
	email := in.Email.Value()
	in.Email = Change[string]{}
	var d StoredDeveloper
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		if d, err = tx.Developer(ctx, id); err != nil {
			return developerError(err)
		}
		if email != nil && FoldEmail(*email) != FoldEmail(d.Email) {
			return problem.InvalidError(problem.FieldError{Field: "email", Message: "is changed by its owner with UpdateMe, PATCH /api/v1/auth/me"})
		}
		in.apply(&d.Developer)
		d.UpdatedAt = tx.Now()
		if err := tx.UpdateDeveloper(ctx, d); err != nil {
			return developerError(err)
		}
		return tx.Record(ctx, developerEvent(ctx, audit.DeveloperUpdate, id, tx.Now()))
	})
	return d.Developer, err
}

// Remove is Delete for a developer. It refuses to remove the last one who can log in.
func (s *Developers) Remove(ctx context.Context, id string) (Developer, error) {
	id, err := requireDeveloperFor(ctx, id)
	if err != nil {
		return Developer{}, err
	}
	var d StoredDeveloper
	var ended []string
	err = s.store.WriteLong(ctx, func(ctx context.Context, tx Tx) (err error) {
		if err := tx.LockInvitations(ctx); err != nil {
			return err
		}
		enabled, err := tx.CountEnabledDevelopers(ctx)
		if err != nil {
			return err
		}
		if d, err = tx.Developer(ctx, id); err != nil {
			return developerError(err)
		}
		if enabled == 1 && !d.Disabled {
			return errLastDeveloper()
		}
		if ended, err = s.delete(ctx, tx, id); err != nil {
			return err
		}
		return tx.Record(ctx, developerEvent(ctx, audit.DeveloperDelete, id, tx.Now()))
	})
	if e, ok := errors.AsType[*problem.Error](err); ok && e.Kind == problem.Conflict {
		return Developer{}, s.trail.refuse(ctx, audit.DeveloperDelete, developerSubject(id), e)
	}
	if undecided(err) {
		s.credentials.forgetSessions(ctx, ended)
	}
	return d.Developer, err
}

// requireDeveloperFor admits developers, and returns the canonical form of the id of what
// they act on. Anything but a UUID is a 422, for every caller.
func requireDeveloperFor(ctx context.Context, id string) (string, error) {
	id, err := problem.UUID("id", id)
	if err != nil {
		return "", err
	}
	_, err = RequireDeveloper(ctx)
	return id, err
}

func refuseMoreDevelopers(ctx context.Context, tx Tx) error {
	all, err := tx.CountDevelopers(ctx)
	if err == nil && all >= MaxDevelopers {
		return errFull(MaxDevelopers, "developers")
	}
	return err
}

func errLastDeveloper() *problem.Error {
	return &problem.Error{
		Kind: problem.Conflict, Reason: "last_developer",
		Detail: "Nobody else could log in: invite another developer before you delete this one",
	}
}
