package event

import (
	"context"
	"strconv"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// Reference names a workout of a user as its provider does.
type Reference struct{ Provider, ExternalID string }

// Deleted counts the workouts that a call names, each one once.
type Deleted struct{ Deleted, NotFound int }

// DeleteMany removes up to MaxBatch workouts of a user. One that there is not is
// counted, so that a retry changes nothing. If the error is Unavailable, some may be
// removed. It costs what Upsert does.
func (s *Workouts) DeleteMany(ctx context.Context, userID string, in []Reference) (Deleted, error) {
	id, err := auth.UserID(userID)
	if err != nil {
		return Deleted{}, err
	}
	if err := s.admit(ctx, auth.WorkoutsWrite, id); err != nil {
		return Deleted{}, err
	}
	if err := s.Limits.SpendMore(ctx, units(len(in))); err != nil {
		return Deleted{}, err
	}
	of, err := readReferences(in)
	if err != nil {
		return Deleted{}, err
	}
	n, err := s.Store.DeleteWorkouts(ctx, id, of, s.event(ctx, audit.WorkoutsDelete, id))
	if err != nil {
		return Deleted{}, userError(err)
	}
	return Deleted{n, len(of) - n}, nil
}

// readReferences returns the distinct references, in the form in which workouts are
// stored, or the refusal if one is invalid.
func readReferences(in []Reference) ([]Reference, error) {
	var v problem.Check
	if len(in) < 1 || len(in) > MaxBatch {
		v.Fail("workouts", "must hold 1 to "+strconv.Itoa(MaxBatch)+" workouts")
		return nil, v.Err()
	}
	of := make([]Reference, 0, len(in))
	seen := make(map[Reference]bool, len(in))
	for i, r := range in {
		field := "workouts[" + strconv.Itoa(i) + "]."
		r.Provider = v.Name(field+"provider", r.Provider, 1, problem.MaxText)
		v.Text(field+"external_id", r.ExternalID, 1, problem.MaxText)
		if !seen[r] {
			seen[r] = true
			of = append(of, r)
		}
	}
	return of, v.Err()
}
