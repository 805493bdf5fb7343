package rpc

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/problem"
)

func TestFirstWrongMember(t *testing.T) {
	workouts, key, rotate := &owv1.UpsertWorkoutsRequest{}, &owv1.UpdateKeyRequest{}, &owv1.RotateKeyRequest{}
	const instant = "must be an RFC 3339 time such as 2026-03-07T10:30:00Z"
	for _, c := range []struct {
		of             proto.Message
		body           string
		field, message string
	}{
		{workouts, `{"userId":1,"workouts":1}`, "user_id", "must be a string"},
		{workouts, `{"workouts":1,"userId":1}`, "workouts", "must be an array"},
		{workouts, `{"workouts":{}}`, "workouts", "must be an array"},
		{workouts, `{"workouts":[{},{"x":[{"a":1}]},[]]}`, "workouts[2]", "must be an object"},
		{workouts, `{"workouts":[null]}`, "workouts[0]", "must be an object"},
		{workouts, `{"user_id":null,"workouts":[{"source":null},{"source":"x"}]}`, "workouts[1].source", "must be an object"},
		{workouts, `{"workouts":[{"source":{"deviceType":{}}}]}`, "workouts[0].source.device_type", "must be a string"},
		{workouts, `{"workouts":[{"distance_meters":"1","calories_kcal":"x"}]}`, "workouts[0].calories_kcal", "must be a number"},
		{workouts, `{"workouts":[{"calories_kcal":" 1"}]}`, "workouts[0].calories_kcal", "must be a number"},
		{workouts, `{"workouts":[{"calories_kcal":"infinity"}]}`, "workouts[0].calories_kcal", "must be a number"},
		{workouts, `{"workouts":[{"duration_seconds":1.5}]}`, "workouts[0].duration_seconds", "must be a whole number"},
		{workouts, `{"workouts":[{"duration_seconds":"NaN"}]}`, "workouts[0].duration_seconds", "must be a whole number"},
		{workouts, `{"workouts":[{"start_time":"2026-03-07T1:30:00Z"}]}`, "workouts[0].start_time", instant},
		{workouts, `{"workouts":[{"start_time":"2026-03-07T10:30:00,5Z"}]}`, "workouts[0].start_time", instant},
		{workouts, `{"workouts":[{"start_time":"2026-03-07T10:30:00Z"},{"start_time":"x"}]}`, "workouts[1].start_time", instant},
		{workouts, `{"workouts":[{"end_time":7}]}`, "workouts[0].end_time", "must be a string"},
		{workouts, `{"workouts":[{"name":"a","NAME":1,"externalId":"a","external_id":"b"}]}`, "workouts[0]", "must not name a member twice"},
		{workouts, `{"userId":"a","user_id":"b","workouts":1}`, "", "must not name a member twice"},
		{key, `{"enabled":0}`, "enabled", "must be true or false"},
		{key, `{"scopes":["a",null]}`, "scopes[1]", "must be a string"},
		{key, `{"updateMask":["name"]}`, "update_mask", "must be a comma-separated list of fields"},
		{key, `{"update_mask":"a_b"}`, "update_mask", "must be a comma-separated list of fields"},
		{rotate, `{"overlapSeconds":0.1}`, "overlap_seconds", "must be a whole number"},
	} {
		got := firstFault([]byte(c.body), c.of.ProtoReflect().Descriptor())
		if got == nil || got.Field != c.field || got.Message != c.message {
			t.Errorf("%s: %v, want %q %q", c.body, got, c.field, c.message)
		}
	}
}

// firstFault returns the first fault of a body or of an item in it.
func firstFault(body []byte, of protoreflect.MessageDescriptor) *problem.FieldError {
	fitting, fault := fitMembers(body, of)
	if len(fitting.faults) == 0 {
		return fault
	}
	f := fitting.faults[0]
	return &problem.FieldError{Field: strings.TrimSuffix(fmt.Sprintf("%s[%d].%s", f.list.Name(), f.index, f.Field), "."), Message: f.Message}
}

