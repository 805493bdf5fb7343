package workoutfile

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// readApple reads the workouts of export.xml, which has gigabytes of other things: it looks
// for their elements, and gives only those to the parser.
func readApple(r io.Reader, f yield) error {
	in := bufio.NewReaderSize(r, 256<<10)
	for place := 1; ; {
		_, err := in.ReadSlice('<')
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !opensWorkout(in) {
			continue
		}
		name := fmt.Sprintf("workout %d", place)
		place++
		element, err := readElement(in)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New(name + " has no end: the file is cut off")
		}
		var w *owv1.WorkoutInput
		if err == nil {
			w, err = parseApple(element)
		}
		if err != nil {
			err = &ItemError{name, err}
		}
		if !f(w, err) {
			return nil
		}
	}
}

const workoutName = "Workout"

// opensWorkout reports whether the element that begins here is a workout.
func opensWorkout(in *bufio.Reader) bool {
	next, err := in.Peek(len(workoutName) + 1)
	return err == nil && string(next[:len(workoutName)]) == workoutName && unicode.IsSpace(rune(next[len(workoutName)]))
}

// readElement returns the element whose < was read, with all that is in it.
func readElement(in *bufio.Reader) ([]byte, error) {
	element := []byte{'<'}
	quote := byte(0)
	for opened := false; ; {
		c, err := in.ReadByte()
		if err != nil {
			return nil, io.ErrUnexpectedEOF
		}
		if len(element) == maxXML {
			return nil, errors.New("takes more than 1 MiB")
		}
		element = append(element, c)
		switch {
		case opened:
			if c == '>' && bytes.HasSuffix(element, []byte("</Workout>")) {
				return element, nil
			}
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			if bytes.HasSuffix(element, []byte("/>")) {
				return element, nil
			}
			opened = true
		}
	}
}

// appleWorkout is the element Workout. Older exports have the totals as attributes.
type appleWorkout struct {
	Activity     string  `xml:"workoutActivityType,attr"`
	Source       string  `xml:"sourceName,attr"`
	Device       string  `xml:"device,attr"`
	Start        string  `xml:"startDate,attr"`
	End          string  `xml:"endDate,attr"`
	Duration     float64 `xml:"duration,attr"`
	DurationUnit string  `xml:"durationUnit,attr"`
	Distance     float64 `xml:"totalDistance,attr"`
	DistanceUnit string  `xml:"totalDistanceUnit,attr"`
	Energy       float64 `xml:"totalEnergyBurned,attr"`
	EnergyUnit   string  `xml:"totalEnergyBurnedUnit,attr"`
	Statistics   []struct {
		Type    string  `xml:"type,attr"`
		Average float64 `xml:"average,attr"`
		Maximum float64 `xml:"maximum,attr"`
		Sum     float64 `xml:"sum,attr"`
		Unit    string  `xml:"unit,attr"`
	} `xml:"WorkoutStatistics"`
	Metadata []struct {
		Key   string `xml:"key,attr"`
		Value string `xml:"value,attr"`
	} `xml:"MetadataEntry"`
}

const appleTime = "2006-01-02 15:04:05 -0700"

func parseApple(element []byte) (*owv1.WorkoutInput, error) {
	var a appleWorkout
	if err := xml.Unmarshal(element, &a); err != nil {
		return nil, err
	}
	start, err := time.Parse(appleTime, a.Start)
	if err != nil {
		return nil, fmt.Errorf("its startDate %q is no time", a.Start)
	}
	end, err := time.Parse(appleTime, a.End)
	if err != nil {
		return nil, fmt.Errorf("its endDate %q is no time", a.End)
	}
	w := &owv1.WorkoutInput{
		ExternalId: stableID("apple", a.Activity, a.Source, a.Start, a.End),
		Type:       appleType(a.Activity), StartTime: timestamppb.New(start), EndTime: timestamppb.New(end), ZoneOffset: offset(start),
		Source: &owv1.WorkoutSource{Provider: owv1.WorkoutProviderAppleHealth, Source: optional(a.Source), Device: optional(appleDevice(a.Device, "hardware")), DeviceName: optional(appleDevice(a.Device, "name"))},
	}
	if seconds := a.Duration * appleUnits[a.DurationUnit]; seconds > 0 && seconds < 365*24*3600 {
		w.DurationSeconds = new(int32(seconds + 0.5))
	}
	w.DistanceMeters = measure(a.Distance, a.DistanceUnit)
	w.CaloriesKcal = measure(a.Energy, a.EnergyUnit)
	for _, s := range a.Statistics {
		switch name := strings.TrimPrefix(s.Type, "HKQuantityTypeIdentifier"); {
		case strings.HasPrefix(name, "Distance"):
			w.DistanceMeters = measure(s.Sum, s.Unit)
		case name == "ActiveEnergyBurned":
			w.CaloriesKcal = measure(s.Sum, s.Unit)
		case name == "HeartRate":
			w.AvgHeartRateBpm, w.MaxHeartRateBpm = measure(s.Average, s.Unit), measure(s.Maximum, s.Unit)
		}
	}
	for _, m := range a.Metadata {
		var value float64
		var unit string
		if m.Key != "HKElevationAscended" {
			continue
		}
		if n, _ := fmt.Sscan(m.Value, &value, &unit); n == 2 {
			w.ElevationGainMeters = measure(value, unit)
		}
	}
	return w, nil
}

// appleUnits are what one of each unit is in seconds, meters, kilocalories or beats a
// minute.
var appleUnits = map[string]float64{
	"s": 1, "min": 60, "hr": 3600,
	"cm": 0.01, "m": 1, "km": 1000, "ft": 0.3048, "yd": 0.9144, "mi": 1609.344,
	"kcal": 1, "Cal": 1, "kJ": 1 / 4.184,
	"count/min": 1, "count/s": 60,
}

// measure returns a value in our unit, nil if there is none.
func measure(value float64, unit string) *float64 {
	if factor := appleUnits[unit]; value > 0 && factor > 0 {
		return new(value * factor)
	}
	return nil
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// appleDevice returns a member of a device, which is written as
// <<HKDevice: 0x1>, name:Apple Watch, hardware:Watch6,2, software:10>.
func appleDevice(device, member string) string {
	_, rest, ok := strings.Cut(device, ", "+member+":")
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, ", ")
	return strings.TrimSuffix(strings.TrimSpace(value), ">")
}

// appleTypes are the types that Apple names otherwise.
var appleTypes = map[string]string{
	"traditional_strength_training":    owv1.WorkoutTypeStrengthTraining,
	"high_intensity_interval_training": owv1.WorkoutTypeHiit,
	"wheelchair_walk_pace":             owv1.WorkoutTypeWheelchairWalk,
	"wheelchair_run_pace":              owv1.WorkoutTypeWheelchairRun,
	"swim_bike_run":                    owv1.WorkoutTypeTriathlon,
	"skating_sports":                   owv1.WorkoutTypeSkating,
	"surfing_sports":                   owv1.WorkoutTypeSurfing,
	"equestrian_sports":                owv1.WorkoutTypeHorsebackRiding,
	"underwater_diving":                owv1.WorkoutTypeDiving,
	"dance_inspired_training":          owv1.WorkoutTypeDanceInspiredTraining,
}

// appleType returns the type of an activity such as HKWorkoutActivityTypeRunning.
func appleType(activity string) string {
	var b strings.Builder
	for i, r := range strings.TrimPrefix(activity, "HKWorkoutActivityType") {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	name := b.String()
	if ours, ok := appleTypes[name]; ok {
		return ours
	}
	if name == "" {
		return owv1.WorkoutTypeOther
	}
	return name
}
