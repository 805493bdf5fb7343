package scenario_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func newRequest(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// halfHourRun returns a run of half an hour.
func halfHourRun(externalID, start string) args {
	from, err := time.Parse(time.RFC3339, start)
	if err != nil {
		panic(err)
	}
	return args{
		"external_id": externalID, "type": "running", "start_time": start,
		"end_time": from.Add(30 * time.Minute).Format(time.RFC3339), "source": args{"provider": "apple"},
	}
}

// withMembers returns a copy of the workout with some members replaced.
func withMembers(w, members args) args {
	w = maps.Clone(w)
	maps.Copy(w, members)
	return w
}

// putWorkouts upserts workouts of the user and returns the answer.
func putWorkouts(t *testing.T, d driver, token, user string, workouts ...args) answer {
	t.Helper()
	return d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": workouts}, bearer(token)).want(t, 200, "")
}

// externalIDs returns the external ids of a page of workouts in order.
func externalIDs(a answer) []string {
	ids := []string{}
	for _, w := range a.list("data") {
		ids = append(ids, w.(map[string]any)["external_id"].(string))
	}
	return ids
}

// member returns the member of the body at the path of names.
func (a answer) member(names ...string) any {
	v := a.Body
	for _, name := range names {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// TestWorkoutRoundTrip checks that a workout reads back as written, and that unset members are
// absent.
func TestWorkoutRoundTrip(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		app, secret := n.newApp(t, d, admin)
		user := n.newUser(t, d, admin)
		access, _ := n.exchange(t, d, user, app, secret)
		_, key := n.newKey(t, d, admin, nil)
		full := args{
			"external_id": "w/1", "type": "running", "name": "Morning ☀", "start_time": "2026-03-02T07:00:00.123456Z", "end_time": "2026-03-02T07:30:00Z",
			"zone_offset": "+02:00", "duration_seconds": 1700,
			"source":        args{"provider": "apple", "source": "healthkit", "device": "Watch6,1", "device_type": "watch", "device_name": "Ada's"},
			"calories_kcal": 301.5, "distance_meters": 5000.25, "avg_heart_rate_bpm": 140.6, "max_heart_rate_bpm": 171,
			"avg_pace_sec_per_km": 360.5, "elevation_gain_meters": 12,
		}
		bare := args{"external_id": "w/2", "type": "yoga", "start_time": "2026-03-03T07:00:00Z", "end_time": "2026-03-03T08:00:00Z", "source": args{"provider": "garmin"}}
		before := n.clock.now().Truncate(time.Microsecond)
		put := putWorkouts(t, d, access, user, full, bare)
		items := put.list("items")
		if put.member("created") != 2.0 || put.member("updated") != 0.0 || len(items) != 2 {
			t.Fatalf("written %v", put.Body)
		}
		for _, token := range []string{admin, key, access} {
			a := d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07"}, bearer(token)).want(t, 200, "")
			if a.member("metadata", "sample_count") != 2.0 || a.member("pagination", "has_more") != false ||
				a.member("metadata", "start_time") != "2026-03-01T00:00:00Z" || a.member("metadata", "end_time") != "2026-03-08T00:00:00Z" ||
				a.member("pagination", "next_cursor") != nil || a.member("pagination", "previous_cursor") != nil {
				t.Errorf("around the data: %v", withMembers(a.Body.(map[string]any), args{"data": nil}))
			}
			got := a.list("data")
			if len(got) != 2 {
				t.Fatalf("read %v", got)
			}
			for i, want := range []args{withMembers(bare, args{"duration_seconds": 3600}), full} {
				want = withMembers(want, args{"id": items[1-i].(map[string]any)["id"]})
				if string(encode(t, got[i])) != string(encode(t, want)) {
					t.Errorf("read %s, want %s", encode(t, got[i]), encode(t, want))
				}
			}
		}
		u := d.call(t, "GetUser", args{"id": user}, bearer(access)).want(t, 200, "")
		if u.str("last_synced_provider") != "garmin" || u.timeOf(t, "last_synced_at").Before(before) || u.member("has_active_connection") != false {
			t.Errorf("after a sync the user is %v", u.Body)
		}
		id := items[0].(map[string]any)["id"]
		d.call(t, "DeleteWorkout", args{"user_id": user, "workout_id": id}, bearer(access)).want(t, 204, "")
		d.call(t, "DeleteWorkout", args{"user_id": user, "workout_id": id}, bearer(access)).want(t, 404, "not_found")
		d.call(t, "DeleteWorkout", args{"user_id": user, "workout_id": "42"}, bearer(access)).want(t, 422, "invalid_request")
		other := n.newUser(t, d, admin)
		rest := items[1].(map[string]any)["id"]
		d.call(t, "DeleteWorkout", args{"user_id": other, "workout_id": rest}, bearer(admin)).want(t, 404, "not_found")
		if got := externalIDs(d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07"}, bearer(key))); !slices.Equal(got, []string{"w/2"}) {
			t.Errorf("left after deletions: %v", got)
		}
	}, unlimited)
}

// TestWorkoutOwners checks that a user's token reaches only that user's workouts, with the same
// refusal whether or not another user exists. Keys and developers reach all.
func TestWorkoutOwners(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		app, secret := n.newApp(t, d, admin)
		self, other := n.newUser(t, d, admin), n.newUser(t, d, admin)
		access, _ := n.exchange(t, d, self, app, secret)
		_, key := n.newKey(t, d, admin, nil)
		for operation, in := range map[string]args{
			"ListWorkouts":   {"start_date": "2026-03-01", "end_date": "2026-03-07"},
			"UpsertWorkouts": {"workouts": []args{halfHourRun("w", "2026-03-02T07:00:00Z")}},
			"DeleteWorkouts": {"workouts": []args{{"provider": "apple", "external_id": "w"}}},
			"DeleteWorkout":  {"workout_id": uuid.NewString()},
		} {
			for _, c := range []struct {
				user, token string
				status      int
				reason      string
			}{
				{other, access, 403, "other_user"},
				{uuid.NewString(), access, 403, "other_user"},
				{uuid.NewString(), admin, 404, "not_found"},
				{uuid.NewString(), key, 404, "not_found"},
				{"42", access, 422, "invalid_request"},
				{"42", key, 422, "invalid_request"},
			} {
				d.call(t, operation, withMembers(in, args{"user_id": c.user}), bearer(c.token)).want(t, c.status, c.reason)
			}
			// The owner is checked before the arguments.
			d.call(t, operation, args{"user_id": other, "workout_id": other}, bearer(access)).want(t, 403, "other_user")
		}
		if got := externalIDs(d.call(t, "ListWorkouts", args{"user_id": other, "start_date": "2026-03-01", "end_date": "2026-03-07"}, bearer(admin)).want(t, 200, "")); len(got) != 0 {
			t.Errorf("a refused write left %v", got)
		}
	}, unlimited)
}

