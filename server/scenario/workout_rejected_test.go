package scenario_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/dynamicpb"
)

// oddWorkout is an item of a call that is not a valid workout, and what is wrong with it first.
type oddWorkout struct {
	item           any
	field, message string // the field is relative to the item
}

// oddWorkouts returns one of each kind.
func oddWorkouts() []oddWorkout {
	with := func(name string, value any) any {
		return withMembers(halfHourRun("odd", "2026-03-02T07:00:00Z"), args{name: value})
	}
	raw := func(json string) wireValue { return wireValue{json, json} }
	without := func(name string) any {
		w := with("name", "odd").(args)
		delete(w, name)
		return w
	}
	const instant = "must be an RFC 3339 time such as 2026-03-07T10:30:00Z"
	return []oddWorkout{
		{with("max_heart_rate_bpm", 301), "max_heart_rate_bpm", "must be 0 to 300"},
		{with("calories_kcal", raw("1e999")), "calories_kcal", "must be 0 to 100000"},
		{with("duration_seconds", raw("1e999999999")), "duration_seconds", "must be 0 to 31536000"},
		{with("duration_seconds", 1.5), "duration_seconds", "must be a whole number"},
		{with("distance_meters", "far"), "distance_meters", "must be a number"},
		{with("distance_meters", []any{1}), "distance_meters", "must be a number"},
		{with("name", 7), "name", "must be a string"},
		{with("name", args{"a": []any{args{}, 1}}), "name", "must be a string"},
		{with("source", "apple"), "source", "must be an object"},
		{with("source", []any{args{"provider": "p"}}), "source", "must be an object"},
		{with("source", args{"provider": "p", "device": true}), "source.device", "must be a string"},
		{with("source", args{}), "source.provider", "must be 1 to 255 characters long"},
		{with("start_time", "2026-03-02T07:00:00"), "start_time", instant},
		{with("start_time", 1772434800), "start_time", "must be a string"},
		{with("end_time", "2026-03-02T06:00:00Z"), "end_time", "must not be before start_time"},
		{with("zone_offset", "+2"), "zone_offset", `must be an offset such as "+02:00"`},
		{with("type", strings.Repeat("x", 256)), "type", "must be 1 to 255 characters long"},
		{with("name", raw(`"a\u0000b"`)), "name", "must not hold U+0000"},
		{without("start_time"), "start_time", instant},
		{without("external_id"), "external_id", "must be 1 to 255 characters long"},
		{without("source"), "source.provider", "must be 1 to 255 characters long"},
		{args{}, "external_id", "must be 1 to 255 characters long"},
		{raw("null"), "", "must be an object"},
		{7, "", "must be an object"},
		{[]any{args{}}, "", "must be an object"},
	}
}

// at returns the field of the workout in a call.
func (o oddWorkout) at(index int) string {
	return strings.TrimSuffix(fmt.Sprintf("workouts[%d].%s", index, o.field), ".")
}

// sentBy reports whether the surface can express the item.
func (o oddWorkout) sentBy(t *testing.T, d driver) bool {
	t.Helper()
	rpc, ok := d.(rpcDriver)
	if !ok || rpc.media == jsonType {
		return true
	}
	body := encode(t, args{"workouts": []any{o.item}})
	return (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(body, dynamicpb.NewMessage(method("UpsertWorkouts").Input())) == nil
}

// thousand returns a full batch of valid workouts, which are the same in every call.
func thousand() []any {
	all := make([]any, 1000)
	for i := range all {
		all[i] = halfHourRun(fmt.Sprint(i), time.Date(2026, 3, 1, 0, i, 0, 0, time.UTC).Format(time.RFC3339))
	}
	return all
}

// TestOneOddWorkoutIsRejectedAlone stores full batches in which one workout is odd, in every way.
// The others are stored, and repeating the call changes nothing. All or none of it stores nothing.
func TestOneOddWorkoutIsRejectedAlone(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		tried := 0
		for i, odd := range oddWorkouts() {
			if !odd.sentBy(t, d) {
				continue
			}
			tried++
			const at = 417
			batch := thousand()
			batch[0], batch[at] = halfHourRun(fmt.Sprint("new ", i), "2026-03-01T00:00:00Z"), odd.item
			call := func(in args) answer {
				return d.call(t, "UpsertWorkouts", withMembers(args{"user_id": user, "workouts": batch}, in), bearer(admin))
			}
			a := call(args{"all_or_none": true}).want(t, 422, "invalid_request")
			if a.Detail != odd.at(at)+": "+odd.message || a.Fields[0] != odd.at(at) {
				t.Errorf("all or none with %.60v is answered %q %v", odd.item, a.Detail, a.Fields)
			}
			want := fmt.Sprintf(`[{"field":%s,"index":%d,"message":%s}]`, encode(t, odd.at(at)), at, encode(t, odd.message))
			for round, created := range []float64{1, 0} {
				a := call(nil).want(t, 200, "")
				if tried == 1 && round == 0 {
					created = 999
				}
				if got := string(encode(t, a.list("rejected"))); got != want || a.member("created") != created || a.member("updated") != 999-created {
					t.Errorf("round %d with %.60v: created %v, updated %v, rejected %s, want %s", round, odd.item, a.member("created"), a.member("updated"), got, want)
				}
				wantItems(t, a, slices.Delete(slices.Clone(batch), at, at+1))
			}
		}
		if tried < 8 {
			t.Errorf("%d kinds were tried", tried)
		}
	}, unlimited)
}

