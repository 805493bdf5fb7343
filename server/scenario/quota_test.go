package scenario_test

import (
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/openwearables/openwearables/server"
)

// smallQuotas makes every quota small enough to reach.
func smallQuotas(c *server.Config) {
	unlimited(c)
	q := &c.Auth.Quotas
	q.Users, q.Keys, q.Applications, q.DeveloperSessions, q.UserSessions = 5, 4, 3, 6, 4
	c.Workouts.Workouts, c.Workouts.Bytes = 20, 50_000
}

// TestLastPlaceHasOneWinner checks that of many who create at once, exactly as many succeed as there
// are places, and that a place which is given up can be taken again.
func TestLastPlaceHasOneWinner(t *testing.T) {
	t.Parallel()
	n := start(t, smallQuotas)
	d := n.roundRobin()
	admin, _ := n.login(t, d)
	for _, c := range []struct {
		create, remove, id string
		in                 args
		places             int64
	}{
		{"CreateUser", "DeleteUser", "id", args{}, 5},
		{"CreateKey", "DeleteKey", "id", args{}, 4},
		{"CreateApplication", "DeleteApplication", "app_id", args{"name": "App"}, 3},
	} {
		var made atomic.Int64
		var last atomic.Value
		concurrently(12, func(int) {
			switch a := d.call(t, c.create, c.in, bearer(admin)); {
			case a.Status == 201:
				made.Add(1)
				last.Store(a.str(c.id))
			case a.Status != 403 || a.Reason != "quota_exceeded" || !strings.Contains(a.Detail, fmt.Sprint(c.places)):
				t.Errorf("%s is %d %s (%s)", c.create, a.Status, a.Reason, a.Detail)
			}
		})
		if made.Load() != c.places {
			t.Fatalf("%s: %d succeeded, want %d", c.create, made.Load(), c.places)
		}
		if a := d.call(t, c.remove, args{c.id: last.Load()}, bearer(admin)); a.Status >= 300 {
			t.Fatalf("%s is %d %s", c.remove, a.Status, a.Reason)
		}
		d.call(t, c.create, c.in, bearer(admin)).want(t, 201, "")
		d.call(t, c.create, c.in, bearer(admin)).want(t, 403, "quota_exceeded")
	}
}

// TestUsersAreCountedAnewWhenTheyAreFull checks that users whom a release deleted that does not count
// leave their places.
func TestUsersAreCountedAnewWhenTheyAreFull(t *testing.T) {
	t.Parallel()
	n := start(t, smallQuotas)
	d := n.roundRobin()
	admin, _ := n.login(t, d)
	for range 5 {
		n.newUser(t, d, admin)
	}
	n.exec(t, "DELETE FROM users WHERE id = (SELECT min(id) FROM users)")
	n.newUser(t, d, admin)
	d.call(t, "CreateUser", args{}, bearer(admin)).want(t, 403, "quota_exceeded")
}

// TestQuotaOfWorkouts checks that a user keeps no more than the quota allows, of rows and of bytes,
// and that what adds nothing is never refused.
func TestQuotaOfWorkouts(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		app, secret := n.newApp(t, d, admin)
		user := n.newUser(t, d, admin)
		token, _ := n.exchange(t, d, user, app, secret)
		batch := func(from, to int, name string) (ws []args) {
			for i := from; i < to; i++ {
				ws = append(ws, withMembers(halfHourRun(fmt.Sprint(i), "2026-03-02T07:00:00Z"), args{"name": name}))
			}
			return ws
		}
		put := func(ws []args) answer {
			return d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": ws}, bearer(token))
		}
		put(batch(0, 15, "")).want(t, 200, "")
		refused := put(batch(10, 21, "")).want(t, 403, "quota_exceeded")
		if !strings.Contains(refused.Detail, "20 workouts") {
			t.Errorf("the refusal says %q", refused.Detail)
		}
		kept := put(batch(5, 20, "")).want(t, 200, "")
		put(batch(0, 20, "")).want(t, 200, "")
		put(batch(20, 21, "")).want(t, 403, "quota_exceeded")
		long := strings.Repeat("☃", 255)
		put(batch(0, 20, long)).want(t, 200, "")
		put(batch(0, 20, strings.Repeat("🏃", 255))).want(t, 200, "")
		for i := range 20 { // until the bytes are full
			ws := batch(i, i+1, strings.Repeat("🏃", 255))
			for _, member := range []string{"device", "device_name", "device_type"} {
				ws[0]["source"] = withMembers(ws[0]["source"].(args), args{member: strings.Repeat("🏃", 255)})
			}
			if a := put(ws); a.Status != 200 {
				if a.want(t, 403, "quota_exceeded"); !strings.Contains(a.Detail, "50000 bytes") || i < 3 {
					t.Errorf("after %d long ones the refusal says %q", i, a.Detail)
				}
				break
			}
		}
		id := kept.list("items")[0].(map[string]any)["id"]
		d.call(t, "DeleteWorkout", args{"user_id": user, "workout_id": id}, bearer(token)).want(t, 204, "")
		put(batch(5, 6, "")).want(t, 200, "")
		other := n.newUser(t, d, admin)
		putWorkouts(t, d, admin, other, batch(0, 20, "")...)
	}, smallQuotas)
}

