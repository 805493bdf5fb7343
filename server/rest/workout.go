package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/event"
)

func workout(w event.Workout) openapi.Workout {
	return openapi.Workout{
		ID: w.ID, ExternalID: w.ExternalID, Type: w.Type, Name: w.Name, StartTime: w.StartTime, EndTime: w.EndTime,
		ZoneOffset: w.ZoneOffset, DurationSeconds: w.DurationSeconds, Source: openapi.WorkoutSource(w.Source),
		CaloriesKcal: w.CaloriesKcal, DistanceMeters: w.DistanceMeters,
		AvgHeartRateBPM: w.AvgHeartRateBPM, MaxHeartRateBPM: w.MaxHeartRateBPM,
		AvgPaceSecPerKm: w.AvgPaceSecPerKm, ElevationGainMeters: w.ElevationGainMeters,
	}
}

func workoutInput(w openapi.WorkoutInput) event.Input {
	if w.Fault != nil {
		f := memberFault(w.Fault)
		return event.Input{Fault: &f}
	}
	return event.Input{
		ExternalID: w.ExternalID, Type: w.Type, Name: w.Name, StartTime: w.StartTime, EndTime: w.EndTime,
		ZoneOffset: w.ZoneOffset, DurationSeconds: w.DurationSeconds,
		Source: event.Source{
			Provider: w.Source.Provider, Source: w.Source.Source, Device: w.Source.Device,
			DeviceType: w.Source.DeviceType, DeviceName: w.Source.DeviceName,
		},
		Measures: event.Measures{
			CaloriesKcal: w.CaloriesKcal, DistanceMeters: w.DistanceMeters,
			AvgHeartRateBPM: w.AvgHeartRateBPM, MaxHeartRateBPM: w.MaxHeartRateBPM,
			AvgPaceSecPerKm: w.AvgPaceSecPerKm, ElevationGainMeters: w.ElevationGainMeters,
		},
	}
}

// ListWorkouts implements openapi.StrictServerInterface.
func (s *Server) ListWorkouts(ctx context.Context, r openapi.ListWorkoutsRequestObject) (openapi.ListWorkoutsResponseObject, error) {
	p := r.Params
	page, err := s.Workouts.List(ctx, r.UserID, event.ListInput{
		StartDate: p.StartDate, EndDate: p.EndDate, RecordType: p.RecordType, Cursor: p.Cursor, Limit: p.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := openapi.ListWorkouts200JSONResponse{
		Data:       make([]openapi.Workout, len(page.Data)),
		Pagination: openapi.Pagination{NextCursor: page.NextCursor, PreviousCursor: page.PreviousCursor, HasMore: page.HasMore},
		Metadata:   openapi.WorkoutsMetadata{StartTime: page.Start, EndTime: page.End, SampleCount: len(page.Data)},
	}
	for i, w := range page.Data {
		out.Data[i] = workout(w)
	}
	return out, nil
}

// UpsertWorkouts implements openapi.StrictServerInterface.
func (s *Server) UpsertWorkouts(ctx context.Context, r openapi.UpsertWorkoutsRequestObject) (openapi.UpsertWorkoutsResponseObject, error) {
	in := make([]event.Input, len(r.Body.Workouts))
	for i, w := range r.Body.Workouts {
		in[i] = workoutInput(w)
	}
	done, err := s.Workouts.Upsert(ctx, r.UserID, in, valueOrZero(r.Body.AllOrNone))
	if err != nil {
		return nil, err
	}
	out := openapi.UpsertWorkouts200JSONResponse{
		Created: done.Created, Updated: done.Updated, Items: make([]openapi.UpsertedWorkout, len(done.Items)),
		Rejected: make([]openapi.RejectedWorkout, len(done.Rejected)),
	}
	for i, item := range done.Items {
		out.Items[i] = openapi.UpsertedWorkout(item)
	}
	for i, item := range done.Rejected {
		out.Rejected[i] = openapi.RejectedWorkout(item)
	}
	return out, nil
}

// DeleteWorkout implements openapi.StrictServerInterface.
func (s *Server) DeleteWorkout(ctx context.Context, r openapi.DeleteWorkoutRequestObject) (openapi.DeleteWorkoutResponseObject, error) {
	if err := s.Workouts.Delete(ctx, r.UserID, r.WorkoutID); err != nil {
		return nil, err
	}
	return openapi.DeleteWorkout204Response{}, nil
}

// DeleteWorkouts implements openapi.StrictServerInterface.
func (s *Server) DeleteWorkouts(ctx context.Context, r openapi.DeleteWorkoutsRequestObject) (openapi.DeleteWorkoutsResponseObject, error) {
	of := each(r.Body.Workouts, func(w openapi.WorkoutReference) event.Reference {
		return event.Reference{Provider: w.Provider, ExternalID: w.ExternalID}
	})
	done, err := s.Workouts.DeleteMany(ctx, r.UserID, of)
	if err != nil {
		return nil, err
	}
	return openapi.DeleteWorkouts200JSONResponse(done), nil
}