// TestWorkoutRange checks every form of a date, and both ends of a range, on every surface.
func TestWorkoutRange(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		putWorkouts(t, d, admin, user,
			halfHourRun("eve", "2026-02-28T23:59:59Z"), halfHourRun("first", "2026-03-01T00:00:00Z"), halfHourRun("noon", "2026-03-01T14:00:00+02:00"),
			halfHourRun("last", "2026-03-01T23:59:59Z"), halfHourRun("next", "2026-03-02T00:00:00Z"), halfHourRun("old", "1969-12-31T23:59:59Z"))
		for _, c := range []struct {
			start, end string
			want       []string
		}{
			{"2026-03-01", "2026-03-01", []string{"last", "noon", "first"}},
			{"2026-03-01", "2026-03-02", []string{"next", "last", "noon", "first"}},
			{"2026-02-28", "2026-02-28", []string{"eve"}},
			{"2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", []string{"last", "noon", "first"}},
			{"2026-03-01T00:00:00.000001Z", "2026-03-02T00:00:00.000001Z", []string{"next", "last", "noon"}},
			{"2026-03-01T02:00:00+02:00", "2026-03-01T14:00:01+02:00", []string{"noon", "first"}},
			{"2026-03-01T12:00:00", "2026-03-01T12:00:01", []string{"noon"}},
			{"2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", []string{}},
			{"2026-03-01T12:00:00Z", "2026-03-01", []string{"last", "noon"}},
			{"1772323200", "1772409600", []string{"last", "noon", "first"}},
			{"1772323200", "2026-03-01", []string{"last", "noon", "first"}},
			{"-1", "0", []string{"old"}},
			{"-62135596800", "99999999999", []string{"next", "last", "noon", "first", "eve", "old"}},
			{"0001-01-01", "9999-12-31", []string{"next", "last", "noon", "first", "eve", "old"}},
			{"2030-01-01", "2030-12-31", []string{}},
		} {
			a := d.call(t, "ListWorkouts", args{"user_id": user, "start_date": c.start, "end_date": c.end}, bearer(admin)).want(t, 200, "")
			if got := externalIDs(a); !slices.Equal(got, c.want) {
				t.Errorf("%s to %s: %v, want %v", c.start, c.end, got, c.want)
			}
		}
		byType := d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07", "record_type": "Running"}, bearer(admin)).want(t, 200, "")
		if len(byType.list("data")) != 0 {
			t.Errorf("another type finds %v", externalIDs(byType))
		}
	}, unlimited)
}