// TestBulkCallsCountByWhatTheyHold checks that a call costs one request for every hundred workouts
// that it begins, and is refused if so many are not left.
func TestBulkCallsCountByWhatTheyHold(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		_, key := n.newKey(t, d, admin, nil)
		put := func(count int, o option) answer {
			ws := make([]args, count)
			for i := range ws {
				ws[i] = halfHourRun(fmt.Sprint(i), "2026-03-02T07:00:00Z")
			}
			return d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": ws}, o)
		}
		remaining := func(a answer) string { return a.Header.Get("X-RateLimit-Remaining") }
		for _, c := range []struct {
			count, status int
			remaining     string
		}{
			{1, 200, "19"},
			{100, 200, "18"},
			{101, 200, "16"},
			{1000, 200, "6"},
			{601, 429, "5"}, // which itself costs one
			{500, 200, "0"},
			{1, 429, "0"},
		} {
			a := put(c.count, bearer(key))
			if a.Status != c.status || remaining(a) != c.remaining {
				t.Fatalf("%d workouts are %d %s and leave %s, want %d and %s", c.count, a.Status, a.Reason, remaining(a), c.status, c.remaining)
			}
			if c.status == 429 && (a.Reason != "rate_limited" || a.Header.Get("Retry-After") == "") {
				t.Errorf("the refusal is %s, Retry-After %q", a.Reason, a.Header.Get("Retry-After"))
			}
		}
		app, secret := n.newApp(t, d, admin)
		token, _ := n.exchange(t, d, user, app, secret)
		// A call that costs more than the whole limit takes all of it.
		if a := put(1000, bearer(token)).want(t, 200, ""); remaining(a) != "0" {
			t.Errorf("it leaves %s", remaining(a))
		}
	}, func(c *server.Config) {
		unlimited(c)
		c.Auth.Limits.Key.Limit, c.Auth.Limits.User.Limit = 20, 5
	})
}

// TestSessionsOfAUserAreBounded checks that a mint past the quota ends the session that was idle
// longest, with its tokens, and that as many rows as the quota says are left, whatever ended.
func TestSessionsOfAUserAreBounded(t *testing.T) {
	t.Parallel()
	n := start(t, smallQuotas)
	d := n.roundRobin()
	admin, _ := n.login(t, d)
	app, secret := n.newApp(t, d, admin)
	user := n.newUser(t, d, admin)
	type pair struct{ access, refresh string }
	var pairs []pair
	status := func(p pair) int {
		return d.call(t, "GetUser", args{"id": user}, bearer(p.access)).Status
	}
	for range 4 {
		access, refresh := n.exchange(t, d, user, app, secret)
		pairs = append(pairs, pair{access, refresh})
	}
	d.call(t, "RevokeToken", args{"refresh_token": pairs[3].refresh}).want(t, 204, "")
	n.exchange(t, d, user, app, secret) // takes the place of the one that has ended
	access, refresh := n.exchange(t, d, user, app, secret)
	for i, want := range []int{401, 200, 200} {
		if got := status(pairs[i]); got != want {
			t.Errorf("token %d is %d, want %d", i, got, want)
		}
	}
	if got := status(pair{access, refresh}); got != 200 {
		t.Errorf("the new token is %d", got)
	}
	d.call(t, "RefreshToken", args{"refresh_token": pairs[0].refresh}).want(t, 401, "invalid_refresh_token")
	concurrently(20, func(int) {
		if a := d.call(t, "CreateUserToken", args{"user_id": user}, bearer(admin)); a.Status != 200 {
			t.Errorf("a mint is %d %s", a.Status, a.Reason)
		}
	})
	n.query(t, func(db *sql.DB) error {
		var sessions, ends int
		if err := db.QueryRow("SELECT count(*) FROM sessions WHERE user_id = $1", user).Scan(&sessions); err != nil {
			return err
		}
		err := db.QueryRow("SELECT count(*) FROM audit_events WHERE action = 'session.revoke' AND outcome = 'ok'").Scan(&ends)
		if sessions != 4 || ends != 1+1+20 {
			t.Errorf("%d sessions are left, and %d ends were recorded", sessions, ends)
		}
		return err
	})
}
