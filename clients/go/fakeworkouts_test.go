package openwearables_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

func workoutCalls(s *script) {
	user := s.user("workouts")
	full := someWorkout("full")
	full.Name, full.Type, full.ZoneOffset, full.DurationSeconds = new("n"), " running ", new("+02:00"), new(int32(30))
	full.AvgHeartRateBpm, full.MaxHeartRateBpm, full.CaloriesKcal, full.DistanceMeters = new(120.25), new(180.04), new(1.5), new(0.0)
	full.AvgPaceSecPerKm, full.ElevationGainMeters = new(300.0), new(1e5)
	full.Source = &owv1.WorkoutSource{Provider: " p ", Source: new(""), Device: new(" d "), DeviceType: new("watch"), DeviceName: new(" x ")}
	full.StartTime, full.EndTime = timestamppb.New(full.GetStartTime().AsTime().Add(time.Hour)), timestamppb.New(full.GetStartTime().AsTime().Add(2*time.Hour))
	got, err := s.dev.Workouts.Upsert(s.ctx(), user, full, someWorkout("two"), someWorkout("two"))
	s.note("upsert", got, err)
	got, err = s.dev.Workouts.Upsert(s.ctx(), user, full)
	s.note("upsert again", got, err)
	var wrong []*owv1.WorkoutInput
	for _, change := range []func(*owv1.WorkoutInput){
		func(w *owv1.WorkoutInput) { w.ExternalId = "" }, func(w *owv1.WorkoutInput) { w.Type = " " }, func(w *owv1.WorkoutInput) { w.Type = "a\tb" },
		func(w *owv1.WorkoutInput) { w.Name = new(strings.Repeat("n", 256)) }, func(w *owv1.WorkoutInput) { w.StartTime = nil },
		func(w *owv1.WorkoutInput) { w.EndTime = &timestamppb.Timestamp{Seconds: 1 << 50} },
		func(w *owv1.WorkoutInput) { w.EndTime = timestamppb.New(w.GetStartTime().AsTime().Add(-time.Second)) },
		func(w *owv1.WorkoutInput) {
			w.EndTime = timestamppb.New(w.GetStartTime().AsTime().Add(366 * 24 * time.Hour))
		},
		func(w *owv1.WorkoutInput) { w.ZoneOffset = new("+15:00") }, func(w *owv1.WorkoutInput) { w.DurationSeconds = new(int32(-1)) },
		func(w *owv1.WorkoutInput) { w.Source = nil }, func(w *owv1.WorkoutInput) { w.Source.Device = new("a\nb") },
		func(w *owv1.WorkoutInput) { w.AvgHeartRateBpm = new(300.1) }, func(w *owv1.WorkoutInput) { w.CaloriesKcal = new(math.NaN()) },
		func(w *owv1.WorkoutInput) { w.DistanceMeters = new(-1.0) }, func(w *owv1.WorkoutInput) { w.AvgPaceSecPerKm = new(1e9) },
		func(w *owv1.WorkoutInput) { w.ElevationGainMeters = new(1e9) }, func(w *owv1.WorkoutInput) { *w = owv1.WorkoutInput{} },
	} {
		w := someWorkout("wrong")
		change(w)
		wrong = append(wrong, w)
	}
	right := someWorkout("right")
	right.EndTime = timestamppb.New(right.GetStartTime().AsTime().Add(2 * time.Hour))
	right.StartTime = right.GetEndTime()
	got, err = s.dev.Workouts.Upsert(s.ctx(), user, append(wrong, right)...)
	s.note("some wrong ones", got, err)
	_, err = s.dev.Workouts.Upsert(s.ctx(), user, wrong...)
	s.note("all wrong", nil, err)
	_, err = s.dev.Workouts.UpsertAllOrNone(s.ctx(), user, someWorkout("none"), wrong[0])
	s.note("all or none", nil, err)
	_, err = s.dev.Workouts.Upsert(s.ctx(), user)
	s.note("nothing", nil, err)
	many := make([]*owv1.WorkoutInput, 1001)
	for i := range many {
		many[i] = someWorkout(strconv.Itoa(i))
	}
	_, err = s.dev.Workouts.Upsert(s.ctx(), user, many...)
	s.note("too many", nil, err)
	_, err = s.dev.Workouts.Upsert(s.ctx(), nowhere, someWorkout("x"))
	s.note("of nobody", nil, err)
	synced, err := s.dev.Users.Get(s.ctx(), user)
	s.note("the user", synced, err)
	notes(s, "list", s.dev.Workouts.List(s.ctx(), &owv1.ListWorkoutsRequest{UserId: user, StartDate: "2026-03-01", EndDate: "2026-03-01", RecordType: new("running")}))
	id := got.GetItems()[0].GetId()
	s.note("delete", nil, s.dev.Workouts.Delete(s.ctx(), user, id))
	s.note("delete again", nil, s.dev.Workouts.Delete(s.ctx(), user, id))
	s.note("delete no id", nil, s.dev.Workouts.Delete(s.ctx(), user, "x"))
	s.deleteMany(user)
}

