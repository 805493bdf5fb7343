// Package event holds the health data that the credentials protect: workouts,
// so far.
package event

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// Workout is one training of one user. What is not known is nil.
type Workout struct {
	ID              string // UUID
	ExternalID      string // unique for a user and provider
	Type            string
	Name            *string
	StartTime       time.Time
	EndTime         time.Time
	ZoneOffset      *string // such as "+02:00"
	DurationSeconds int32
	Source
	Measures
}

// Measures are what was measured of a workout. What is not known is nil.
type Measures struct {
	CaloriesKcal        *float64
	DistanceMeters      *float64
	AvgHeartRateBPM     *float64 // with at most one decimal, as the next
	MaxHeartRateBPM     *float64
	AvgPaceSecPerKm     *float64
	ElevationGainMeters *float64
}

// Input is a workout as it is written; nil and "" are absent. Times are
// RFC 3339.
type Input struct {
	ExternalID      string
	Type            string
	Name            *string
	StartTime       string
	EndTime         string
	ZoneOffset      *string
	DurationSeconds *int32 // default: EndTime - StartTime
	Source
	Measures
	// Fault is why the workout could not be read, or nil. Its field is relative to
	// the workout.
	Fault *problem.FieldError
}

// Bounds of a call and of a workout's numbers; all of them start at 0.
const (
	MaxBatch     = 1000
	unit         = 100        // workouts that count as one request
	MaxDuration  = 31_536_000 // seconds, a year
	MaxHeartRate = 300        // beats a minute
	MaxCalories  = 100_000    // kcal
	MaxDistance  = 10_000_000 // metres
	MaxPace      = 86_400     // seconds a kilometre
	MaxElevation = 100_000    // metres
)

// read checks the input and returns the workout that it describes. field is its
// place in the request, such as "workouts[3]". What providers call something is
// trimmed as a name is; what people call it, and ids, are kept as they are.
func (in *Input) read(v *problem.Check, field string) Workout {
	if f := in.Fault; f != nil {
		v.Fail(strings.TrimSuffix(field+"."+f.Field, "."), f.Message)
		return Workout{}
	}
	w := Workout{ExternalID: in.ExternalID, Name: in.Name, ZoneOffset: in.ZoneOffset, Measures: in.Measures}
	at := func(member string) string { return field + "." + member }
	v.Text(at("external_id"), in.ExternalID, 1, problem.MaxText)
	w.Type = v.Name(at("type"), in.Type, 1, problem.MaxText)
	v.Optional(at("name"), in.Name, problem.MaxText)
	w.Source = in.Source.read(v, at)
	before := len(v.Fields())
	v.Optional(at("zone_offset"), in.ZoneOffset, problem.MaxText)
	if in.ZoneOffset != nil && len(v.Fields()) == before && !zoneOffset.MatchString(*in.ZoneOffset) {
		v.Fail(at("zone_offset"), `must be an offset such as "+02:00"`)
	}
	in.readTimes(v, at, &w)
	in.Measures.check(v, at)
	w.AvgHeartRateBPM, w.MaxHeartRateBPM = tenths(in.AvgHeartRateBPM), tenths(in.MaxHeartRateBPM)
	return w
}

// tenths rounds a number to one decimal, half away from zero.
func tenths(x *float64) *float64 {
	if x == nil {
		return nil
	}
	rounded := math.Round(*x*10) / 10
	return &rounded
}

func (in *Input) readTimes(v *problem.Check, at func(string) string, w *Workout) {
	start := v.Instant(at("start_time"), &in.StartTime)
	end := v.Instant(at("end_time"), &in.EndTime)
	if start == nil || end == nil {
		return
	}
	if end.Before(*start) {
		v.Fail(at("end_time"), "must not be before start_time")
		return
	}
	w.StartTime, w.EndTime = *start, *end
	seconds := end.Sub(*start) / time.Second
	if in.DurationSeconds != nil {
		seconds = time.Duration(*in.DurationSeconds)
	} else if seconds > MaxDuration {
		v.Fail(at("end_time"), "must be within a year of start_time")
		return
	}
	v.Between(at("duration_seconds"), int(seconds), 0, MaxDuration)
	w.DurationSeconds = int32(seconds)
}

// check checks measures as they are written; at names them in the request.
func (m *Measures) check(v *problem.Check, at func(member string) string) {
	for _, number := range []struct {
		member string
		x      *float64
		most   float64
	}{
		{"calories_kcal", m.CaloriesKcal, MaxCalories},
		{"distance_meters", m.DistanceMeters, MaxDistance},
		{"avg_heart_rate_bpm", m.AvgHeartRateBPM, MaxHeartRate},
		{"max_heart_rate_bpm", m.MaxHeartRateBPM, MaxHeartRate},
		{"avg_pace_sec_per_km", m.AvgPaceSecPerKm, MaxPace},
		{"elevation_gain_meters", m.ElevationGainMeters, MaxElevation},
	} {
		if number.x != nil && !(*number.x >= 0 && *number.x <= number.most) { // so that NaN fails
			v.Fail(at(number.member), "must be 0 to "+strconv.FormatFloat(number.most, 'f', -1, 64))
		}
	}
}
