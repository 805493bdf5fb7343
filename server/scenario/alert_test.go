package scenario_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// alerting lets a node look for what needs an alert several times a second.
func alerting(c *server.Config) { c.AlertInterval = 200 * time.Millisecond }

// alerts returns the alerts that match once there are so many, newest first.
func (n *node) alerts(t *testing.T, d driver, admin string, in args, many int) []map[string]any {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		items := d.call(t, "ListAlerts", in, bearer(admin)).want(t, 200, "").list("items")
		if len(items) >= many {
			all := make([]map[string]any, len(items))
			for i, item := range items {
				all[i] = item.(map[string]any)
			}
			return all
		}
		if time.Now().After(end) {
			t.Fatalf("%v: %v, want %d", in, items, many)
		}
	}
}

// alert makes an alert that is open and returns its id. The node must be alerting.
func (n *node) alert(t *testing.T, d driver, admin string) string {
	t.Helper()
	id, key := n.newKey(t, d, admin, nil)
	d.call(t, "ReportCredential", args{"credential": key}).want(t, 204, "")
	return n.alerts(t, d, admin, args{"subject": "key:" + id}, 1)[0]["id"].(string)
}

// TestAlertsOfLeaksAndReuse checks that a leak and the reuse of a refresh token are listed within the
// interval, can be acknowledged and muted, and leave what they should in the audit trail.
func TestAlertsOfLeaksAndReuse(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		app, secret := n.newApp(t, d, admin)
		id, key := n.newKey(t, d, admin, args{"name": "Backend"})
		_, refresh := n.exchange(t, d, user, app, secret)
		d.call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 200, "")
		n.clock.advance(time.Minute)
		d.call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 401, "refresh_token_reused")
		d.call(t, "ReportCredential", args{"credential": key}).want(t, 204, "")
		all := n.alerts(t, d, admin, nil, 2)
		slices.SortFunc(all, func(a, b map[string]any) int { return strings.Compare(a["rule"].(string), b["rule"].(string)) })
		for i, want := range []args{
			{
				"rule": "leak_reported", "subject": "key:" + id, "link": "/api-keys/" + id, "state": "open", "occurrences": 1.0,
				"message": `The secret of the key "Backend" was reported as leaked, and was ended: rotate it, so that its users can go on.`,
			},
			{
				"rule": "refresh_reused", "subject": "user:" + user, "state": "open", "occurrences": 1.0,
				"message": "A refresh token of a user was used twice, the second time from 127.0.0.0/24: its session was ended, since two parties hold it.",
			},
		} {
			for member, value := range want {
				if all[i][member] != value {
					t.Errorf("%s is %v, want %v", member, all[i][member], value)
				}
			}
		}
		leak := all[0]["id"].(string)
		until := n.clock.now().Add(time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)
		if a := d.call(t, "MuteAlert", args{"id": leak, "until": until}, bearer(admin)).want(t, 200, ""); a.str("muted_until") != until || a.str("state") != "open" {
			t.Errorf("muted: %v", a.Body)
		}
		mutes := d.call(t, "ListAlertRules", nil, bearer(admin)).want(t, 200, "").list("mutes")
		if len(mutes) != 1 || mutes[0].(map[string]any)["subject"] != "key:"+id || mutes[0].(map[string]any)["until"] != until {
			t.Errorf("the mutes are %v", mutes)
		}
		if a := d.call(t, "MuteAlert", args{"id": leak}, bearer(admin)).want(t, 200, ""); a.str("muted_until") != "" {
			t.Errorf("no longer muted: %v", a.Body)
		}
		me := d.call(t, "GetMe", nil, bearer(admin)).want(t, 200, "").str("id")
		a := d.call(t, "AcknowledgeAlert", args{"id": leak}, bearer(admin)).want(t, 200, "")
		if a.str("state") != "resolved" || a.str("acknowledged_by") != "developer:"+me || a.str("acknowledged_at") == "" || a.str("resolved_at") == "" {
			t.Errorf("acknowledged: %v", a.Body)
		}
		again := d.call(t, "AcknowledgeAlert", args{"id": leak}, bearer(admin)).want(t, 200, "")
		if string(encode(t, again.Body)) != string(encode(t, a.Body)) {
			t.Errorf("acknowledged again: %v", again.Body)
		}
		var actions []string
		for _, row := range n.auditRows(t) {
			if row.subject == "alert:"+leak {
				actions = append(actions, row.action+" "+row.outcome+" "+row.actor)
			}
		}
		by := " ok developer:" + me
		if got, want := strings.Join(actions, ", "), "alert.mute"+by+", alert.unmute"+by+", alert.acknowledge"+by; got != want {
			t.Errorf("the audit rows are %s, want %s", got, want)
		}
	}, unlimited, alerting)
}

