package scenario_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/openwearables/openwearables/server"
)

// workoutReference names a workout for DeleteWorkouts.
func workoutReference(provider, externalID string) args {
	return args{"provider": provider, "external_id": externalID}
}

// TestDeleteWorkoutsByReference checks that provider and external_id name what is deleted, and nothing
// else is, that a retry changes nothing, and that what a user keeps is counted on.
func TestDeleteWorkoutsByReference(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user, other := n.newUser(t, d, admin), n.newUser(t, d, admin)
		left := func(user string) (ids []string) {
			t.Helper()
			in := args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07", "limit": 100}
			for _, item := range d.call(t, "ListWorkouts", in, bearer(admin)).want(t, 200, "").list("data") {
				w := item.(map[string]any)
				ids = append(ids, w["source"].(map[string]any)["provider"].(string)+" "+w["external_id"].(string))
			}
			slices.Sort(ids)
			return ids
		}
		remove := func(status int, reason string, of ...args) answer {
			t.Helper()
			return d.call(t, "DeleteWorkouts", args{"user_id": user, "workouts": of}, bearer(admin)).want(t, status, reason)
		}
		count := func(a answer) string { return fmt.Sprint(a.member("deleted"), " ", a.member("not_found")) }
		garmin := withMembers(halfHourRun("a", "2026-03-02T08:00:00Z"), args{"source": args{"provider": "garmin"}})
		mine := []args{halfHourRun("a", "2026-03-02T07:00:00Z"), halfHourRun("b", "2026-03-02T07:00:00Z"), garmin}
		putWorkouts(t, d, admin, user, mine...)
		putWorkouts(t, d, admin, other, mine...)

		refused := remove(422, "invalid_request", workoutReference("apple", "a"), workoutReference("", "b"), workoutReference("apple", ""))
		if !slices.Equal(refused.Fields, []string{"workouts[1].provider", "workouts[2].external_id"}) {
			t.Errorf("the refusal names %v", refused.Fields)
		}
		if got := left(user); len(got) != 3 {
			t.Fatalf("a refused call left %v", got)
		}
		gone := remove(200, "", workoutReference(" apple ", "a"), workoutReference("apple", "a"), workoutReference("apple", "z"), workoutReference("garmin", "b"))
		if got := count(gone); got != "1 2" {
			t.Errorf("deleted and not found: %s", got)
		}
		if got := left(user); !slices.Equal(got, []string{"apple b", "garmin a"}) {
			t.Errorf("left are %v", got)
		}
		if got := left(other); len(got) != 3 {
			t.Errorf("of another user, %v are left", got)
		}
		if got := count(remove(200, "", workoutReference("apple", "a"))); got != "0 1" {
			t.Errorf("a retry: deleted and not found: %s", got)
		}
		if rows := n.auditRows(t); !hasRow(rows, auditRow{action: "workouts.delete", outcome: "ok", subject: "user:" + user}) {
			t.Error("there is no audit row")
		}

		// The quota counts what is left.
		putWorkouts(t, d, admin, user, halfHourRun("c", "2026-03-02T07:00:00Z"))
		more := args{"user_id": user, "workouts": []args{halfHourRun("d", "2026-03-02T07:00:00Z")}}
		d.call(t, "UpsertWorkouts", more, bearer(admin)).want(t, 403, "quota_exceeded")
		remove(200, "", workoutReference("apple", "c"))
		d.call(t, "UpsertWorkouts", more, bearer(admin)).want(t, 200, "")
		d.call(t, "UpsertWorkouts", more, bearer(admin)).want(t, 200, "")
	}, unlimited, func(c *server.Config) { c.Workouts.Workouts = 3 })
}

// TestManyWorkoutsAreDeleted checks a call with as many as it may hold, that it costs as much as storing
// them, and that one more is refused.
func TestManyWorkoutsAreDeleted(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		many := make([]args, 1000)
		of := make([]args, 1001)
		for i := range of {
			id := fmt.Sprintf("%0100d", i) // so long that both bodies are large
			of[i] = workoutReference("apple", id)
			if i < len(many) {
				many[i] = halfHourRun(id, "2026-03-02T07:00:00Z")
			}
		}
		remaining := func(a answer) int {
			left, err := strconv.Atoi(a.Header.Get("X-RateLimit-Remaining"))
			if err != nil {
				t.Error(err)
			}
			return left
		}
		before := remaining(putWorkouts(t, d, admin, user, many...))
		a := d.call(t, "DeleteWorkouts", args{"user_id": user, "workouts": of[:1000]}, bearer(admin)).want(t, 200, "")
		if a.member("deleted") != 1000.0 || before-remaining(a) != 10 {
			t.Errorf("deleted %v, for %d requests", a.member("deleted"), before-remaining(a))
		}
		in := args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07"}
		if left := d.call(t, "ListWorkouts", in, bearer(admin)).want(t, 200, "").list("data"); len(left) != 0 {
			t.Errorf("%d are left", len(left))
		}
		for _, wrong := range [][]args{of, {}} {
			a := d.call(t, "DeleteWorkouts", args{"user_id": user, "workouts": wrong}, bearer(admin)).want(t, 422, "invalid_request")
			if !slices.Equal(a.Fields, []string{"workouts"}) {
				t.Errorf("%d workouts: the refusal names %v", len(wrong), a.Fields)
			}
		}
	})
}