// wantItems fails the test unless the answer lists the workouts, in order.
func wantItems(t *testing.T, a answer, workouts []any) {
	t.Helper()
	items := a.list("items")
	if len(items) != len(workouts) {
		t.Fatalf("%d items for %d workouts", len(items), len(workouts))
	}
	for i, item := range items {
		if got, want := item.(map[string]any)["external_id"], workouts[i].(args)["external_id"]; got != want {
			t.Fatalf("item %d is %v, want %v", i, got, want)
		}
	}
}

// TestOddWorkoutsAreListedInOrder mixes odd workouts of every kind with a few valid ones. A batch in
// which every workout is odd is refused.
func TestOddWorkoutsAreListedInOrder(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		good := halfHourRun("good", "2026-03-02T07:00:00Z")
		odd := slices.DeleteFunc(oddWorkouts(), func(o oddWorkout) bool { return !o.sentBy(t, d) })
		var all, mixed []any
		var fields []string
		for i, o := range odd {
			all = append(all, o.item)
			mixed = append(mixed, o.item, good)
			fields = append(fields, o.at(2*i))
		}
		a := d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": mixed}, bearer(admin)).want(t, 200, "")
		var got []string
		for i, r := range a.list("rejected") {
			if r := r.(map[string]any); r["index"] != float64(2*i) || r["message"] != odd[i].message {
				t.Errorf("rejected %v, want %q at %d", r, odd[i].message, 2*i)
			}
			got = append(got, r.(map[string]any)["field"].(string))
		}
		if !slices.Equal(got, fields) || len(a.list("items")) != len(odd) || a.member("created") != 1.0 {
			t.Errorf("rejected %v, want %v; %d stored", got, fields, len(a.list("items")))
		}
		n.refusesAll(t, d, admin, user, all, odd)
		kept := d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "0001-01-01", "end_date": "9998-12-31"}, bearer(admin)).want(t, 200, "")
		if ids := externalIDs(kept); !slices.Equal(ids, []string{"good"}) {
			t.Errorf("stored are %v", ids)
		}
	}, unlimited)
}

// refusesAll fails the test unless calls of odd workouts alone are refused, with the first fault in
// front and without regard to all_or_none.
func (n *node) refusesAll(t *testing.T, d driver, admin, user string, all []any, odd []oddWorkout) {
	t.Helper()
	first := odd[0].at(0) + ": " + odd[0].message
	for _, in := range []args{{}, {"all_or_none": false}, {"all_or_none": true}, {"workouts": all[:1]}, {"workouts": slices.Repeat(all[:1], 1000)}} {
		a := d.call(t, "UpsertWorkouts", withMembers(args{"user_id": user, "workouts": all}, in), bearer(admin)).want(t, 422, "invalid_request")
		if a.Detail != first || len(a.Fields) < len(all) && len(a.Fields) != 1 {
			t.Errorf("odd workouts alone are answered %q %v", a.Detail, a.Fields)
		}
	}
	a := d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": slices.Repeat(all[:1], 1001)}, bearer(admin)).want(t, 422, "invalid_request")
	if !slices.Equal(a.Fields, []string{"workouts"}) {
		t.Errorf("too many odd workouts are answered %v", a.Fields)
	}
}

// TestInvalidUTF8RejectsOneWorkout puts bytes that are no text into one workout of a binary message.
func TestInvalidUTF8RejectsOneWorkout(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := rpcDriver{n, protoType}
	admin, _ := n.login(t, d)
	user := n.newUser(t, d, admin)
	batch := []args{halfHourRun("a", "2026-03-02T07:00:00Z"), withMembers(halfHourRun("b", "2026-03-02T07:00:00Z"), args{"name": "~~~~"}), halfHourRun("c", "2026-03-02T07:00:00Z")}
	a := d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": batch}, bearer(admin), rewrite("~~~~", "a\xff\xfeb")).want(t, 200, "")
	want := `[{"field":"workouts[1].name","index":1,"message":"must be valid UTF-8"}]`
	if got := string(encode(t, a.list("rejected"))); got != want || a.member("created") != 2.0 {
		t.Errorf("rejected %s, want %s", got, want)
	}
}
