package event

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// Store keeps workouts. The rules of auth.Store hold for it.
type Store interface {
	// Workouts returns up to q.Limit workouts, in the order q asks for.
	Workouts(ctx context.Context, q Query) ([]Workout, error)
	// UpsertWorkouts writes workouts and replaces those of the same provider and
	// external id as a whole. It sets each ID to the stored one, reports in order
	// which were new, and sets the last_synced_at and last_synced_provider of the
	// user. problem.ErrNotFound means that there is no such user.
	//
	// It may write many workouts in several transactions, so that others write in
	// between. If one fails, or the process ends, the workouts of those before it
	// stay, and the same call completes them.
	//
	// Nothing is written past the quota, whose refusal is then the error: the first
	// transaction decides for all. What the user keeps is exact, however many write
	// at once.
	//
	// It records the event in the first transaction, as DeleteWorkout does in its one.
	UpsertWorkouts(ctx context.Context, userID string, ws []Workout, quota Quota, e audit.Event) (created []bool, err error)
	DeleteWorkout(ctx context.Context, userID, id string, e audit.Event) error
	// DeleteWorkouts deletes those of the workouts that there are, and returns how many.
	// They differ. It may delete many in several transactions, as UpsertWorkouts writes,
	// and records the event in the first.
	DeleteWorkouts(ctx context.Context, userID string, of []Reference, e audit.Event) (deleted int, err error)
	// UserExists returns nil or problem.ErrNotFound.
	UserExists(ctx context.Context, userID string) error
}

// Ledger records reads of health data. It does not block.
type Ledger interface {
	Read(a audit.Access)
}

// Cursors seals places in a list and binds them to the list.
type Cursors interface {
	SealCursor(filters []byte, at any) (string, error)
	OpenCursor(filters []byte, cursor string, at any) bool
}

// Limits charges the caller's limit for a request that counts as several, of
// which one was charged before. It returns the refusal if so many are not left.
type Limits interface {
	SpendMore(ctx context.Context, units int) error
}

// Workouts reads and writes the workouts of users. Safe for concurrent use.
type Workouts struct {
	Store   Store
	Ledger  Ledger
	Cursors Cursors
	Now     func() time.Time
	Quota   Quota // of each user
	Limits  Limits
	Aside   bool // the product behind this server keeps the workouts: nothing is read or written here
	// Fresh returns a context whose calls of the store have the time of a new request.
	Fresh func(context.Context) context.Context
}

// errAside refuses a call since the workouts are upstream.
func errAside() *problem.Error {
	return &problem.Error{
		Kind: problem.Conflict, Reason: "workouts_upstream",
		Detail: "The product behind this server keeps the workouts of this installation: send them to POST /api/v1/sdk/users/{id}/sync, " +
			"and read or delete them below /api/v1/users/{id}/events/workouts",
	}
}

// admit admits whom auth.RequireOwner does, unless the workouts are upstream.
func (s *Workouts) admit(ctx context.Context, scope auth.Scope, userID string) error {
	if _, err := auth.RequireOwner(ctx, scope, userID); err != nil {
		return err
	}
	if s.Aside {
		return errAside()
	}
	return nil
}

// Result is the outcome of one workout that was written.
type Result struct {
	ID         string
	ExternalID string
	Status     string // "created" or "updated"
}

// Rejected is a workout that was not written, by its place in the input, and what
// is wrong with it first.
type Rejected struct {
	Index   int
	Field   string // such as "workouts[3].end_time"
	Message string
}

// Upserted is the result of Upsert. Items and Rejected are in the order of the
// input.
type Upserted struct {
	Created  int
	Updated  int
	Items    []Result // one for each that was written
	Rejected []Rejected
}

// Upsert writes up to MaxBatch workouts of a user. Invalid ones are rejected alone,
// unless all are or allOrNone is set: then nothing is written, and the error names all
// that is wrong. If it is Unavailable, the first workouts may be written.
//
// One with the same source.provider and external_id as a stored one replaces it
// as a whole, so that a retry changes nothing. If one call holds two, the later
// wins. It counts as one request for every hundred workouts that it begins.
func (s *Workouts) Upsert(ctx context.Context, userID string, in []Input, allOrNone bool) (Upserted, error) {
	id, err := auth.UserID(userID)
	if err != nil {
		return Upserted{}, err
	}
	if err := s.admit(ctx, auth.WorkoutsWrite, id); err != nil {
		return Upserted{}, err
	}
	if err := s.Limits.SpendMore(ctx, units(len(in))); err != nil {
		return Upserted{}, err
	}
	ws, rejected, err := read(in, allOrNone)
	if err != nil {
		return Upserted{}, err
	}
	created, err := s.Store.UpsertWorkouts(ctx, id, ws, s.Quota, s.event(ctx, audit.WorkoutsWrite, id))
	if err != nil {
		return Upserted{}, userError(err)
	}
	out := Upserted{Items: make([]Result, len(ws)), Rejected: rejected}
	for i, w := range ws {
		out.Items[i] = Result{w.ID, w.ExternalID, "updated"}
		if created[i] {
			out.Items[i].Status = "created"
			out.Created++
		} else {
			out.Updated++
		}
	}
	return out, nil
}

// units returns how many requests a call with so many workouts counts as.
func units(workouts int) int { return (min(workouts, MaxBatch) + unit - 1) / unit }

// read returns the workouts that are valid, and which are not. At least one is
// valid, and with allOrNone all are, or else it returns the refusal.
func read(in []Input, allOrNone bool) (ws []Workout, rejected []Rejected, err error) {
	var v problem.Check
	if len(in) < 1 || len(in) > MaxBatch {
		v.Fail("workouts", "must hold 1 to "+strconv.Itoa(MaxBatch)+" workouts")
		return nil, nil, v.Err()
	}
	ws = make([]Workout, 0, len(in))
	for i := range in {
		before := len(v.Fields())
		w := in[i].read(&v, "workouts["+strconv.Itoa(i)+"]")
		if faults := v.Fields()[before:]; len(faults) > 0 {
			rejected = append(rejected, Rejected{i, faults[0].Field, faults[0].Message})
		} else {
			ws = append(ws, w)
		}
	}
	if len(ws) == 0 || allOrNone && len(rejected) > 0 {
		return nil, nil, v.Err()
	}
	return ws, rejected, nil
}

// Delete removes one workout of a user.
func (s *Workouts) Delete(ctx context.Context, userID, workoutID string) error {
	id, err := auth.UserID(userID)
	if err != nil {
		return err
	}
	workout, err := problem.UUID("workout_id", workoutID)
	if err != nil {
		return err
	}
	if err := s.admit(ctx, auth.WorkoutsWrite, id); err != nil {
		return err
	}
	if err := s.Store.UserExists(ctx, id); err != nil {
		return userError(err)
	}
	err = s.Store.DeleteWorkout(ctx, id, workout, s.event(ctx, audit.WorkoutDelete, id))
	if errors.Is(err, problem.ErrNotFound) {
		return problem.NotFoundError("Workout")
	}
	return err
}

// event returns the audit event of an action on a user's workouts.
func (s *Workouts) event(ctx context.Context, action, userID string) audit.Event {
	return auth.CallerFrom(ctx).Event(action, "user:"+userID, s.Now().UTC().Truncate(time.Microsecond))
}

func userError(err error) error {
	if errors.Is(err, problem.ErrNotFound) {
		return problem.NotFoundError("User")
	}
	return err
}
