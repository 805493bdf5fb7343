package openwearablestest

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

type workouts struct {
	owv1connect.UnimplementedWorkoutServiceHandler
	s *Server
}

func (h workouts) UpsertWorkouts(ctx context.Context, r *owv1.UpsertWorkoutsRequest) (*owv1.UpsertWorkoutsResponse, error) {
	id, err := uuid("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	if err := callOf(ctx).requireOwner("workouts:write", id); err != nil {
		return nil, err
	}
	read, rejected, err := readWorkouts(r)
	if err != nil {
		return nil, err
	}
	u, err := h.s.user(id)
	if err != nil {
		return nil, err
	}
	out := &owv1.UpsertWorkoutsResponse{Rejected: rejected}
	for _, w := range read {
		status := "created"
		if h.s.put(id, w) {
			status = "updated"
			out.Updated++
		} else {
			out.Created++
		}
		out.Items = append(out.Items, &owv1.UpsertedWorkout{Id: w.GetId(), ExternalId: w.GetExternalId(), Status: status})
	}
	u.LastSyncedAt, u.LastSyncedProvider = timestamppb.New(h.s.now()), new(read[len(read)-1].GetSource().GetProvider())
	return out, nil
}

// put stores a workout, gives it its id, and reports whether it replaces one.
func (s *Server) put(user string, w *owv1.Workout) bool {
	of := s.workouts[user]
	if of == nil {
		of = map[[2]string]*owv1.Workout{}
		s.workouts[user] = of
	}
	at := [2]string{w.GetSource().GetProvider(), w.GetExternalId()}
	old, replaces := of[at]
	if w.Id = newUUID(); replaces {
		w.Id = old.GetId()
	}
	of[at] = w
	return replaces
}

// readWorkouts returns the workouts that are right, and which are not.
func readWorkouts(r *owv1.UpsertWorkoutsRequest) (read []*owv1.Workout, rejected []*owv1.RejectedWorkout, err error) {
	var v check
	if n := len(r.GetWorkouts()); n > 1000 {
		return nil, nil, invalidField("workouts", "must hold at most 1000 items")
	} else if n == 0 {
		return nil, nil, invalidField("workouts", "must hold 1 to 1000 workouts")
	}
	for i, in := range r.GetWorkouts() {
		before := len(v.fields)
		w := v.workout("workouts["+strconv.Itoa(i)+"].", in)
		if faults := v.fields[before:]; len(faults) > 0 {
			rejected = append(rejected, &owv1.RejectedWorkout{Index: int32(i), Field: faults[0].GetField(), Message: faults[0].GetMessage()})
		} else {
			read = append(read, w)
		}
	}
	if len(read) == 0 || r.GetAllOrNone() && len(rejected) > 0 {
		return nil, nil, v.err()
	}
	return read, rejected, nil
}

var zoneOffset = regexp.MustCompile(`^(Z|[+-](0\d|1[0-4]):[0-5]\d)$`)

// workout checks a workout and returns it as it is stored.
func (v *check) workout(at string, in *owv1.WorkoutInput) *owv1.Workout {
	v.text(at+"external_id", in.GetExternalId(), 1, 255)
	w := &owv1.Workout{
		ExternalId: in.GetExternalId(), Type: v.name(at+"type", in.GetType(), 1, 255), Name: in.Name, ZoneOffset: in.ZoneOffset,
		CaloriesKcal: in.CaloriesKcal, DistanceMeters: in.DistanceMeters, AvgHeartRateBpm: tenths(in.AvgHeartRateBpm),
		MaxHeartRateBpm: tenths(in.MaxHeartRateBpm), AvgPaceSecPerKm: in.AvgPaceSecPerKm, ElevationGainMeters: in.ElevationGainMeters,
	}
	v.optional(at+"name", in.Name, 255)
	from := in.GetSource()
	if from == nil {
		from = &owv1.WorkoutSource{}
	}
	w.Source = &owv1.WorkoutSource{
		Provider: v.name(at+"source.provider", from.GetProvider(), 1, 255), Source: v.optionalName(at+"source.source", from.Source, 0, 255),
		Device: v.optionalName(at+"source.device", from.Device, 0, 255), DeviceType: v.optionalName(at+"source.device_type", from.DeviceType, 0, 255),
		DeviceName: from.DeviceName,
	}
	v.optional(at+"source.device_name", from.DeviceName, 255)
	if in.ZoneOffset != nil && !zoneOffset.MatchString(in.GetZoneOffset()) {
		v.fail(at+"zone_offset", `must be an offset such as "+02:00"`)
	}
	v.times(at, in, w)
	v.measures(at, in)
	return w
}