func workoutLists(s *script) {
	user := s.user("lists")
	begin := time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC)
	for i, kind := range []string{"running", "cycling", "running", "running", "running"} {
		w := someWorkout("w" + strconv.Itoa(i))
		at := begin.Add(time.Duration(i) * 30 * time.Minute)
		w.Type, w.StartTime, w.EndTime = kind, timestamppb.New(at), timestamppb.New(at.Add(time.Minute))
		_, err := s.dev.Workouts.Upsert(s.ctx(), user, w)
		check(s.t, err)
	}
	list := func(from, to string, change func(*owv1.ListWorkoutsRequest)) *owv1.ListWorkoutsResponse {
		req := &owv1.ListWorkoutsRequest{UserId: user, StartDate: from, EndDate: to}
		if change != nil {
			change(req)
		}
		got, err := s.dev.Workouts.Page(s.ctx(), req)
		s.note("from "+from+" to "+to, got, err)
		return got
	}
	for _, d := range [][2]string{
		{"2026-03-01", "2026-03-01"},
		{"2026-03-01T23:30:00Z", "2026-03-02T00:30:00Z"},
		{"2026-03-01T23:30:00", "2026-03-02t00:30:00+00:00"},
		{strconv.FormatInt(begin.Unix(), 10), "9999-12-31"},
		{"2026-03-02", "2026-03-01"},
		{"", "2026-03-01"},
		{"yesterday", "x"},
		{"2026-02-30", "2026-03-01"},
		{"2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z"},
	} {
		list(d[0], d[1], nil)
	}
	two := func(r *owv1.ListWorkoutsRequest) { r.Limit = new(int32(2)) }
	at := func(cursor *string) func(*owv1.ListWorkoutsRequest) {
		return func(r *owv1.ListWorkoutsRequest) { r.Limit, r.Cursor = new(int32(2)), cursor }
	}
	first := list("2026-03-01", "2026-03-02", two)
	second := list("2026-03-01", "2026-03-02", at(first.GetPagination().NextCursor))
	third := list("2026-03-01", "2026-03-02", at(second.GetPagination().NextCursor))
	back := list("2026-03-01", "2026-03-02", at(third.GetPagination().PreviousCursor))
	list("2026-03-01", "2026-03-02", at(back.GetPagination().PreviousCursor))
	list("2026-03-01", "2026-03-03", at(first.GetPagination().NextCursor))
	list("2026-03-01", "2026-03-02", at(new("x")))
	list("2026-03-01", "2026-03-02", func(r *owv1.ListWorkoutsRequest) { r.RecordType = new(" cycling ") })
	list("2026-03-01", "2026-03-02", func(r *owv1.ListWorkoutsRequest) { r.Limit = new(int32(101)) })
	list("2026-03-01", "2026-03-02", func(r *owv1.ListWorkoutsRequest) { r.UserId = nowhere })
	list("2026-03-01", "2026-03-02", func(r *owv1.ListWorkoutsRequest) { r.UserId = "x" })
}

func (s *script) deleteMany(user string) {
	of := func(provider, externalID string) *owv1.WorkoutReference {
		return &owv1.WorkoutReference{Provider: provider, ExternalId: externalID}
	}
	stored := someWorkout("gone")
	got, err := s.dev.Workouts.Upsert(s.ctx(), user, stored)
	s.note("upsert what is deleted", got, err)
	provider := stored.GetSource().GetProvider()
	many := slices.Repeat([]*owv1.WorkoutReference{of("p", "x")}, 1001)
	for _, list := range [][]*owv1.WorkoutReference{
		{of(" "+provider, "gone"), of(provider, "gone"), of(provider, "never")}, {of(provider, "a"), of(" ", "a"), of("a\tb", "")}, nil, many,
	} {
		done, err := s.dev.Workouts.DeleteMany(s.ctx(), user, list...)
		s.note("delete "+strconv.Itoa(len(list)), done, err)
	}
}
