package scenario_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// jsonDrivers returns the drivers of the surfaces that take JSON.
func jsonDrivers(n *node) []driver { return []driver{restDriver{n}, rpcDriver{n, jsonType}} }

// TestWholeNumbersInAnyNotation writes whole numbers into bodies and queries in every notation of
// JSON. The range is checked on what they stand for.
func TestWholeNumbersInAnyNotation(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	admin, _ := n.login(t, restDriver{n})
	for _, d := range jsonDrivers(n) {
		user := n.newUser(t, d, admin)
		putWorkouts(t, d, admin, user, halfHourRun("a", "2026-03-02T07:00:00Z"), halfHourRun("b", "2026-03-02T08:00:00Z"), halfHourRun("c", "2026-03-02T09:00:00Z"))
		list := func(limit string) answer {
			return d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07", "limit": wireValue{limit, limit}}, bearer(admin))
		}
		for _, two := range []string{"2", "2.0", "20e-1", "0.2e1", "2E+0", "0.0002e4"} {
			if got := externalIDs(list(two).want(t, 200, "")); len(got) != 2 {
				t.Errorf("%s: a limit of %s finds %v", d.name(), two, got)
			}
		}
		digits := strings.Repeat("9", 10_000)
		for limit, message := range map[string]string{
			"2.5": "must be a whole number", "25e-1": "must be a whole number", "1e-999999999": "must be a whole number", "true": "must be a whole number",
			"0": "must be 1 to 100", "1e3": "must be 1 to 100", "-1": "must be 1 to 100", "2147483648": "must be 1 to 100", "1e999999999": "must be 1 to 100", "-1e99999999999": "must be 1 to 100",
			digits: "must be 1 to 100",
		} {
			if a := list(limit).want(t, 422, "invalid_request"); a.Detail != "limit: "+message {
				t.Errorf("%s: a limit of %.40s is answered %q", d.name(), limit, a.Detail)
			}
		}
		for _, hour := range []string{"3600", "3600.0", "3.6e3", "36000e-1"} {
			putWorkouts(t, d, admin, user, withMembers(halfHourRun("a", "2026-03-02T07:00:00Z"), args{"duration_seconds": wireValue{hour, hour}}))
			a := d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-02", "end_date": "2026-03-02T07:30:00Z"}, bearer(admin)).want(t, 200, "")
			if got := a.list("data")[0].(map[string]any)["duration_seconds"]; got != 3600.0 {
				t.Errorf("%s: %s reads back as %v", d.name(), hour, got)
			}
		}
	}
}

// TestTimesAreReadAlike writes times in every form. REST and Connect take the same ones.
func TestTimesAreReadAlike(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	admin, _ := n.login(t, restDriver{n})
	year := time.Now().Year() + 1
	for _, d := range jsonDrivers(n) {
		create := func(rest string) answer {
			at := textValue(time.Date(year, 3, 7, 0, 0, 0, 0, time.UTC).Format("2006-01-02") + rest)
			return d.call(t, "CreateKey", args{"name": "k", "expires_at": at}, bearer(admin))
		}
		for rest, want := range map[string]string{
			"T10:30:00Z": "T10:30:00Z", "t10:30:00z": "T10:30:00Z", "T10:30:00-00:00": "T10:30:00Z", "T12:30:00.000001+02:00": "T10:30:00.000001Z",
			"T10:30:00.1234569Z": "T10:30:00.123456Z", "T10:30:00.12345678901234567890z": "T10:30:00.123456Z",
		} {
			key := create(rest).want(t, 201, "")
			got := d.call(t, "GetKey", args{"id": key.str("id")}, bearer(admin)).want(t, 200, "").str("expires_at")
			if !strings.HasSuffix(got, "-03-07"+want) {
				t.Errorf("%s: %s reads back as %s", d.name(), rest, got)
			}
		}
		for _, rest := range []string{
			"T1:30:00Z", "T10:30Z", "T10:30:00", "T10:30:00,5Z", "T10:30:00.Z", "T23:59:60Z", "T24:00:00Z", "T10:30:00+24:00", "T10:30:00+2:00", "T10:30:00+0200", " 10:30:00Z", "",
		} {
			if a := create(rest).want(t, 422, "invalid_request"); a.Detail != "expires_at: must be an RFC 3339 time such as 2026-03-07T10:30:00Z" {
				t.Errorf("%s: %q is answered %q", d.name(), rest, a.Detail)
			}
		}
	}
}

// TestHeartRatesKeepOneDecimal writes heart rates as devices measure them. They are rounded half
// away from zero, and a whole one is shown as a whole number.
func TestHeartRatesKeepOneDecimal(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		week := args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07"}
		for sent, want := range map[string]string{
			"141.6": "141.6", "141": "141", "141.0": "141", "141.25": "141.3", "141.65": "141.7", "141.649999": "141.6", "0.05": "0.1", "0.04": "0", "0": "0", "300": "300",
		} {
			w := withMembers(halfHourRun("w", "2026-03-02T07:00:00Z"), args{"avg_heart_rate_bpm": wireValue{sent, sent}, "max_heart_rate_bpm": wireValue{sent, sent}})
			putWorkouts(t, d, admin, user, w)
			got := d.call(t, "ListWorkouts", week, bearer(admin)).want(t, 200, "").list("data")[0].(map[string]any)
			if string(encode(t, got["avg_heart_rate_bpm"])) != want || string(encode(t, got["max_heart_rate_bpm"])) != want {
				t.Errorf("%s reads back as %v and %v", sent, got["avg_heart_rate_bpm"], got["max_heart_rate_bpm"])
			}
		}
		for _, wrong := range []float64{-0.1, 300.04, 1e9} {
			a := d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": []args{withMembers(halfHourRun("w", "2026-03-02T07:00:00Z"), args{"avg_heart_rate_bpm": wrong})}}, bearer(admin))
			if a.want(t, 422, "invalid_request"); a.Detail != "workouts[0].avg_heart_rate_bpm: must be 0 to 300" {
				t.Errorf("%v is answered %q", wrong, a.Detail)
			}
		}
		putWorkouts(t, d, admin, user, withMembers(halfHourRun("w", "2026-03-02T07:00:00Z"), args{"avg_heart_rate_bpm": 141.0}))
		r := newRequest(t, "GET", n.url+"/api/v1/users/"+user+"/events/workouts?start_date=2026-03-01&end_date=2026-03-07", nil)
		if _, raw := n.send(t, r, bearer(admin)); !strings.Contains(string(raw), `"avg_heart_rate_bpm":141,`) {
			t.Errorf("a whole rate is shown in %s", raw)
		}
		r = newRequest(t, "POST", n.url+"/openwearables.v1.WorkoutService/ListWorkouts", strings.NewReader(string(encode(t, week))))
		r.Header.Set("Content-Type", jsonType)
		if _, raw := n.send(t, r, bearer(admin)); !regexp.MustCompile(`"avgHeartRateBpm": ?141[,}]`).Match(raw) {
			t.Errorf("a whole rate is shown in %s", raw)
		}
	}, unlimited)
}
