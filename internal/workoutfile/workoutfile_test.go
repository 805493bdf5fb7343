package workoutfile

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/muktihari/fit/encoder"
	"github.com/muktihari/fit/profile/mesgdef"
	"github.com/muktihari/fit/profile/typedef"
	"github.com/muktihari/fit/proto"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// read reads a file with that name and content.
func read(t *testing.T, name string, content []byte) (all []*owv1.WorkoutInput, wrong []string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	err = Read(file, FormatOf(name), "mine", func(w *owv1.WorkoutInput, err error) bool {
		if one, ok := errors.AsType[*ItemError](err); ok {
			wrong = append(wrong, one.Error())
		} else if err != nil {
			t.Errorf("%v is no *ItemError", err)
		} else {
			all = append(all, w)
		}
		return true
	})
	return all, wrong, err
}

// one reads a file that holds one workout, twice, and checks that its id is stable.
func oneOf(t *testing.T, name string, content []byte) *owv1.WorkoutInput {
	t.Helper()
	all, wrong, err := read(t, name, content)
	again, _, _ := read(t, name, content)
	if err != nil || len(wrong) > 0 || len(all) != 1 || len(again) != 1 {
		t.Fatalf("%s: %d workouts, %q, %v", name, len(all), wrong, err)
	}
	if all[0].GetExternalId() == "" || all[0].GetExternalId() != again[0].GetExternalId() {
		t.Errorf("%s: the ids are %q and %q", name, all[0].GetExternalId(), again[0].GetExternalId())
	}
	return all[0]
}