// TestAlertListPages checks the filters of the list and its pages.
func TestAlertListPages(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		var ids []string
		for range 5 {
			ids = append(ids, n.alert(t, d, admin))
		}
		slices.Reverse(ids)
		d.call(t, "AcknowledgeAlert", args{"id": ids[0]}, bearer(admin)).want(t, 200, "")
		for _, c := range []struct {
			in   args
			want []string
		}{
			{args{}, ids},
			{args{"rule": "", "subject": ""}, ids},
			{args{"state": "open"}, ids[1:]},
			{args{"state": "resolved"}, ids[:1]},
			{args{"state": "acknowledged"}, nil},
			{args{"rule": "leak_reported", "state": "open"}, ids[1:]},
			{args{"rule": "no_such_rule"}, nil},
			{args{"subject": "key:none"}, nil},
		} {
			for _, limit := range []int{1, 2, 100} {
				var got []string
				for _, item := range walk(t, d, "ListAlerts", withMembers(c.in, args{"limit": limit}), bearer(admin)) {
					got = append(got, item["id"].(string))
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%v, %d a page: %v, want %v", c.in, limit, got, c.want)
				}
			}
		}
		next := d.call(t, "ListAlerts", args{"limit": 1}, bearer(admin)).want(t, 200, "").str("next_cursor")
		for _, in := range []args{{"cursor": next, "state": "open"}, {"cursor": "x"}, {"state": "closed"}, {"state": ""}, {"limit": 101}} {
			d.call(t, "ListAlerts", in, bearer(admin)).want(t, 422, "invalid_request")
		}
		for _, until := range []string{n.clock.now().Add(-time.Minute).UTC().Format(time.RFC3339)} {
			a := d.call(t, "MuteAlert", args{"id": ids[0], "until": until}, bearer(admin)).want(t, 422, "invalid_request")
			if !slices.Equal(a.Fields, []string{"until"}) {
				t.Errorf("a mute that is over: %v", a.Fields)
			}
		}
	}, unlimited, alerting)
}

// TestAlertRules checks that every rule is listed with its settings, and that these can be changed
// within their bounds.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		rules := func() map[string]map[string]any {
			all := make(map[string]map[string]any)
			for _, item := range d.call(t, "ListAlertRules", nil, bearer(admin)).want(t, 200, "").list("items") {
				r := item.(map[string]any)
				all[r["rule"].(string)] = r
				if r["description"] == "" || r["enabled"] != true && r["rule"] != "volume" {
					t.Errorf("%v", r)
				}
			}
			return all
		}
		threshold := func(r any, name string) float64 {
			for _, item := range r.(map[string]any)["thresholds"].([]any) {
				if th := item.(map[string]any); th["name"] == name {
					return th["value"].(float64)
				}
			}
			t.Fatalf("%v has no %s", r, name)
			return 0
		}
		if all := rules(); len(all) != 16 || threshold(all["volume"], "factor") != 5 || threshold(all["key_unused"], "unused_days") != 90 {
			t.Errorf("%v", all)
		}
		change := func(in args) answer {
			t.Helper()
			return d.call(t, "UpdateAlertRule", withMembers(args{"rule": "volume"}, in), bearer(admin))
		}
		a := change(args{"enabled": false}).want(t, 200, "")
		if r := a.Body.(map[string]any); r["enabled"] != false || threshold(r, "factor") != 5 {
			t.Errorf("%v", r)
		}
		change(args{"thresholds": []args{{"name": "factor", "value": 9}}}).want(t, 200, "")
		change(args{"thresholds": []args{{"name": "least_requests", "value": 1}}, "enabled": true}).want(t, 200, "")
		if r := rules()["volume"]; r["enabled"] != true || threshold(r, "factor") != 9 || threshold(r, "least_requests") != 1 {
			t.Errorf("%v", r)
		}
		for _, c := range []struct {
			in    args
			field string
		}{
			{args{"thresholds": []args{{"name": "factor", "value": 1}}}, "thresholds[0].value"},
			{args{"thresholds": []args{}}, "thresholds"},
			{args{"thresholds": []args{{"name": "factor", "value": 3}, {"name": "factor", "value": 4}}}, "thresholds[1].name"},
			{args{"thresholds": []args{{"name": "unused_days", "value": 3}}}, "thresholds[0].name"},
			{args{"thresholds": slices.Repeat([]args{{"name": "factor", "value": 3}}, 9)}, "thresholds"},
		} {
			if a := change(c.in).want(t, 422, "invalid_request"); !slices.Contains(a.Fields, c.field) {
				t.Errorf("%v: %v", c.in, a.Fields)
			}
		}
		if r := rules()["volume"]; threshold(r, "factor") != 9 {
			t.Errorf("%v", r)
		}
		var rows int
		for _, row := range n.auditRows(t) {
			if row.action == "alert_rule.update" && row.subject == "alert_rule:volume" {
				rows++
			}
		}
		if rows != 3 {
			t.Errorf("%d audit rows", rows)
		}
	}, unlimited)
}

// TestAlertsOverNodes checks that of several nodes one looks at a time, so that each event counts once.
func TestAlertsOverNodes(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 3, unlimited, alerting)
	n, d := nodes[0], nodes[0].drivers()[0]
	admin, _ := n.login(t, d)
	user := n.newUser(t, d, admin)
	app, secret := n.newApp(t, d, admin)
	const times = 6
	for i := range times {
		at := nodes[i%len(nodes)].drivers()[0]
		_, refresh := n.exchange(t, at, user, app, secret)
		next := at.call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 200, "").str("refresh_token")
		at.call(t, "RefreshToken", args{"refresh_token": next}).want(t, 200, "")
		nodes[(i+1)%len(nodes)].drivers()[0].call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 401, "refresh_token_reused")
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		got := n.alerts(t, d, admin, args{"subject": "user:" + user}, 1)
		if len(got) == 1 && got[0]["occurrences"] == float64(times) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%v", got)
		}
	}
	time.Sleep(time.Second) // in which each node looks
	if got := n.alerts(t, d, admin, args{"subject": "user:" + user}, 1); got[0]["occurrences"] != float64(times) {
		t.Errorf("%v", got)
	}
}
