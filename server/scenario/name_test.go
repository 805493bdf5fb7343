package scenario_test

import (
	"strings"
	"testing"
)

// TestNamesAreTrimmed checks on every surface that names, and the texts of a workout by which it is
// found, are stored without the spaces around them, and hold no control characters.
func TestNamesAreTrimmed(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		id, _ := n.newKey(t, d, admin, nil)
		app, _ := n.newApp(t, d, admin)
		for _, c := range []struct {
			operation, member string
			in                args
			most              int
		}{
			{"CreateKey", "name", args{}, 100},
			{"UpdateKey", "name", args{"id": id}, 100},
			{"CreateApplication", "name", args{}, 100},
			{"UpdateApplication", "name", args{"app_id": app}, 100},
			{"CreateUser", "first_name", args{}, 100},
			{"UpdateUser", "last_name", args{"id": user}, 100},
			{"UpdateMe", "first_name", args{}, 100},
			{"UpdateMe", "last_name", args{}, 100},
		} {
			longest := strings.Repeat("\u00e9", c.most)
			for _, bad := range []string{"", " ", "\u3000\u00a0", longest + "x", "a\nb", "a\x1b[31m", "a\u0085", "\u202ea", "a\u2067b", "a\u2029"} {
				a := d.call(t, c.operation, withMembers(c.in, args{c.member: bad}), bearer(admin)).want(t, 422, "invalid_request")
				if len(a.Fields) != 1 || a.Fields[0] != c.member {
					t.Errorf("%s with %s %q names %v", c.operation, c.member, bad, a.Fields)
				}
			}
			for _, good := range []string{longest, "Ada\u2019s Apple\u00a0Watch", "\U0001F468\u200d\U0001F469", "\u0627\u0644\u0639\u0631\u0628"} {
				a := d.call(t, c.operation, withMembers(c.in, args{c.member: " " + good + "\u00a0 "}), bearer(admin))
				if a.Status >= 300 || a.str(c.member) != good {
					t.Errorf("%s with %s %q is answered %d %v", c.operation, c.member, good, a.Status, a.Body)
				}
			}
		}
		source := args{"provider": " apple ", "device": " watch ", "device_name": " Ada\u200f "}
		w := withMembers(someWorkout(), args{"type": "\u00a0running ", "name": " a\nb ", "source": source})
		putWorkouts(t, d, admin, user, w, withMembers(someWorkout(), args{"source": args{"provider": "apple"}}))
		list := args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07", "record_type": " running"}
		if got := d.call(t, "ListWorkouts", list, bearer(admin)).want(t, 200, "").list("data"); len(got) != 1 {
			t.Errorf("the workouts are %v", got)
		}
		putWorkouts(t, d, admin, user, w)
		stored := d.call(t, "ListWorkouts", list, bearer(admin)).want(t, 200, "").list("data")[0].(map[string]any)
		from := stored["source"].(map[string]any)
		if stored["type"] != "running" || stored["name"] != " a\nb " || from["provider"] != "apple" || from["device"] != "watch" || from["device_name"] != " Ada\u200f " {
			t.Errorf("stored %v", stored)
		}
		for member, in := range map[string]args{
			"type": {"type": "a\u202eb"}, "source.provider": {"source": args{"provider": "a\nb"}}, "source.device_type": {"source": args{"provider": "a", "device_type": "\x07"}},
		} {
			a := d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": []args{withMembers(someWorkout(), in)}}, bearer(admin)).want(t, 422, "invalid_request")
			if len(a.Fields) != 1 || a.Fields[0] != "workouts[0]."+member {
				t.Errorf("a bad %s names %v", member, a.Fields)
			}
		}
	}, unlimited)
}
