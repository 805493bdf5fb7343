package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/event"
)

// ListWorkouts implements openwearablesv1connect.WorkoutServiceHandler.
func (s *Server) ListWorkouts(ctx context.Context, r *owv1.ListWorkoutsRequest) (*owv1.ListWorkoutsResponse, error) {
	page, err := s.Workouts.List(ctx, r.GetUserId(), event.ListInput{
		StartDate: r.GetStartDate(), EndDate: r.GetEndDate(), RecordType: r.RecordType,
		Cursor: r.Cursor, Limit: optionalInt(r.Limit),
	})
	if err != nil {
		return nil, err
	}
	out := &owv1.ListWorkoutsResponse{
		Pagination: &owv1.Pagination{NextCursor: page.NextCursor, PreviousCursor: page.PreviousCursor, HasMore: page.HasMore},
		Metadata: &owv1.WorkoutsMetadata{
			StartTime: stamp(page.Start), EndTime: stamp(page.End), SampleCount: int32(len(page.Data)),
		},
	}
	for _, w := range page.Data {
		out.Data = append(out.Data, workoutOf(w))
	}
	return out, nil
}

// UpsertWorkouts implements openwearablesv1connect.WorkoutServiceHandler.
func (s *Server) UpsertWorkouts(ctx context.Context, r *owv1.UpsertWorkoutsRequest) (*owv1.UpsertWorkoutsResponse, error) {
	in := make([]event.Input, len(r.GetWorkouts()))
	for i, w := range r.GetWorkouts() {
		in[i] = workoutInput(w)
	}
	done, err := s.Workouts.Upsert(ctx, r.GetUserId(), in, r.GetAllOrNone())
	if err != nil {
		return nil, err
	}
	out := &owv1.UpsertWorkoutsResponse{Created: int32(done.Created), Updated: int32(done.Updated)}
	for _, item := range done.Items {
		out.Items = append(out.Items, &owv1.UpsertedWorkout{Id: item.ID, ExternalId: item.ExternalID, Status: item.Status})
	}
	for _, item := range done.Rejected {
		out.Rejected = append(out.Rejected, &owv1.RejectedWorkout{Index: int32(item.Index), Field: item.Field, Message: item.Message})
	}
	return out, nil
}

// DeleteWorkout implements openwearablesv1connect.WorkoutServiceHandler.
func (s *Server) DeleteWorkout(ctx context.Context, r *owv1.DeleteWorkoutRequest) (*owv1.DeleteWorkoutResponse, error) {
	if err := s.Workouts.Delete(ctx, r.GetUserId(), r.GetWorkoutId()); err != nil {
		return nil, err
	}
	return &owv1.DeleteWorkoutResponse{}, nil
}

// DeleteWorkouts implements openwearablesv1connect.WorkoutServiceHandler.
func (s *Server) DeleteWorkouts(ctx context.Context, r *owv1.DeleteWorkoutsRequest) (*owv1.DeleteWorkoutsResponse, error) {
	of := each(r.GetWorkouts(), func(w *owv1.WorkoutReference) event.Reference {
		return event.Reference{Provider: w.GetProvider(), ExternalID: w.GetExternalId()}
	})
	done, err := s.Workouts.DeleteMany(ctx, r.GetUserId(), of)
	if err != nil {
		return nil, err
	}
	return &owv1.DeleteWorkoutsResponse{Deleted: int32(done.Deleted), NotFound: int32(done.NotFound)}, nil
}
