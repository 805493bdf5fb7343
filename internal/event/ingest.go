package event

import (
	"context"
	"errors"
	"strconv"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// Receive admits an upload of a phone for the user, whose canonical id it returns.
func (s *Workouts) Receive(ctx context.Context, userID string) (id string, err error) {
	if id, err = auth.UserID(userID); err != nil {
		return "", err
	}
	if _, err := auth.RequireOwner(ctx, auth.DataWrite, id); err != nil {
		return "", err
	}
	return id, s.Exists(ctx, id)
}

// Exists returns nil or the 404 of a user that there is not.
func (s *Workouts) Exists(ctx context.Context, userID string) error {
	return userError(s.Store.UserExists(ctx, userID))
}

// Ingest writes up to MaxBatch workouts of an upload that Receive has admitted, as Upsert
// does, and returns how many it wrote. Those that are invalid are left out. It charges no
// limit.
//
// A refusal that a phone would take for the end of its data is none: a quota that is
// reached is Unavailable, so that the phone keeps what it has.
func (s *Workouts) Ingest(ctx context.Context, userID string, in []Input) (written int, err error) {
	var v problem.Check
	ws := make([]Workout, 0, len(in))
	for i := range in {
		before := len(v.Fields())
		if w := in[i].read(&v, strconv.Itoa(i)); len(v.Fields()) == before {
			ws = append(ws, w)
		}
	}
	if len(ws) == 0 {
		return 0, nil
	}
	ctx = s.Fresh(ctx) // an upload has any number of batches
	_, err = s.Store.UpsertWorkouts(ctx, userID, ws, s.Quota, s.event(ctx, audit.WorkoutsWrite, userID))
	if e, ok := errors.AsType[*problem.Error](err); ok && e.Kind == problem.Forbidden {
		return 0, &problem.Error{Kind: problem.Unavailable, Reason: e.Reason, Detail: e.Detail, RetryAfter: 3600}
	}
	if err != nil {
		return 0, userError(err)
	}
	return len(ws), nil
}
