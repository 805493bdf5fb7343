package workoutfile

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/muktihari/fit/decoder"
	"github.com/muktihari/fit/profile/basetype"
	"github.com/muktihari/fit/profile/mesgdef"
	"github.com/muktihari/fit/profile/typedef"
	"github.com/muktihari/fit/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// fitFile collects what it needs of the messages of a FIT file: thousands of records are
// not among them.
type fitFile struct {
	id       *mesgdef.FileId
	sessions []*mesgdef.Session
}

const maxSessions = 1000 // of a file: one, or one for each sport of a triathlon

// OnMesg implements decoder.MesgListener.
func (f *fitFile) OnMesg(m proto.Message) {
	switch m.Num {
	case typedef.MesgNumFileId:
		f.id = mesgdef.NewFileId(&m)
	case typedef.MesgNumSession:
		if len(f.sessions) < maxSessions {
			f.sessions = append(f.sessions, mesgdef.NewSession(&m))
		}
	}
}

// readFIT reads the sessions of a FIT file, or of several that follow one another.
func readFIT(r io.Reader, f yield) error {
	bounded := &io.LimitedReader{R: r, N: MaxFIT + 1}
	file := &fitFile{}
	in := decoder.New(bounded, decoder.WithBroadcastOnly(), decoder.WithMesgListener(file))
	place := 1
	for in.Next() {
		*file = fitFile{}
		_, err := in.Decode()
		if bounded.N <= 0 {
			return fmt.Errorf("a FIT file has at most %d MiB", MaxFIT>>20)
		}
		if err != nil {
			return fmt.Errorf("it is damaged: %w", err)
		}
		for _, s := range file.sessions {
			w, err := fitWorkout(file.id, s)
			if err != nil {
				err = &ItemError{fmt.Sprintf("session %d", place), err}
			}
			place++
			if !f(w, err) {
				return nil
			}
		}
	}
	if place == 1 {
		return errors.New("it has no session: it is no activity, or no FIT file")
	}
	return nil
}

func fitWorkout(id *mesgdef.FileId, s *mesgdef.Session) (*owv1.WorkoutInput, error) {
	if s.StartTime.IsZero() || s.StartTime.Year() < 1990 {
		return nil, errors.New("has no start_time")
	}
	elapsed := s.TotalElapsedTimeScaled()
	if math.IsNaN(elapsed) || elapsed < 0 {
		elapsed = max(s.Timestamp.Sub(s.StartTime).Seconds(), 0)
	}
	if id == nil {
		id = mesgdef.NewFileId(nil)
	}
	end := s.StartTime.Add(time.Duration(elapsed * float64(time.Second)))
	w := &owv1.WorkoutInput{
		ExternalId: stableID(
			"fit", id.Manufacturer.String(), strconv.Itoa(int(id.Product)), strconv.FormatUint(uint64(id.SerialNumber), 10),
			s.StartTime.UTC().Format(time.RFC3339), s.Sport.String(), s.SubSport.String(),
		),
		Type: fitType(s.Sport, s.SubSport), StartTime: timestamppb.New(s.StartTime), EndTime: timestamppb.New(end),
		Source: &owv1.WorkoutSource{Provider: fitProvider(id.Manufacturer), Device: optional(id.ProductName)},
	}
	if s.SportProfileName != basetype.StringInvalid {
		w.Name = optional(s.SportProfileName)
	}
	if moving := s.TotalTimerTimeScaled(); moving >= 0 && moving <= elapsed {
		w.DurationSeconds = new(int32(math.Round(moving)))
	}
	if meters := s.TotalDistanceScaled(); meters > 0 {
		w.DistanceMeters = &meters
	}
	w.CaloriesKcal = whole(uint64(s.TotalCalories), uint64(basetype.Uint16Invalid))
	w.ElevationGainMeters = whole(uint64(s.TotalAscent), uint64(basetype.Uint16Invalid))
	w.AvgHeartRateBpm = whole(uint64(s.AvgHeartRate), uint64(basetype.Uint8Invalid))
	w.MaxHeartRateBpm = whole(uint64(s.MaxHeartRate), uint64(basetype.Uint8Invalid))
	return w, nil
}

// whole returns a number, nil for 0 and for what means that there is none.
func whole(n, none uint64) *float64 {
	if n == 0 || n == none {
		return nil
	}
	return new(float64(n))
}

// fitTypes are the sports that FIT names otherwise, some by their sub-sport.
var fitTypes = map[string]string{
	"lap_swimming": owv1.WorkoutTypePoolSwimming, "open_water": owv1.WorkoutTypeOpenWaterSwimming,
	"trail": owv1.WorkoutTypeTrailRunning, "mountain": owv1.WorkoutTypeMountainBiking, "spin": owv1.WorkoutTypeIndoorCycling,
	"e_bike_fitness": owv1.WorkoutTypeEBiking, "indoor_rowing": owv1.WorkoutTypeRowingMachine, "backcountry": owv1.WorkoutTypeBackcountrySkiing,
	"alpine_skiing": owv1.WorkoutTypeDownhillSkiing, "training": owv1.WorkoutTypeOther, "generic": owv1.WorkoutTypeOther,
	"fitness_equipment": owv1.WorkoutTypeOther, "rock_climbing": owv1.WorkoutTypeRockClimbing, "inline_skating": owv1.WorkoutTypeInlineSkating,
}

// fitType returns the type of a session: its sub-sport, if that says more.
func fitType(sport typedef.Sport, sub typedef.SubSport) string {
	for _, name := range []string{sub.String(), sport.String()} {
		if ours, ok := fitTypes[name]; ok && name != "generic" {
			return ours
		}
		if isKnown(name) {
			return name
		}
	}
	if sport == typedef.SportInvalid || sport == typedef.SportGeneric {
		return owv1.WorkoutTypeOther
	}
	return sport.String()
}

// fitProvider returns the provider that made the file, "" if it is none that is known.
func fitProvider(m typedef.Manufacturer) string {
	switch m {
	case typedef.ManufacturerGarmin:
		return owv1.WorkoutProviderGarmin
	case typedef.ManufacturerSuunto:
		return owv1.WorkoutProviderSuunto
	case typedef.ManufacturerPolarElectro:
		return owv1.WorkoutProviderPolar
	case typedef.ManufacturerStrava:
		return owv1.WorkoutProviderStrava
	default:
		return ""
	}
}
