package scenario_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"
)

// walk returns the items of all pages of a list.
func walk(t *testing.T, d driver, operation string, in args, o ...option) (items []map[string]any) {
	t.Helper()
	in = withMembers(in, nil)
	for range 100 {
		a := d.call(t, operation, in, o...).want(t, 200, "")
		for _, item := range a.list("items") {
			items = append(items, item.(map[string]any))
		}
		next := a.str("next_cursor")
		if next == "" {
			return items
		}
		in["cursor"] = next
	}
	t.Fatalf("%s has more than 100 pages", operation)
	return nil
}

// TestAuditTrailIsListed checks that a developer reads the audit trail newest first, page by page,
// and that each filter leaves what matches it.
func TestAuditTrailIsListed(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		me := "developer:" + d.call(t, "GetMe", nil, bearer(admin)).str("id")
		var keys []string
		for range 3 {
			n.clock.advance(time.Minute)
			id, _ := n.newKey(t, d, admin, nil)
			keys = append(keys, "key:"+id)
		}
		noon := n.clock.now().Add(time.Minute).UTC().Truncate(time.Microsecond)
		n.clock.advance(2 * time.Minute)
		d.call(t, "DeleteKey", args{"id": keys[0][len("key:"):]}, bearer(admin)).want(t, 200, "")
		d.call(t, "Login", args{"email": n.email, "password": "not the password"}, header("User-Agent", "guesser")).want(t, 401, "invalid_credentials")
		n.newUser(t, d, admin)

		said := func(e map[string]any) string {
			return fmt.Sprint(e["action"], " ", e["outcome"], " ", e["actor"], " ", e["subject"])
		}
		all := walk(t, d, "ListAuditEvents", nil, bearer(admin))
		rows := n.auditRows(t)
		if len(all) != len(rows) {
			t.Fatalf("%d events of %d rows", len(all), len(rows))
		}
		for i, row := range slices.Backward(rows) {
			want := fmt.Sprint(row.action, " ", row.outcome, " ", row.actor, " ", row.subject)
			if row.subject == "" {
				want = fmt.Sprint(row.action, " ", row.outcome, " ", row.actor, " ", nil)
			}
			if got := said(all[len(rows)-1-i]); got != want {
				t.Errorf("event %d is %q, want %q", len(rows)-1-i, got, want)
			}
		}
		for name, c := range map[string]struct {
			in   args
			keep func(e map[string]any) bool
		}{
			"nothing":   {args{"actor": "", "subject": "", "action": "", "outcome": ""}, func(map[string]any) bool { return true }},
			"actor":     {args{"actor": me}, func(e map[string]any) bool { return e["actor"] == me }},
			"subject":   {args{"subject": keys[0]}, func(e map[string]any) bool { return e["subject"] == keys[0] }},
			"action":    {args{"action": "key.create"}, func(e map[string]any) bool { return e["action"] == "key.create" }},
			"outcome":   {args{"outcome": "invalid_credentials"}, func(e map[string]any) bool { return e["outcome"] == "invalid_credentials" }},
			"two":       {args{"subject": keys[0], "action": "key.delete"}, func(e map[string]any) bool { return e["subject"] == keys[0] && e["action"] == "key.delete" }},
			"nobody":    {args{"actor": "developer:nobody"}, func(map[string]any) bool { return false }},
			"start":     {args{"start": noon.Format(time.RFC3339Nano)}, func(e map[string]any) bool { return !instantOf(t, e, "at").Before(noon) }},
			"end":       {args{"end": noon.Format(time.RFC3339Nano)}, func(e map[string]any) bool { return instantOf(t, e, "at").Before(noon) }},
			"no time":   {args{"start": noon.Format(time.RFC3339Nano), "end": noon.Format(time.RFC3339Nano)}, func(map[string]any) bool { return false }},
			"all of it": {args{"actor": me, "subject": keys[1], "action": "key.create", "outcome": "ok"}, func(e map[string]any) bool { return e["subject"] == keys[1] }},
		} {
			want := slices.DeleteFunc(slices.Clone(all), func(e map[string]any) bool { return !c.keep(e) })
			for _, limit := range []int{1, 2, 100} {
				got := walk(t, d, "ListAuditEvents", withMembers(c.in, args{"limit": limit}), bearer(admin))
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s, by %d: %d events, want %d:\n%v\n%v", name, limit, len(got), len(want), got, want)
				}
			}
		}
		guess := walk(t, d, "ListAuditEvents", args{"outcome": "invalid_credentials"}, bearer(admin))[0]
		if guess["client"] != "guesser" || guess["ip"] == nil || guess["request_id"] == nil || fmt.Sprint(guess["occurrences"]) != "1" {
			t.Errorf("the refusal is listed as %v", guess)
		}

		next := d.call(t, "ListAuditEvents", args{"limit": 1}, bearer(admin)).want(t, 200, "").str("next_cursor")
		for field, in := range map[string]args{
			"cursor": {"cursor": next, "action": "key.create"}, "limit": {"limit": 101},
			"start": {"start": "2026-03-08T00:00:00Z", "end": "2026-03-07T00:00:00Z"},
		} {
			a := d.call(t, "ListAuditEvents", in, bearer(admin)).want(t, 422, "invalid_request")
			if !slices.Equal(a.Fields, []string{field}) {
				t.Errorf("%v names %v", in, a.Fields)
			}
		}
	}, unlimited)
}