func tenths(x *float64) *float64 {
	if x == nil {
		return nil
	}
	return new(math.Round(*x*10) / 10)
}

const maxDuration = 31_536_000 // seconds

func (v *check) times(at string, in *owv1.WorkoutInput, w *owv1.Workout) {
	start, end := v.instant(at+"start_time", in.GetStartTime()), v.instant(at+"end_time", in.GetEndTime())
	switch {
	case start == nil || end == nil:
		return
	case end.Before(*start):
		v.fail(at+"end_time", "must not be before start_time")
		return
	}
	w.StartTime, w.EndTime = timestamppb.New(*start), timestamppb.New(*end)
	seconds := int64(end.Sub(*start) / time.Second)
	if in.DurationSeconds != nil {
		seconds = int64(in.GetDurationSeconds())
	} else if seconds > maxDuration {
		v.fail(at+"end_time", "must be within a year of start_time")
		return
	}
	v.between(at+"duration_seconds", int(seconds), 0, maxDuration)
	w.DurationSeconds = int32(seconds)
}

func (v *check) instant(field string, at *timestamppb.Timestamp) *time.Time {
	if at == nil || !at.IsValid() {
		v.fail(field, "must be an RFC 3339 time such as 2026-03-07T10:30:00Z")
		return nil
	}
	return new(at.AsTime().Truncate(time.Microsecond))
}

func (v *check) measures(at string, in *owv1.WorkoutInput) {
	for _, m := range []struct {
		field string
		x     *float64
		most  float64
	}{
		{"calories_kcal", in.CaloriesKcal, 100_000},
		{"distance_meters", in.DistanceMeters, 10_000_000},
		{"avg_heart_rate_bpm", in.AvgHeartRateBpm, 300},
		{"max_heart_rate_bpm", in.MaxHeartRateBpm, 300},
		{"avg_pace_sec_per_km", in.AvgPaceSecPerKm, 86_400},
		{"elevation_gain_meters", in.ElevationGainMeters, 100_000},
	} {
		if m.x != nil && !(*m.x >= 0 && *m.x <= m.most) { // so that NaN fails
			v.fail(at+m.field, "must be 0 to "+strconv.FormatFloat(m.most, 'f', -1, 64))
		}
	}
}