// TestLastDayIsInRange checks that what is stored in the first and in the last instant of the range
// of times is listed, page by page, by ranges that end there.
func TestLastDayIsInRange(t *testing.T) {
	t.Parallel()
	const first, last = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		instant := func(id, at string) args {
			return withMembers(someWorkout(), args{"external_id": id, "start_time": at, "end_time": at})
		}
		putWorkouts(t, d, admin, user, instant("first", first), instant("eve", "9999-12-30T23:59:59Z"), instant("last", last))
		for _, c := range []struct {
			start, end string
			want       []string
		}{
			{"0001-01-01", "9999-12-31", []string{"last", "eve", "first"}},
			{"9999-12-31", "9999-12-31", []string{"last"}},
			{last, "9999-12-31", []string{"last"}},
			{"0001-01-01", "0001-01-01", []string{"first"}},
			{"-62135596800", "253402300799", []string{"eve", "first"}},
			{first, last, []string{"eve", "first"}},
		} {
			in := args{"user_id": user, "start_date": c.start, "end_date": c.end, "limit": 1}
			var got []string
			for cursor := ""; ; {
				a := d.call(t, "ListWorkouts", in, bearer(admin)).want(t, 200, "")
				got = append(got, externalIDs(a)...)
				if cursor, _ = a.Body.(map[string]any)["pagination"].(map[string]any)["next_cursor"].(string); cursor == "" {
					break
				}
				d.call(t, "ListWorkouts", withMembers(in, args{"cursor": cursor, "start_date": "2026-03-01"}), bearer(admin)).want(t, 422, "invalid_request")
				in["cursor"] = cursor
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s to %s: %v, want %v", c.start, c.end, got, c.want)
			}
		}
		a := d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "0001-01-01", "end_date": "9999-12-31"}, bearer(admin)).want(t, 200, "")
		if m := a.Body.(map[string]any)["metadata"].(map[string]any); m["start_time"] != first || m["end_time"] != last {
			t.Errorf("the range shown is %v", m)
		}
	}, unlimited)
}

// TestRefusedWorkoutRanges checks that a refusal names the invalid date, on every surface.
func TestRefusedWorkoutRanges(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		for _, c := range []struct {
			start, end string
			fields     []string
		}{
			{"2026-03-02", "2026-03-01", []string{"start_date"}},
			{"2026-03-02T00:00:00Z", "2026-03-01", []string{"start_date"}},
			{"2026-03-01T00:00:00.000001Z", "2026-03-01T00:00:00Z", []string{"start_date"}},
			{"2", "1", []string{"start_date"}},
			{"", "2026-03-01", []string{"start_date"}},
			{"2026-03-01", "", []string{"end_date"}},
			{"yesterday", "today", []string{"end_date", "start_date"}},
			{"2026-03-01T10:00:00 02:00", "2026-03-02", []string{"start_date"}}, // an unencoded +
			{"2026-03-01 10:00:00Z", "2026-03-02", []string{"start_date"}},
			{"2026-02-29", "2026-03-02", []string{"start_date"}},
			{"2026-13-01", "2026-03-02", []string{"start_date"}},
			{"2026-3-1", "2026-03-02", []string{"start_date"}},
			{"2026-03-01T23:59:60Z", "2026-03-02", []string{"start_date"}},
			{"2026-03-01T24:00:00Z", "2026-03-02", []string{"start_date"}},
			{"2026-03-01T1:00:00Z", "2026-03-02", []string{"start_date"}},
			{"2026-03-01T01:00:00,5Z", "2026-03-02", []string{"start_date"}},
			{"2026-03-01T01:00:00+24:00", "2026-03-02", []string{"start_date"}},
			{"2026-03-01T01:00Z", "2026-03-02", []string{"start_date"}},
			{"0000-01-01", "2026-03-02", []string{"start_date"}},
			{"10000-01-01", "2026-03-02", []string{"start_date"}},
			{"-99999999999", "2026-03-02", []string{"start_date"}},
			{"1772323200.5", "2026-03-02", []string{"start_date"}},
			{"1e9", "2026-03-02", []string{"start_date"}},
			{"1772323200000", "2026-03-02", []string{"start_date"}},
			{"+1", "2026-03-02", []string{"start_date"}},
			{"2026-03-01", "253402300800", []string{"end_date"}},
			{"2026-03-01", "9999-12-31T23:59:59-00:01", []string{"end_date"}},
			{"0001-01-01T00:00:00+00:01", "2026-03-02", []string{"start_date"}},
			{"2026-03-01\n", "2026-03-02", []string{"start_date"}},
			{"٢٠٢٦-٠٣-٠١", "2026-03-02", []string{"start_date"}},
		} {
			a := d.call(t, "ListWorkouts", args{"user_id": user, "start_date": c.start, "end_date": c.end}, bearer(admin))
			slices.Sort(a.Fields)
			if a.Status != 422 || a.Reason != "invalid_request" || !slices.Equal(a.Fields, c.fields) {
				t.Errorf("%q to %q is %d %s %v, want 422 for %v", c.start, c.end, a.Status, a.Reason, a.Fields, c.fields)
			}
		}
		missing := d.call(t, "ListWorkouts", args{"user_id": user}, bearer(admin)).want(t, 422, "invalid_request")
		if slices.Sort(missing.Fields); !slices.Equal(missing.Fields, []string{"end_date", "start_date"}) {
			t.Errorf("without dates the fields named are %v", missing.Fields)
		}
		for _, limit := range []int{0, -1, 101} {
			d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-02", "limit": limit}, bearer(admin)).want(t, 422, "invalid_request")
		}
	}, unlimited)
}

