package scenario_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// export returns the lines of a list of REST, without the one that holds the cursor of the rest.
func (n *node) export(t *testing.T, path string, o ...option) (lines []map[string]any, next string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", n.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, raw := n.send(t, r, append(o, header("Accept", "text/plain;q=0.1, application/jsonl"))...)
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/jsonl" {
		t.Fatalf("%s answers %d, %q: %.200s", path, res.StatusCode, res.Header.Get("Content-Type"), raw)
	}
	for line := range bytes.Lines(raw) {
		var item map[string]any
		if err := json.Unmarshal(line, &item); err != nil {
			t.Fatalf("a line is %.200q: %v", line, err)
		}
		if next != "" {
			t.Fatal("lines follow the cursor")
		}
		if cursor, ok := item["next_cursor"].(string); ok {
			next = cursor
			continue
		}
		lines = append(lines, item)
	}
	return lines, next
}

// TestAuditTrailIsExported checks that JSON Lines hold the items of the list, 10000 at most, and
// count as a request for every 1000.
func TestAuditTrailIsExported(t *testing.T) {
	t.Parallel()
	n := start(t)
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	const events = 11_500
	now := n.clock.now().UnixMicro()
	n.query(t, func(db *sql.DB) error {
		for batch := range events / 500 {
			var values []string
			for i := range 500 {
				at := now - int64(batch*500+i)
				values = append(values, fmt.Sprintf("('e%05d', %d, 'test.export', 'ok', 'operator', 1)", batch*500+i, at))
			}
			_, err := db.Exec("INSERT INTO audit_events (id, at, action, outcome, actor, occurrences) VALUES " + strings.Join(values, ", "))
			if err != nil {
				return err
			}
		}
		return nil
	})
	remaining := func() int {
		a := d.call(t, "GetMe", nil, bearer(admin)).want(t, 200, "")
		left, err := strconv.Atoi(a.Header.Get("X-RateLimit-Remaining"))
		if err != nil {
			t.Fatal(err)
		}
		return left
	}
	before := remaining()
	first, next := n.export(t, "/api/v1/audit-events?action=test.export", bearer(admin))
	if len(first) != 10_000 || next == "" {
		t.Fatalf("the export has %d lines, and goes on at %q", len(first), next)
	}
	if spent := before - remaining() - 1; spent != 10 {
		t.Errorf("10000 lines counted as %d requests", spent)
	}
	rest, end := n.export(t, "/api/v1/audit-events?action=test.export&cursor="+next, bearer(admin))
	all := append(first, rest...)
	if len(all) != events || end != "" {
		t.Fatalf("both exports have %d lines, and go on at %q", len(all), end)
	}
	for i, e := range all {
		if want := fmt.Sprintf("e%05d", i); e["id"] != want {
			t.Fatalf("line %d is event %v, want %s", i, e["id"], want)
		}
	}
	if some, next := n.export(t, "/api/v1/audit-events?limit=3", bearer(admin)); len(some) != 3 || next == "" {
		t.Errorf("three lines are %d, and go on at %q", len(some), next)
	}
	if none, next := n.export(t, "/api/v1/audit-events?action=none", bearer(admin)); len(none) != 0 || next != "" {
		t.Errorf("no events are %d lines, and go on at %q", len(none), next)
	}
	listed := d.call(t, "ListAuditEvents", args{"limit": 1}, bearer(admin)).list("items")[0]
	if one, _ := n.export(t, "/api/v1/audit-events?limit=1", bearer(admin)); fmt.Sprint(withoutNull(one[0])) != fmt.Sprint(listed) {
		t.Errorf("the list has %v, the export %v", listed, one[0])
	}
	_, key := n.newKey(t, d, admin, nil)
	d.call(t, "ListAuditEvents", nil, bearer(key), header("Accept", "application/jsonl")).want(t, 403, "credential_not_allowed")
	d.call(t, "ListAuditEvents", args{"limit": 0}, bearer(admin), header("Accept", "application/jsonl")).want(t, 422, "invalid_request")
	gone := "00000000-0000-4000-8000-000000000000"
	d.call(t, "ListUserAccesses", args{"user_id": gone}, bearer(admin), header("Accept", "application/jsonl")).want(t, 404, "not_found")
}

// TestAccessLogIsExported does the same for the access log, which the user may export too.
func TestAccessLogIsExported(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	user := n.newUser(t, d, admin)
	app, secret := n.newApp(t, d, admin)
	own, _ := n.exchange(t, d, user, app, secret)
	dates := args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07"}
	const reads = 5
	for range reads {
		d.call(t, "ListWorkouts", dates, bearer(own)).want(t, 200, "")
	}
	n.accesses(t, d, user, reads, bearer(own))
	first, next := n.export(t, "/api/v1/users/"+user+"/access-log?limit=3", bearer(own))
	rest, end := n.export(t, "/api/v1/users/"+user+"/access-log?limit=3&cursor="+next, bearer(own))
	all := append(first, rest...)
	if len(first) != 3 || len(all) != reads || end != "" {
		t.Fatalf("the exports have %d and %d lines, and go on at %q", len(first), len(rest), end)
	}
	for i, e := range all {
		if fmt.Sprint(e["number"]) != strconv.Itoa(reads-i) || e["actor"] != "user:"+user {
			t.Errorf("line %d is %v", i, e)
		}
	}
}
