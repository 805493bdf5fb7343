package openwearables

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Workouts calls the API about the users' workouts.
type Workouts struct {
	link *link
	stub stub[owv1connect.WorkoutServiceClient]
}

func (s *Workouts) rpc() owv1connect.WorkoutServiceClient {
	return s.stub.on(s.link, owv1connect.NewWorkoutServiceClient)
}

// Page returns one page.
func (s *Workouts) Page(ctx context.Context, req *owv1.ListWorkoutsRequest) (*owv1.ListWorkoutsResponse, error) {
	res, err := s.rpc().ListWorkouts(ctx, req)
	return complete(res, res.GetPagination() != nil, err)
}

// List yields the workouts from the page of req on, newest first. It fetches pages as
// needed and ends after an error. It does not modify req.
func (s *Workouts) List(ctx context.Context, req *owv1.ListWorkoutsRequest) iter.Seq2[*owv1.Workout, error] {
	if req == nil {
		req = &owv1.ListWorkoutsRequest{}
	}
	return pages(req.Cursor, func(cursor *string) ([]*owv1.Workout, *string, error) {
		next := proto.CloneOf(req)
		next.Cursor = cursor
		res, err := s.Page(ctx, next)
		if err != nil {
			return nil, nil, err
		}
		return res.GetData(), res.GetPagination().NextCursor, nil
	})
}

// Upsert stores workouts. Those that are wrong are left out: look at Rejected of the
// response, which names each by its index and says what is wrong with it. If all are
// wrong, Upsert fails.
func (s *Workouts) Upsert(ctx context.Context, userID string, workouts ...*owv1.WorkoutInput) (*owv1.UpsertWorkoutsResponse, error) {
	return s.upsert(ctx, &owv1.UpsertWorkoutsRequest{UserId: userID, Workouts: workouts})
}

// UpsertAllOrNone stores workouts, all of them or none.
func (s *Workouts) UpsertAllOrNone(ctx context.Context, userID string, workouts ...*owv1.WorkoutInput) (*owv1.UpsertWorkoutsResponse, error) {
	return s.upsert(ctx, &owv1.UpsertWorkoutsRequest{UserId: userID, Workouts: workouts, AllOrNone: true})
}

func (s *Workouts) upsert(ctx context.Context, req *owv1.UpsertWorkoutsRequest) (*owv1.UpsertWorkoutsResponse, error) {
	res, err := s.rpc().UpsertWorkouts(ctx, req)
	return complete(res, len(res.GetItems())+len(res.GetRejected()) == len(req.GetWorkouts()), err)
}

// Delete deletes one workout.
func (s *Workouts) Delete(ctx context.Context, userID, workoutID string) error {
	_, err := s.rpc().DeleteWorkout(ctx, &owv1.DeleteWorkoutRequest{UserId: userID, WorkoutId: workoutID})
	return err
}

// DeleteMany deletes up to 1000 workouts by provider and external id. One that is not
// stored is counted and no error, so the call can be repeated.
func (s *Workouts) DeleteMany(ctx context.Context, userID string, workouts ...*owv1.WorkoutReference) (*owv1.DeleteWorkoutsResponse, error) {
	res, err := s.rpc().DeleteWorkouts(ctx, &owv1.DeleteWorkoutsRequest{UserId: userID, Workouts: workouts})
	return complete(res, res.GetDeleted()+res.GetNotFound() > 0, err)
}