func (h workouts) DeleteWorkout(ctx context.Context, r *owv1.DeleteWorkoutRequest) (*owv1.DeleteWorkoutResponse, error) {
	id, err := uuid("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	workout, err := uuid("workout_id", r.GetWorkoutId())
	if err != nil {
		return nil, err
	}
	if err := callOf(ctx).requireOwner("workouts:write", id); err != nil {
		return nil, err
	}
	if _, err := h.s.user(id); err != nil {
		return nil, err
	}
	for at, w := range h.s.workouts[id] {
		if w.GetId() == workout {
			delete(h.s.workouts[id], at)
			return &owv1.DeleteWorkoutResponse{}, nil
		}
	}
	return nil, notFound("Workout")
}

func (h workouts) DeleteWorkouts(ctx context.Context, r *owv1.DeleteWorkoutsRequest) (*owv1.DeleteWorkoutsResponse, error) {
	id, err := uuid("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	if err := callOf(ctx).requireOwner("workouts:write", id); err != nil {
		return nil, err
	}
	if n := len(r.GetWorkouts()); n > 1000 {
		return nil, invalidField("workouts", "must hold at most 1000 items")
	} else if n == 0 {
		return nil, invalidField("workouts", "must hold 1 to 1000 workouts")
	}
	var v check
	named := map[[2]string]bool{}
	for i, w := range r.GetWorkouts() {
		at := "workouts[" + strconv.Itoa(i) + "]."
		provider := v.name(at+"provider", w.GetProvider(), 1, 255)
		v.text(at+"external_id", w.GetExternalId(), 1, 255)
		named[[2]string{provider, w.GetExternalId()}] = true
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	if _, err := h.s.user(id); err != nil {
		return nil, err
	}
	out := &owv1.DeleteWorkoutsResponse{}
	for at := range named {
		if _, stored := h.s.workouts[id][at]; !stored {
			out.NotFound++
			continue
		}
		delete(h.s.workouts[id], at)
		out.Deleted++
	}
	return out, nil
}

// workoutQuery is what a list of workouts asks for: those that start in [start, end).
type workoutQuery struct {
	User, Type string
	Start, End time.Time
}

// place is where a page of workouts begins.
type place struct {
	Start time.Time
	ID    string
	Back  bool // towards newer ones
}

func (h workouts) ListWorkouts(ctx context.Context, r *owv1.ListWorkoutsRequest) (*owv1.ListWorkoutsResponse, error) {
	id, err := uuid("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	if err := callOf(ctx).requireOwner("workouts:read", id); err != nil {
		return nil, err
	}
	var v check
	limit := v.limit(r.Limit, 50)
	v.optional("record_type", r.RecordType, 255)
	q := workoutQuery{User: id, Type: trim(r.GetRecordType())}
	q.Start, q.End = v.dates(r)
	filters, _ := json.Marshal(q) // plain values always marshal
	var at *place
	if r.Cursor != nil && !openCursor("workouts:"+string(filters), r.GetCursor(), &at) {
		v.fail("cursor", "must be a cursor of the same list with the same filters")
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	if _, err := h.s.user(id); err != nil {
		return nil, err
	}
	out := h.s.workoutPage(q, at, limit, "workouts:"+string(filters))
	end := q.End
	if end.Year() > 9999 {
		end = end.Add(-time.Microsecond)
	}
	out.Metadata = &owv1.WorkoutsMetadata{StartTime: timestamppb.New(q.Start), EndTime: timestamppb.New(end), SampleCount: int32(len(out.GetData()))}
	return out, nil
}

// workoutPage returns a page, newest first, with the cursors of its neighbours.
func (s *Server) workoutPage(q workoutQuery, at *place, limit int, filters string) *owv1.ListWorkoutsResponse {
	var found []*owv1.Workout
	for _, w := range s.workouts[q.User] {
		if t := w.GetStartTime().AsTime(); !t.Before(q.Start) && t.Before(q.End) && (q.Type == "" || w.GetType() == q.Type) {
			found = append(found, proto.CloneOf(w))
		}
	}
	order := func(w *owv1.Workout, t time.Time, id string) int {
		return cmp.Or(t.Compare(w.GetStartTime().AsTime()), cmp.Compare(id, w.GetId()))
	}
	slices.SortFunc(found, func(a, b *owv1.Workout) int { return order(a, b.GetStartTime().AsTime(), b.GetId()) })
	from, until := 0, min(limit, len(found))
	if at != nil {
		here, exact := slices.BinarySearchFunc(found, at, func(w *owv1.Workout, p *place) int { return order(w, p.Start, p.ID) })
		if at.Back {
			from, until = max(here-limit, 0), here
		} else {
			if exact {
				here++
			}
			from, until = here, min(here+limit, len(found))
		}
	}
	out := &owv1.ListWorkoutsResponse{Data: found[from:until], Pagination: &owv1.Pagination{}}
	cursor := func(w *owv1.Workout, back bool) *string {
		return sealCursor(filters, place{w.GetStartTime().AsTime(), w.GetId(), back})
	}
	if from < until {
		if until < len(found) {
			out.Pagination.HasMore, out.Pagination.NextCursor = true, cursor(found[until-1], false)
		}
		if from > 0 {
			out.Pagination.PreviousCursor = cursor(found[from], true)
		}
	}
	return out
}

var (
	unixSeconds = regexp.MustCompile(`^-?\d{1,12}$`)
	dateOnly    = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
)

// dates reads the range of a list. An end that is a date is included as a whole day.
func (v *check) dates(r *owv1.ListWorkoutsRequest) (start, end time.Time) {
	start, _ = v.date("start_date", r.GetStartDate())
	last, wholeDay := v.date("end_date", r.GetEndDate())
	if end = last; wholeDay {
		end = last.AddDate(0, 0, 1)
		last = end.Add(-time.Microsecond)
	}
	if !start.IsZero() && !last.IsZero() && start.After(last) {
		v.fail("start_date", "must not be after end_date")
	}
	return start, end
}

func (v *check) date(field, s string) (t time.Time, wholeDay bool) {
	var err error
	switch {
	case s == "":
		v.fail(field, "is required")
		return t, false
	case unixSeconds.MatchString(s):
		var n int64
		n, err = strconv.ParseInt(s, 10, 64)
		t = time.Unix(n, 0)
	case dateOnly.MatchString(s):
		wholeDay = true
		t, err = time.Parse(time.DateOnly, s)
	default:
		upper := strings.ToUpper(s)
		if t, err = time.Parse(time.RFC3339, upper); err != nil {
			t, err = time.Parse(time.RFC3339, upper+"Z")
		}
	}
	if t = t.UTC(); err != nil || t.Year() < 1 || t.Year() > 9999 {
		v.fail(field, "must be a date (2026-03-01), an RFC 3339 time, or unix seconds, in the years 0001 to 9999")
		return time.Time{}, false
	}
	return t.Truncate(time.Microsecond), wholeDay
}
