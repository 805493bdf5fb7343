package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"regexp"
	"strings"

	"github.com/openwearables/openwearables/internal/event"
)

// phoneWorkout is a workout as the mobile SDKs of the existing product write it. Of its
// values, of which there may be any number, it has what they say.
type phoneWorkout struct {
	id, kind, start, end string
	zone, title          *string
	source               phoneSource
	seconds              *int32
	active, basal        *float64 // kcal
	measures             event.Measures
	size                 int // bytes of what it holds, in the body
	unreadable           bool
}

type phoneSource struct {
	AppID            *string `json:"appId"`
	Name             *string `json:"name"`
	BundleIdentifier *string `json:"bundleIdentifier"`
	DeviceModel      *string `json:"deviceModel"`
	ProductType      *string `json:"productType"`
	DeviceType       *string `json:"deviceType"`
	DeviceName       *string `json:"deviceName"`
}

type phoneValue struct {
	Type  string   `json:"type"`
	Value *float64 `json:"value"`
	Unit  string   `json:"unit"`
}

// member returns where the value of a member goes, nil for one that is not kept.
func (w *phoneWorkout) member(name string) any {
	switch name {
	case "id":
		return &w.id
	case "type":
		return &w.kind
	case "startDate":
		return &w.start
	case "endDate":
		return &w.end
	case "zoneOffset":
		return &w.zone
	case "title":
		return &w.title
	case "source":
		return &w.source
	default:
		return nil
	}
}

func inputs(in []phoneWorkout, provider string) []event.Input {
	out := make([]event.Input, len(in))
	for i := range in {
		out[i] = in[i].input(provider)
	}
	return out
}

// input returns the workout in the form of this server.
func (w *phoneWorkout) input(provider string) event.Input {
	s := &w.source
	in := event.Input{
		ExternalID: w.externalID(), Type: workoutType(w.kind), Name: w.title, StartTime: w.start, EndTime: w.end, ZoneOffset: w.zone,
		Source: event.Source{
			Provider: provider, Source: first(s.AppID, s.BundleIdentifier, s.Name), Device: first(s.DeviceModel, s.ProductType),
			DeviceType: s.DeviceType, DeviceName: s.DeviceName,
		},
		DurationSeconds: w.seconds, Measures: w.measures,
	}
	if in.CaloriesKcal == nil && w.active != nil {
		kcal := *w.active
		if w.basal != nil {
			kcal += *w.basal
		}
		in.CaloriesKcal = &kcal
	}
	return in
}

// measure keeps what the value says.
func (w *phoneWorkout) measure(v *phoneValue) {
	if v.Value == nil || math.IsNaN(*v.Value) || math.IsInf(*v.Value, 0) {
		return
	}
	value := v.inOurUnit()
	switch v.Type {
	case "duration":
		if value >= 0 && value <= event.MaxDuration {
			w.seconds = new(int32(value))
		}
	case "activeEnergyBurned":
		w.active = &value
	case "basalEnergyBurned":
		w.basal = &value
	case "calories", "totalCalories", "totalEnergyBurned":
		w.measures.CaloriesKcal = &value
	case "distance", "totalDistance":
		w.measures.DistanceMeters = &value
	case "averageHeartRate", "meanHeartRate", "avgHeartRate":
		w.measures.AvgHeartRateBPM = &value
	case "maxHeartRate", "maximumHeartRate":
		w.measures.MaxHeartRateBPM = &value
	case "elevationAscended", "elevationGained", "altitudeGain":
		w.measures.ElevationGainMeters = &value
	}
}

// inOurUnit returns the value in seconds, metres or kcal, if it is in a known multiple.
func (v *phoneValue) inOurUnit() float64 {
	switch v.Unit {
	case "ms":
		return *v.Value / 1000
	case "min":
		return *v.Value * 60
	case "km":
		return *v.Value * 1000
	default:
		return *v.Value
	}
}

// externalID is the id that the phone gave the workout or else, if it gave none, one that
// the same workout has each time.
func (w *phoneWorkout) externalID() string {
	if w.id != "" {
		return w.id
	}
	app := first(w.source.AppID, w.source.BundleIdentifier, w.source.Name)
	sum := sha256.Sum256([]byte(strings.Join([]string{w.kind, w.start, w.end, valueOrZero(app)}, "\x00")))
	return "derived:" + hex.EncodeToString(sum[:16])
}

var (
	healthKitType = regexp.MustCompile(`^HKWorkoutActivityType`)
	wordBegins    = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)

// workoutType returns a type as this server writes it, such as cross_training for
// HKWorkoutActivityTypeCrossTraining; "other" for none.
func workoutType(kind string) string {
	kind = wordBegins.ReplaceAllString(healthKitType.ReplaceAllString(kind, ""), "${1}_${2}")
	if kind = strings.ToLower(strings.TrimSpace(kind)); kind == "" {
		return "other"
	}
	return kind
}

// first returns the first text that is there and not empty, or nil.
func first(of ...*string) *string {
	for _, s := range of {
		if s != nil && *s != "" {
			return s
		}
	}
	return nil
}
