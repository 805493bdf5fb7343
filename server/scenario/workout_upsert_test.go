package scenario_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestUpsertWorkouts checks that provider and external_id identify a workout. A match is replaced
// as a whole, and a retry changes nothing.
func TestUpsertWorkouts(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user, other := n.newUser(t, d, admin), n.newUser(t, d, admin)
		read := func(user string) []any {
			t.Helper()
			return d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07", "limit": 100}, bearer(admin)).want(t, 200, "").list("data")
		}
		statuses := func(a answer) (out []string) {
			for _, item := range a.list("items") {
				m := item.(map[string]any)
				out = append(out, m["external_id"].(string)+" "+m["status"].(string))
			}
			return out
		}
		first := withMembers(halfHourRun("a", "2026-03-02T07:00:00Z"), args{"name": "old", "calories_kcal": 5})
		made := putWorkouts(t, d, admin, user, first)
		id := made.list("items")[0].(map[string]any)["id"]
		again := putWorkouts(t, d, admin, user, first)
		if got := statuses(again); !slices.Equal(got, []string{"a updated"}) || again.list("items")[0].(map[string]any)["id"] != id {
			t.Errorf("a retry answers %v", again.Body)
		}
		garmin := withMembers(halfHourRun("a", "2026-03-02T08:00:00Z"), args{"source": args{"provider": "garmin"}})
		mixed := putWorkouts(t, d, admin, user, halfHourRun("b", "2026-03-02T09:00:00Z"), garmin, halfHourRun("a", "2026-03-02T10:00:00Z"), halfHourRun("b", "2026-03-02T11:00:00Z"))
		if got := statuses(mixed); !slices.Equal(got, []string{"b created", "a created", "a updated", "b updated"}) || mixed.member("created") != 2.0 || mixed.member("updated") != 2.0 {
			t.Errorf("a mixed call answers %v", mixed.Body)
		}
		if items := mixed.list("items"); items[0].(map[string]any)["id"] != items[3].(map[string]any)["id"] {
			t.Errorf("one workout twice in a call has two ids: %v", items)
		}
		data := read(user)
		if len(data) != 3 {
			t.Fatalf("%d workouts", len(data))
		}
		for _, w := range data {
			m := w.(map[string]any)
			if m["id"] == id && (m["name"] != nil || m["calories_kcal"] != nil || m["start_time"] != "2026-03-02T10:00:00Z") {
				t.Errorf("not replaced whole: %v", m)
			}
			if m["external_id"] == "b" && m["start_time"] != "2026-03-02T11:00:00Z" {
				t.Errorf("the later of two in a call did not win: %v", m)
			}
		}
		if len(read(other)) != 0 {
			t.Error("another user's list is not empty")
		}
		putWorkouts(t, d, admin, other, first)
		if got := d.call(t, "GetUser", args{"id": user}, bearer(admin)); got.str("last_synced_provider") != "apple" {
			t.Errorf("last_synced_provider is %q", got.str("last_synced_provider"))
		}
	}, unlimited)
}

// TestRefusedUpserts checks that a refusal of all or none names every invalid workout, and that
// nothing of the call is stored.
func TestRefusedUpserts(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		good := halfHourRun("g", "2026-03-02T07:00:00Z")
		putWorkouts(t, d, admin, user, halfHourRun("a", "2026-03-02T07:00:00Z"))
		synced := d.call(t, "GetUser", args{"id": user}, bearer(admin)).str("last_synced_at")
		bad := func(members args) []args {
			return []args{good, good, good, withMembers(halfHourRun("z", "2026-03-02T07:00:00Z"), members)}
		}
		for _, c := range []struct {
			workouts []args
			fields   string
		}{
			{bad(args{"end_time": "2026-03-02T06:59:59Z"}), "workouts[3].end_time"},
			{bad(args{"type": ""}), "workouts[3].type"},
			{bad(args{"external_id": ""}), "workouts[3].external_id"},
			{bad(args{"external_id": strings.Repeat("x", 256)}), "workouts[3].external_id"},
			{bad(args{"source": args{}}), "workouts[3].source.provider"},
			{bad(args{"source": args{"provider": "p", "device": strings.Repeat("x", 256)}}), "workouts[3].source.device"},
			{bad(args{"zone_offset": "+2"}), "workouts[3].zone_offset"},
			{bad(args{"duration_seconds": -1}), "workouts[3].duration_seconds"},
			{bad(args{"avg_heart_rate_bpm": 301}), "workouts[3].avg_heart_rate_bpm"},
			{bad(args{"max_heart_rate_bpm": -1}), "workouts[3].max_heart_rate_bpm"},
			{bad(args{"calories_kcal": -0.5}), "workouts[3].calories_kcal"},
			{bad(args{"distance_meters": 1e9}), "workouts[3].distance_meters"},
			{[]args{withMembers(good, args{"type": ""}), withMembers(good, args{"external_id": ""})}, "workouts[0].type workouts[1].external_id"},
			{[]args{}, "workouts"},
			{slices.Repeat([]args{good}, 1001), "workouts"},
		} {
			a := d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": c.workouts, "all_or_none": true}, bearer(admin)).want(t, 422, "invalid_request")
			if got := strings.Join(a.Fields, " "); got != c.fields {
				t.Errorf("names %s, want %s", got, c.fields)
			}
		}
		for _, missing := range []string{"start_time", "end_time"} {
			w := maps.Clone(good)
			delete(w, missing)
			a := d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": []args{w}}, bearer(admin)).want(t, 422, "invalid_request")
			if !slices.Equal(a.Fields, []string{"workouts[0]." + missing}) {
				t.Errorf("without %s: names %v", missing, a.Fields)
			}
		}
		kept := d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07"}, bearer(admin)).want(t, 200, "")
		if len(kept.list("data")) != 1 || d.call(t, "GetUser", args{"id": user}, bearer(admin)).str("last_synced_at") != synced {
			t.Error("a refused call stored something")
		}
	}, unlimited)
}

// TestUpsertThousand checks that a full batch is stored in its order: a reader who sees the last
// sees the first. Repeating it on any surface creates nothing.
func TestUpsertThousand(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	ds := n.drivers()
	admin, _ := n.login(t, ds[0])
	user := n.newUser(t, ds[0], admin)
	batch := make([]args, 1000)
	for i := range batch {
		batch[i] = halfHourRun(fmt.Sprint(i), time.Date(2026, 3, 1, 0, i, 0, 0, time.UTC).Format(time.RFC3339))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		a := ds[0].call(t, "UpsertWorkouts", args{"user_id": user, "workouts": batch}, bearer(admin))
		if a.Status != 200 || a.member("created") != 1000.0 {
			t.Errorf("%d %s, created %v", a.Status, a.Reason, a.member("created"))
		}
	}()
	first := args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-01T00:01:00Z", "limit": 1}
	last := args{"user_id": user, "start_date": "2026-03-01T16:39:00Z", "end_date": "2026-03-02", "limit": 1}
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		late := len(ds[2].call(t, "ListWorkouts", last, bearer(admin)).want(t, 200, "").list("data"))
		early := len(ds[2].call(t, "ListWorkouts", first, bearer(admin)).want(t, 200, "").list("data"))
		if late > early || over && late == 0 {
			t.Errorf("a reader saw %d of the last and then %d of the first (answered: %v)", late, early, over)
		}
	}
	if a := putWorkouts(t, ds[2], admin, user, batch...); a.member("updated") != 1000.0 {
		t.Errorf("repeating it updated %v", a.member("updated"))
	}
}
