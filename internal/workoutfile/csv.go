package workoutfile

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// columns are those that a CSV file may have, named as the members of a workout in the
// API.
var columns = map[string]func(w *owv1.WorkoutInput, cell string) error{
	"external_id":           func(w *owv1.WorkoutInput, c string) error { w.ExternalId = c; return nil },
	"type":                  func(w *owv1.WorkoutInput, c string) error { w.Type = c; return nil },
	"name":                  func(w *owv1.WorkoutInput, c string) error { w.Name = &c; return nil },
	"start_time":            func(w *owv1.WorkoutInput, c string) error { return setTime(w, &w.StartTime, c) },
	"end_time":              func(w *owv1.WorkoutInput, c string) error { return setTime(w, &w.EndTime, c) },
	"zone_offset":           func(w *owv1.WorkoutInput, c string) error { w.ZoneOffset = &c; return nil },
	"duration_seconds":      func(w *owv1.WorkoutInput, c string) error { return setSeconds(&w.DurationSeconds, c) },
	"provider":              func(w *owv1.WorkoutInput, c string) error { w.Source.Provider = c; return nil },
	"source":                func(w *owv1.WorkoutInput, c string) error { w.Source.Source = &c; return nil },
	"device":                func(w *owv1.WorkoutInput, c string) error { w.Source.Device = &c; return nil },
	"device_type":           func(w *owv1.WorkoutInput, c string) error { w.Source.DeviceType = &c; return nil },
	"device_name":           func(w *owv1.WorkoutInput, c string) error { w.Source.DeviceName = &c; return nil },
	"calories_kcal":         func(w *owv1.WorkoutInput, c string) error { return setNumber(&w.CaloriesKcal, c) },
	"distance_meters":       func(w *owv1.WorkoutInput, c string) error { return setNumber(&w.DistanceMeters, c) },
	"avg_heart_rate_bpm":    func(w *owv1.WorkoutInput, c string) error { return setNumber(&w.AvgHeartRateBpm, c) },
	"max_heart_rate_bpm":    func(w *owv1.WorkoutInput, c string) error { return setNumber(&w.MaxHeartRateBpm, c) },
	"avg_pace_sec_per_km":   func(w *owv1.WorkoutInput, c string) error { return setNumber(&w.AvgPaceSecPerKm, c) },
	"elevation_gain_meters": func(w *owv1.WorkoutInput, c string) error { return setNumber(&w.ElevationGainMeters, c) },
}

// Columns returns the names of the columns that a CSV file may have.
func Columns() []string {
	names := make([]string, 0, len(columns))
	for name := range columns {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// readCSV reads RFC 4180 with a header.
func readCSV(r io.Reader, f yield) error {
	buffered := bufio.NewReader(r)
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\uFEFF" {
		_, _ = buffered.Discard(3)
	}
	bounded := &recordBound{r: buffered, most: maxRecord}
	table := csv.NewReader(bounded)
	table.ReuseRecord = true
	header, err := table.Read()
	if errors.Is(err, io.EOF) {
		return errors.New("it is empty: the first line names the columns")
	} else if err != nil {
		return err
	}
	header = slices.Clone(header)
	for i, name := range header {
		header[i] = strings.ToLower(strings.TrimSpace(name))
		if columns[header[i]] == nil || slices.Contains(header[:i], header[i]) {
			return fmt.Errorf("the column %q is unknown, or there twice: there are %s", name, strings.Join(Columns(), ", "))
		}
	}
	for {
		bounded.used = 0
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		short := errors.Is(err, csv.ErrFieldCount)
		if err != nil && !short {
			return err // from here on nothing can be told apart
		}
		line, _ := table.FieldPos(0)
		var w *owv1.WorkoutInput
		if short {
			err = fmt.Errorf("has %d columns, and the first line %d", len(row), len(header))
		} else {
			w, err = workoutOf(header, row)
		}
		if err != nil {
			err = &ItemError{fmt.Sprintf("line %d", line), err}
		}
		if !f(w, err) {
			return nil
		}
	}
}

func workoutOf(header, row []string) (*owv1.WorkoutInput, error) {
	w := &owv1.WorkoutInput{Source: &owv1.WorkoutSource{}}
	for i, cell := range row {
		if cell = strings.Clone(strings.TrimSpace(cell)); cell == "" {
			continue
		}
		if err := columns[header[i]](w, cell); err != nil {
			return nil, fmt.Errorf("%s %w", header[i], err)
		}
	}
	if w.StartTime == nil {
		return nil, errors.New("has no start_time")
	}
	if w.EndTime == nil {
		if w.DurationSeconds == nil {
			return nil, errors.New("has neither end_time nor duration_seconds")
		}
		w.EndTime = timestamppb.New(w.StartTime.AsTime().Add(time.Duration(*w.DurationSeconds) * time.Second))
	}
	return w, nil
}

// timeLayouts are the forms of times with an offset.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05-07:00"}

func setTime(w *owv1.WorkoutInput, to **timestamppb.Timestamp, cell string) error {
	for _, layout := range timeLayouts {
		t, err := time.Parse(layout, cell)
		if err != nil {
			continue
		}
		*to = timestamppb.New(t)
		if w.ZoneOffset == nil {
			w.ZoneOffset = offset(t)
		}
		return nil
	}
	return errors.New("must be a time with its offset, such as 2026-03-01T08:00:00+01:00")
}

func setSeconds(to **int32, cell string) error {
	n, err := strconv.ParseFloat(cell, 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > math.MaxInt32 {
		return errors.New("must be a number of seconds")
	}
	*to = new(int32(math.Round(n)))
	return nil
}

func setNumber(to **float64, cell string) error {
	n, err := strconv.ParseFloat(cell, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return errors.New("must be a number, with a dot before its decimals")
	}
	*to = &n
	return nil
}

// recordBound fails once more than most bytes were read since used was set to 0, beyond
// what a buffered reader takes ahead.
type recordBound struct {
	r    io.Reader
	most int
	used int
}

var errRecord = fmt.Errorf("a workout in it takes more than %d KiB", maxRecord>>10)

func (b *recordBound) Read(p []byte) (int, error) {
	if b.used > b.most {
		return 0, errRecord
	}
	n, err := b.r.Read(p[:min(len(p), 4096)])
	b.used += n
	return n, err
}