func instantOf(t *testing.T, item map[string]any, member string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, fmt.Sprint(item[member]))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// accesses returns what the access log of a user holds once it holds so many.
func (n *node) accesses(t *testing.T, d driver, user string, most int, o ...option) (items []map[string]any) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		items = walk(t, d, "ListUserAccesses", args{"user_id": user, "limit": 2}, o...)
		if len(items) >= most {
			return items
		}
		if time.Now().After(end) {
			t.Fatalf("the access log has %d entries, want %d", len(items), most)
		}
	}
}

// TestUsersSeeWhoReadTheirData checks that the access log tells who read a user's health data, which
// and from where, to developers, keys that may and the user, and that it outlives the user without
// naming the person.
func TestUsersSeeWhoReadTheirData(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		me := "developer:" + d.call(t, "GetMe", nil, bearer(admin)).str("id")
		keyID, key := n.newKey(t, d, admin, nil)
		app, secret := n.newApp(t, d, admin)
		user, other := n.newUser(t, d, admin), n.newUser(t, d, admin)
		own, _ := n.exchange(t, d, user, app, secret)
		putWorkouts(t, d, admin, user, halfHourRun("a", "2026-03-02T07:00:00Z"), halfHourRun("b", "2026-03-03T07:00:00Z"))
		actors := []string{me, "key:" + keyID, "user:" + user}
		for i, token := range []string{admin, key, own} {
			n.clock.advance(time.Second)
			d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07"}, bearer(token),
				header("User-Agent", "reader"+strconv.Itoa(i)), header("X-Request-Id", "read-"+strconv.Itoa(i))).want(t, 200, "")
		}
		n.accesses(t, d, user, 3, bearer(admin))
		for name, token := range map[string]string{"developer": admin, "key": key, "user": own} {
			log := n.accesses(t, d, user, 3, bearer(token))
			if len(log) != 3 {
				t.Fatalf("%s: the log has %d entries", name, len(log))
			}
			for i, e := range log {
				from := 2 - i // newest first
				if e["actor"] != actors[from] || e["operation"] != "ListWorkouts" || fmt.Sprint(e["records"]) != "2" || fmt.Sprint(e["number"]) != strconv.Itoa(from+1) ||
					!instantOf(t, e, "start").Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)) || !instantOf(t, e, "end").Equal(time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC)) ||
					e["client"] != "reader"+strconv.Itoa(from) || e["request_id"] != "read-"+strconv.Itoa(from) || e["ip"] == nil {
					t.Errorf("%s: entry %d is %v", name, i, e)
				}
			}
		}
		if empty := walk(t, d, "ListUserAccesses", args{"user_id": other}, bearer(admin)); len(empty) != 0 {
			t.Errorf("nobody read the other user: %v", empty)
		}
		next := d.call(t, "ListUserAccesses", args{"user_id": user, "limit": 1}, bearer(admin)).want(t, 200, "").str("next_cursor")
		for _, in := range []args{{"user_id": other, "cursor": next}, {"user_id": user, "limit": 0}} {
			d.call(t, "ListUserAccesses", in, bearer(admin)).want(t, 422, "invalid_request")
		}

		d.call(t, "DeleteUser", args{"id": user}, bearer(admin)).want(t, 200, "")
		for i, e := range n.accesses(t, d, user, 3, bearer(key)) {
			if erased := e["client"] == nil && e["ip"] == nil && e["request_id"] == nil; erased != (i == 0) {
				t.Errorf("after the user is gone, entry %d is %v", i, e)
			}
		}
		d.call(t, "ListUserAccesses", args{"user_id": "00000000-0000-4000-8000-000000000000"}, bearer(admin)).want(t, 404, "not_found")
	}, unlimited)
}

// TestAccessWithoutAnEndIsListed checks that a range which ends with the last day there
// is can be shown: what follows that day is no time in any of the forms.
func TestAccessWithoutAnEndIsListed(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-01", "end_date": "9999-12-31"}, bearer(admin)).want(t, 200, "")
		last := time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
		if log := n.accesses(t, d, user, 1, bearer(admin)); !instantOf(t, log[0], "end").Equal(last) {
			t.Errorf("the access ends at %v, want %v", log[0]["end"], last)
		}
	})
}