func expect(t *testing.T, w *owv1.WorkoutInput, kind, provider, start, end, zone string) {
	t.Helper()
	gotStart, gotEnd := w.GetStartTime().AsTime().Format(time.RFC3339), w.GetEndTime().AsTime().Format(time.RFC3339)
	if w.GetType() != kind || w.GetSource().GetProvider() != provider || gotStart != start || gotEnd != end || w.GetZoneOffset() != zone {
		t.Errorf("it is %s of %s from %s to %s at %s", w.GetType(), w.GetSource().GetProvider(), gotStart, gotEnd, w.GetZoneOffset())
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	w := oneOf(t, "a.csv", []byte("\uFEFFtype, Start_Time,duration_seconds,distance_meters,name\r\nrunning,2026-03-01T08:00:00+01:00,1800,5200.5,\"Lunch, \"\"fast\"\"\"\r\n"))
	expect(t, w, "running", "mine", "2026-03-01T07:00:00Z", "2026-03-01T07:30:00Z", "+01:00")
	if w.GetDistanceMeters() != 5200.5 || w.GetName() != `Lunch, "fast"` || w.GetDurationSeconds() != 1800 {
		t.Errorf("it has %v", w)
	}
	all, wrong, err := read(t, "b.csv", []byte("type,start_time,end_time,external_id,distance_meters\nrunning,yesterday,,a,\nrunning\n"+
		"rowing,2026-03-01 08:00:00 +0000,2026-03-01T09:00:00Z,b,1e3\nrowing,2026-03-01T08:00:00Z,,c,\nrowing,2026-03-01T08:00:00Z,2026-03-01T09:00:00Z,d,NaN\n"))
	if err != nil || len(all) != 1 || all[0].GetExternalId() != "b" || all[0].GetZoneOffset() != "Z" {
		t.Errorf("%v, %v", all, err)
	}
	for i, said := range []string{"line 2: start_time must be", "line 3: has 1 columns", "line 5: has neither end_time", "line 6: distance_meters must be"} {
		if i >= len(wrong) || !strings.HasPrefix(wrong[i], said) {
			t.Errorf("%q is not said in %q", said, wrong)
		}
	}
	for content, said := range map[string]string{
		"":                  "it is empty",
		"type,begin\n":      `the column "begin" is unknown`,
		"type,type\n":       `"type" is unknown, or there twice`,
		"type\n\"running\n": "extraneous or missing",
		"type\n" + strings.Repeat("x", 3*maxRecord): "more than 64 KiB",
	} {
		if _, _, err := read(t, "c.csv", []byte(content)); err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("%.20q: %v, not %q", content, err, said)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	const workout = `{"external_id": "a", "type": "yoga", "start_time": "2026-03-01T08:00:00Z", "end_time": "2026-03-01T09:00:00Z", "source": {"provider": "oura"}}`
	for _, content := range []string{workout, "[" + workout + "]", `{"user": {"id": 7}, "workouts": [` + workout + `], "more": [1]}`} {
		expect(t, oneOf(t, "a.json", []byte(content)), "yoga", "oura", "2026-03-01T08:00:00Z", "2026-03-01T09:00:00Z", "")
	}
	all, wrong, err := read(t, "a.jsonl", []byte(workout+"\n{\"kind\": 1}\n"+workout))
	if err != nil || len(all) != 2 || len(wrong) != 1 || !strings.HasPrefix(wrong[0], "workout 2: is no workout") {
		t.Errorf("lines: %v, %q, %v", all, wrong, err)
	}
	for content, said := range map[string]string{
		"7": "must hold a list", "[" + workout: "cut off", `{"workouts": [` + workout: "cut off", `{"workouts":`: "cut off", `{"a": "b`: "cut off", `{"workouts": 7}`: "must be a list",
		`["` + strings.Repeat("x", 3*maxRecord) + `"]`: "more than 64 KiB",
	} {
		if _, _, err := read(t, "c.json", []byte(content)); err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("%.20q: %v, not %q", content, err, said)
		}
	}
}

const appleExport = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [<!ELEMENT Workout ((MetadataEntry|WorkoutEvent)*)><!ATTLIST Workout duration CDATA #IMPLIED>]>
<HealthData locale="de_DE">
 <Record type="HKQuantityTypeIdentifierStepCount" value="7"/>
 <Workout workoutActivityType="HKWorkoutActivityTypeTraditionalStrengthTraining" duration="30.5" durationUnit="min" sourceName="Watch > of &quot;A&quot;" device="&lt;&lt;HKDevice: 0x1&gt;, name:Apple Watch, manufacturer:Apple Inc., hardware:Watch6,2, software:10&gt;" startDate="2026-03-01 08:00:00 +0100" endDate="2026-03-01 08:31:00 +0100">
  <MetadataEntry key="HKElevationAscended" value="1234 cm"/>
  <WorkoutEvent type="HKWorkoutEventTypePause"/>
  <WorkoutStatistics type="HKQuantityTypeIdentifierHeartRate" average="120.5" maximum="150" unit="count/min"/>
  <WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" sum="1.5" unit="mi"/>
  <WorkoutStatistics type="HKQuantityTypeIdentifierActiveEnergyBurned" sum="418.4" unit="kJ"/>
  <WorkoutActivity uuid="1"><WorkoutStatistics type="HKQuantityTypeIdentifierHeartRate" average="1" unit="count/min"/></WorkoutActivity>
  <WorkoutRoute sourceName="x"><FileReference path="/workout-routes/a.gpx"/></WorkoutRoute>
 </Workout>
</HealthData>
`

// What stands beside the lists of workouts is not kept, however much it is.
func TestJSONHoldsOneWorkout(t *testing.T) { // alone, for its measure of the heap
	var content bytes.Buffer
	content.WriteByte('{')
	for range 600 {
		fmt.Fprintf(&content, `"m%d":"%s","workouts":[{"type":"running"}],`, content.Len(), strings.Repeat("x", 60_000))
	}
	content.WriteString(`"end":1}`)
	path := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(path, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	content = bytes.Buffer{}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, n := heap(), 0
	err = Read(file, JSON, "import", func(*owv1.WorkoutInput, error) bool {
		if n++; n == 600 && heap() > before+8<<20 {
			t.Errorf("%d bytes are held", heap()-before)
		}
		return true
	})
	if err != nil || n != 600 {
		t.Errorf("%d workouts, %v", n, err)
	}
}

func TestAppleHealth(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	archive := zip.NewWriter(&zipped)
	for name, content := range map[string]string{
		"apple_health_export/Exportieren.xml": appleExport, "apple_health_export/export_cda.xml": strings.Repeat(" ", 5000),
		"apple_health_export/workout-routes/a.xml": strings.Repeat(" ", 5000),
	} {
		w, err := archive.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte(content))
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"export.xml": []byte(appleExport), "export.zip": zipped.Bytes()} {
		w := oneOf(t, name, content)
		expect(t, w, "strength_training", "apple_health", "2026-03-01T07:00:00Z", "2026-03-01T07:31:00Z", "+01:00")
		if w.GetAvgHeartRateBpm() != 120.5 || w.GetMaxHeartRateBpm() != 150 || int(w.GetDistanceMeters()) != 2414 || w.GetElevationGainMeters() != 12.34 ||
			int(w.GetCaloriesKcal()+0.5) != 100 || w.GetDurationSeconds() != 1830 || w.GetSource().GetSource() != `Watch > of "A"` ||
			w.GetSource().GetDevice() != "Watch6,2" || w.GetSource().GetDeviceName() != "Apple Watch" {
			t.Errorf("%s has %v", name, w)
		}
	}
	all, wrong, err := read(t, "export.xml", []byte(`<Workout startDate="a"/><Workout a="&own;"></Workout>
		<Workout workoutActivityType="HKWorkoutActivityTypeRunning" totalDistance="5" totalDistanceUnit="km" startDate="2026-03-01 08:00:00 +0000" endDate="2026-03-01 09:00:00 +0000"/>`))
	if err != nil || len(all) != 1 || all[0].GetDistanceMeters() != 5000 || len(wrong) != 2 {
		t.Errorf("%v, %q, %v", all, wrong, err)
	}
	if _, wrong, err := read(t, "export.xml", []byte(`<Workout a="`+strings.Repeat("x", maxXML)+`"/>`)); err != nil || len(wrong) != 1 || !strings.Contains(wrong[0], "1 MiB") {
		t.Errorf("a large one: %q, %v", wrong, err)
	}
	if _, _, err := read(t, "export.xml", []byte(`<Workout `)); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("half of one: %v", err)
	}
	bomb := bytes.Buffer{}
	archive = zip.NewWriter(&bomb)
	w, _ := archive.Create("export.xml")
	_, _ = w.Write(bytes.Repeat([]byte(" "), 1<<20))
	_ = archive.Close()
	if _, _, err := read(t, "export.zip", bomb.Bytes()); err == nil || !strings.Contains(err.Error(), "larger than an export is") {
		t.Errorf("a bomb: %v", err)
	}
}

// fitActivity returns a FIT file with a session.
func fitActivity(t testing.TB, sport typedef.Sport, sub typedef.SubSport) []byte {
	t.Helper()
	start := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	id := mesgdef.NewFileId(nil).SetType(typedef.FileActivity).SetManufacturer(typedef.ManufacturerGarmin).SetSerialNumber(7).SetTimeCreated(start)
	session := mesgdef.NewSession(nil).SetStartTime(start).SetTimestamp(start.Add(time.Hour)).SetSport(sport).SetSubSport(sub).
		SetTotalElapsedTimeScaled(3600).SetTotalTimerTimeScaled(3000).SetTotalDistanceScaled(10000.5).SetTotalCalories(500).
		SetAvgHeartRate(140).SetMaxHeartRate(180).SetTotalAscent(100)
	record := mesgdef.NewRecord(nil).SetTimestamp(start).SetHeartRate(100)
	var out bytes.Buffer
	fit := &proto.FIT{Messages: []proto.Message{id.ToMesg(nil), record.ToMesg(nil), session.ToMesg(nil)}}
	if err := encoder.New(&out).Encode(fit); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestFIT(t *testing.T) {
	t.Parallel()
	run := fitActivity(t, typedef.SportRunning, typedef.SubSportGeneric)
	w := oneOf(t, "a.fit", run)
	expect(t, w, "running", "garmin", "2026-03-01T08:00:00Z", "2026-03-01T09:00:00Z", "")
	if w.GetDistanceMeters() != 10000.5 || w.GetCaloriesKcal() != 500 || w.GetAvgHeartRateBpm() != 140 || w.GetMaxHeartRateBpm() != 180 ||
		w.GetElevationGainMeters() != 100 || w.GetDurationSeconds() != 3000 || w.Name != nil || w.Source.Device != nil {
		t.Errorf("it has %v", w)
	}
	swim := fitActivity(t, typedef.SportSwimming, typedef.SubSportLapSwimming)
	if got := oneOf(t, "a.fit", swim).GetType(); got != "pool_swimming" {
		t.Errorf("lap swimming is %s", got)
	}
	if all, _, err := read(t, "a.fit", append(bytes.Clone(run), swim...)); err != nil || len(all) != 2 || all[0].GetExternalId() == all[1].GetExternalId() {
		t.Errorf("two in a file: %v, %v", all, err)
	}
	damaged := bytes.Clone(run)
	damaged[len(damaged)-1] ^= 1
	for said, content := range map[string][]byte{"it is damaged": damaged, "not a FIT file": []byte("not a file of that kind"), "it is damaged: ": run[:len(run)/2]} {
		if _, _, err := read(t, "a.fit", content); err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("%v, not %q", err, said)
		}
	}
}

func FuzzFIT(f *testing.F) {
	f.Add(fitActivity(f, typedef.SportRunning, typedef.SubSportTreadmill))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = readFIT(bytes.NewReader(data), func(w *owv1.WorkoutInput, err error) bool {
			if (w == nil) == (err == nil) {
				t.Errorf("%v with %v", w, err)
			}
			if w != nil && (w.GetEndTime().AsTime().Before(w.GetStartTime().AsTime()) || w.GetExternalId() == "" || w.GetType() == "") {
				t.Errorf("it is %v", w)
			}
			return true
		})
	})
}

func FuzzApple(f *testing.F) {
	f.Add([]byte(appleExport))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = readApple(bytes.NewReader(data), func(w *owv1.WorkoutInput, err error) bool {
			if (w == nil) == (err == nil) || w != nil && (w.GetExternalId() == "" || w.GetType() == "") {
				t.Errorf("%v with %v", w, err)
			}
			return true
		})
	})
}

func FuzzText(f *testing.F) {
	f.Add([]byte("type,start_time,end_time\nrunning,2026-03-01T08:00:00Z,2026-03-01T09:00:00Z\n\"a\n"))
	f.Add([]byte(`{"workouts": [{"type": "yoga"}, 7]} [1`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, readText := range []func(io.Reader, yield) error{readCSV, readJSON} {
			_ = readText(bytes.NewReader(data), func(w *owv1.WorkoutInput, err error) bool {
				if (w == nil) == (err == nil) {
					t.Errorf("%v with %v", w, err)
				}
				return true
			})
		}
	})
}