// Every notation of a value is read as the one that it stands for.
func TestNotations(t *testing.T) {
	read := func(member string) *owv1.WorkoutInput {
		m := &owv1.UpsertWorkoutsRequest{}
		body := []byte(`{ "workouts": [ {"externalId":"a"}, { ` + member + ` , "type":"run" } ] , "x":{} }`)
		if err := (jsonCodec{}).Unmarshal(body, m); err != nil || unreadable(m) != nil {
			t.Errorf("%s is refused: %v", member, unreadable(m))
			return nil
		}
		return m.GetWorkouts()[1]
	}
	for _, same := range [][]string{
		{`"duration_seconds":3600`, `"durationSeconds":3600.0`, `"duration_seconds":3.6e3`, `"duration_seconds":36000e-1`, `"duration_seconds":"3600"`, `"duration_seconds":"3.6E+3"`},
		{`"duration_seconds":0`, `"duration_seconds":-0.0`, `"duration_seconds":0e99999999999`},
		{`"duration_seconds":-2147483648`, `"duration_seconds":2147483648`, `"duration_seconds":1e999999999999`, `"duration_seconds":-1e30`},
		{`"calories_kcal":12.5`, `"calories_kcal":1.25e1`, `"calories_kcal":"12.5"`},
		{`"calories_kcal":"Infinity"`, `"calories_kcal":1e999999999999`, `"calories_kcal":"1e400"`},
		{`"calories_kcal":"-Infinity"`, `"calories_kcal":-1e400`},
		{`"start_time":"2026-03-07T10:30:00.123456Z"`, `"startTime":"2026-03-07t12:30:00.12345678901234+02:00"`, `"start_time":"2026-03-07T10:30:00.123456999z"`},
	} {
		want := read(same[0])
		for _, member := range same {
			if got := read(member); !proto.Equal(got, want) {
				t.Errorf("%s is %v, want %v", member, got, want)
			}
		}
	}
}

// What fits is what the decoder takes, and what the decoder takes of other times and
// numbers too: odd values at random places.
func TestFittingAgreesWithTheDecoder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	odd := []string{
		`null`, `true`, `1`, `-0`, `1.0`, `1e3`, `1e400`, `2147483648`, `"12"`, `"1.5"`, `"NaN"`, `"x"`, `""`, `[]`, `{}`, `[{}]`, `{"a":[1,{}]}`,
		`"2026-03-07T10:30:00Z"`, `"2026-03-07"`, `"9999-12-31T23:59:59.999999999Z"`, `"10000-01-01T00:00:00Z"`,
	}
	names := []string{"userId", "user_id", "workouts", "x", "externalId", "startTime", "end_time", "source", "provider", "durationSeconds", "distanceMeters"}
	var value func(depth int) string
	value = func(depth int) string {
		switch {
		case depth == 0 || rng.IntN(3) == 0:
			return odd[rng.IntN(len(odd))]
		case rng.IntN(2) == 0:
			return "[" + value(depth-1) + "," + value(depth-1) + "]"
		}
		var members []string
		for i, at := range rng.Perm(len(names))[:3] {
			members = append(members, fmt.Sprintf(`%q:%s`, names[at], value(depth-1-i/3)))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	refused := 0
	for range 20_000 {
		body := fmt.Sprintf(`{"workouts":[{%q:%s}],%q:"u"}`, names[3+rng.IntN(8)], value(rng.IntN(3)), names[rng.IntN(2)])
		m := &owv1.UpsertWorkoutsRequest{}
		fitting, fault := fitMembers([]byte(body), m.ProtoReflect().Descriptor())
		wrong := fault != nil || len(fitting.faults) > 0
		if err := decodeJSON.Unmarshal(fitting.body, proto.Clone(m)); fault == nil && err != nil {
			t.Fatalf("%s fits as %s, which is refused: %v", body, fitting.body, err)
		}
		if err := decodeJSON.Unmarshal([]byte(body), m); wrong && err == nil {
			t.Fatalf("%s does not fit (%v), and the decoder takes it", body, firstFault([]byte(body), m.ProtoReflect().Descriptor()))
		}
		if wrong {
			refused++
		}
	}
	if refused < 1000 || refused > 19_000 {
		t.Errorf("%d of 20000 are refused", refused)
	}
}

// The cost of finding the wrong member is that of reading the body: it grows with
// the items before, and not with their values.
func TestWrongMemberIsFoundInOneReading(t *testing.T) {
	for name, item := range map[string]string{
		"names":   `{"name":"` + strings.Repeat("n", 8000) + `"}`,
		"unknown": `{"x":[` + strings.Repeat(`{"y":1},`, 1000) + `{}]}`,
		"spaces":  `{` + strings.Repeat(" ", 8000) + `}`,
	} {
		body := []byte(`{"workouts":[` + strings.Repeat(item+",", 999) + `{"name":1}]}`)
		of := (&owv1.UpsertWorkoutsRequest{}).ProtoReflect().Descriptor()
		var got string
		allocations := testing.AllocsPerRun(1, func() {
			got = firstFault(body, of).Field
		})
		if got != "workouts[999].name" || allocations > 10_000 {
			t.Errorf("%s: %s with %v allocations", name, got, allocations)
		}
	}
}

func BenchmarkFitMembers(b *testing.B) {
	item := `{"externalId":"w","type":"running","startTime":"2026-03-02T07:00:00Z","endTime":"2026-03-02T07:30:00Z",` +
		`"distanceMeters":5000,"source":{"provider":"apple"}}`
	body := []byte(`{"workouts":[` + strings.Repeat(item+",", 999) + `{"name":1}]}`)
	of := (&owv1.UpsertWorkoutsRequest{}).ProtoReflect().Descriptor()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = fitMembers(body, of)
	}
}
