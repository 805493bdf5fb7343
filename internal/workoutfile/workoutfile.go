// Package workoutfile reads workouts from the files of others: CSV, JSON, the export of
// Apple Health and FIT. It holds one workout at a time, and bounds what it holds.
package workoutfile

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// Bounds.
const (
	MaxFIT    = 64 << 20 // bytes of a FIT file
	maxRecord = 64 << 10 // bytes of a row or an object
	maxXML    = 1 << 20  // bytes of a workout of Apple Health
	maxExport = 16 << 30 // bytes of export.xml in a zip
	maxRatio  = 200      // of its size to what the zip has of it
)

// An ItemError is what is wrong with one workout of a file. The others are read.
type ItemError struct {
	Place string // such as "line 7" or "workout 3"
	Err   error
}

func (e *ItemError) Error() string { return e.Place + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ItemError) Unwrap() error { return e.Err }

// A yield takes a workout, or the *ItemError of one. It returns false to end the reading.
type yield func(*owv1.WorkoutInput, error) bool

// A Format reads one kind of file.
type Format string

// The formats. Apple is export.xml, or the zip that it comes in.
const (
	CSV   Format = "csv"
	JSON  Format = "json"
	Apple Format = "apple"
	FIT   Format = "fit"
)

// FormatOf returns the format of a file by its name, "" if that does not tell.
func FormatOf(path string) Format {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return CSV
	case ".json", ".jsonl", ".ndjson":
		return JSON
	case ".xml", ".zip":
		return Apple
	case ".fit":
		return FIT
	default:
		return ""
	}
}

// Read calls f with each workout of the file, in its order, or with an *ItemError for one
// that cannot be read. It returns an error if the rest cannot be read.
//
// A workout without a provider gets the given one. One without an external id gets one
// that is the same each time it is read.
func Read(file *os.File, format Format, provider string, f func(*owv1.WorkoutInput, error) bool) error {
	complete := func(w *owv1.WorkoutInput, err error) bool {
		if err == nil {
			identify(w, provider)
		}
		return f(w, err)
	}
	switch format {
	case CSV:
		return readCSV(file, complete)
	case JSON:
		return readJSON(file, complete)
	case FIT:
		return readFIT(file, complete)
	case Apple:
		if strings.EqualFold(filepath.Ext(file.Name()), ".zip") {
			return readZip(file, complete)
		}
		return readApple(file, complete)
	default:
		return fmt.Errorf("the format %q is not one of csv, json, apple and fit", format)
	}
}

// readZip reads the export in the zip of Apple Health, whose names are translated.
func readZip(file *os.File, f yield) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(file, info.Size())
	if err != nil {
		return fmt.Errorf("it is no zip: %w", err)
	}
	var export *zip.File
	for _, member := range archive.File {
		name := strings.ToLower(member.Name)
		if strings.Count(name, "/") <= 1 && strings.HasSuffix(name, ".xml") && !strings.HasSuffix(name, "_cda.xml") &&
			(export == nil || member.UncompressedSize64 > export.UncompressedSize64) {
			export = member
		}
	}
	if export == nil {
		return errors.New("it has no export.xml: give the zip that the app Health makes")
	}
	if size := export.UncompressedSize64; size > maxExport || size/max(export.CompressedSize64, 1) > maxRatio {
		return fmt.Errorf("%s in it is larger than an export is: unpack it, and give the file", export.Name)
	}
	r, err := export.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return readApple(io.LimitReader(r, maxExport), f)
}

// identify gives a workout what it lacks of its provider and its id.
func identify(w *owv1.WorkoutInput, provider string) {
	if w.Source == nil {
		w.Source = &owv1.WorkoutSource{}
	}
	if w.Source.Provider == "" {
		w.Source.Provider = provider
	}
	if w.ExternalId == "" {
		w.ExternalId = stableID("import", w.GetType(), w.GetSource().GetSource(), instant(w.GetStartTime()), instant(w.GetEndTime()))
	}
}

func instant(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format(time.RFC3339Nano)
}

// stableID returns an id that depends on the parts alone.
func stableID(kind string, parts ...string) string {
	sum := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(sum, "%d:%s", len(p), p)
	}
	return kind + "-" + hex.EncodeToString(sum.Sum(nil)[:16])
}

// knownTypes are the types of workouts that mean the same to everybody.
var knownTypes = sync.OnceValue(func() []string {
	field := (&owv1.Workout{}).ProtoReflect().Descriptor().Fields().ByName("type")
	known, _ := proto.GetExtension(field.Options(), owv1.E_Known).(*owv1.KnownValues)
	return known.GetValues()
})

func isKnown(name string) bool { return slices.Contains(knownTypes(), name) }

// offset returns the offset from UTC of a time as the API has it.
func offset(t time.Time) *string {
	if _, seconds := t.Zone(); seconds == 0 {
		return new("Z")
	}
	return new(t.Format("-07:00"))
}