// TestWorkoutPages walks a list with ties forward and back.
func TestWorkoutPages(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		var all []args
		for i := range 23 {
			all = append(all, halfHourRun(fmt.Sprintf("w%02d", i), time.Date(2026, 3, 1, i/4, 0, 0, 0, time.UTC).Format(time.RFC3339)))
		}
		putWorkouts(t, d, admin, user, all...)
		list := func(in args) answer {
			t.Helper()
			in = withMembers(args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-01", "limit": 5}, in)
			return d.call(t, "ListWorkouts", in, bearer(admin)).want(t, 200, "")
		}
		whole := list(args{"limit": 100}).list("data")
		type place struct{ start, id string }
		at := func(w any) place {
			m := w.(map[string]any)
			return place{m["start_time"].(string), m["id"].(string)}
		}
		if len(whole) != 23 || !slices.IsSortedFunc(whole, func(a, b any) int {
			return strings.Compare(at(b).start+at(b).id, at(a).start+at(a).id)
		}) {
			t.Fatalf("%d workouts, newest first?", len(whole))
		}
		next := func(a answer) string { s, _ := a.member("pagination", "next_cursor").(string); return s }
		previous := func(a answer) string { s, _ := a.member("pagination", "previous_cursor").(string); return s }
		check := func(page int, a answer) {
			t.Helper()
			from, to := page*5, min(page*5+5, 23)
			if string(encode(t, a.list("data"))) != string(encode(t, whole[from:to])) {
				t.Errorf("page %d is %v", page, externalIDs(a))
			}
			more := to < 23
			if (next(a) != "") != more || a.member("pagination", "has_more") != more || (previous(a) != "") != (page > 0) ||
				a.member("metadata", "sample_count") != float64(to-from) || a.member("metadata", "end_time") != "2026-03-02T00:00:00Z" {
				t.Errorf("around page %d: %v %v", page, a.member("pagination"), a.member("metadata"))
			}
		}
		a := list(nil)
		check(0, a)
		for page := 1; page <= 4; page++ {
			a = list(args{"cursor": next(a)})
			check(page, a)
		}
		for page := 3; page >= 0; page-- {
			a = list(args{"cursor": previous(a)})
			check(page, a)
		}
		a = list(args{"cursor": next(a)})
		check(1, a)

		cursor := next(a)
		putWorkouts(t, d, admin, user, halfHourRun("new", "2026-03-01T23:00:00Z"))
		d.call(t, "DeleteWorkout", args{"user_id": user, "workout_id": at(whole[9]).id}, bearer(admin)).want(t, 204, "")
		check(2, list(args{"cursor": cursor}))

		other := n.newUser(t, d, admin)
		for _, in := range []args{
			{"cursor": cursor, "user_id": other},
			{"cursor": cursor, "start_date": "2026-02-28"},
			{"cursor": cursor, "end_date": "2026-03-02"},
			{"cursor": cursor, "record_type": "running"},
			{"cursor": cursor[1:]},
			{"cursor": "x"},
			{"cursor": cursor + "="},
			{"cursor": ""},
		} {
			in = withMembers(args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-01"}, in)
			if a := d.call(t, "ListWorkouts", in, bearer(admin)).want(t, 422, "invalid_request"); !slices.Equal(a.Fields, []string{"cursor"}) {
				t.Errorf("%v names %v", in, a.Fields)
			}
		}
		// Another spelling of the same range is the same list.
		check(2, list(args{"cursor": cursor, "end_date": "2026-03-02T00:00:00Z"}))
	}, unlimited)
}
