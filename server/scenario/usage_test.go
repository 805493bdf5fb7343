package scenario_test

import (
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// usageOf calls a report of usage until it counts so many requests, which takes a second.
func usageOf(t *testing.T, d driver, operation string, in args, requests float64, o ...option) answer {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		a := d.call(t, operation, in, o...).want(t, 200, "")
		if got := countsOf(a.Body.(map[string]any)["totals"]); got[0] == requests {
			return a
		} else if time.Now().After(end) {
			t.Fatalf("%s counts %v, want %v", operation, got, requests)
		}
	}
}

// countsOf returns the requests, and how many were refused, limited and failed.
func countsOf(v any) [4]float64 {
	of := v.(map[string]any)
	n := func(name string) float64 { f, _ := of[name].(float64); return f }
	return [4]float64{n("requests"), n("refused"), n("limited"), n("failed")}
}

// named returns the counts of a list by their names.
func (a answer) named(list, name string) map[string][4]float64 {
	out := make(map[string][4]float64)
	for _, item := range a.list(list) {
		out[item.(map[string]any)[name].(string)] = countsOf(item)
	}
	return out
}

func wantNamed(t *testing.T, what string, got, want map[string][4]float64) {
	t.Helper()
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s: %s has %v, want %v", what, name, got[name], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestUsage checks that each request counts for whoever made it, by its operation, outcome, client
// and network, and for nobody without a valid credential.
func TestUsage(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		dev := bearer(admin)
		id, key := n.newKey(t, d, admin, args{"name": "A", "scopes": []string{"users:read"}})
		unused, _ := n.newKey(t, d, admin, args{"name": "B"})
		user := n.newUser(t, d, admin)
		app, secret := n.newApp(t, d, admin)
		access, refresh := n.exchange(t, d, user, app, secret)
		d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret[:len(secret)-1] + "?"}).want(t, 401, "invalid_app_credentials")
		d.call(t, "GetUser", args{"id": user}, bearer(key[:len(key)-1]+"?")).want(t, 401, "invalid_api_key")
		curl, sdk := header("User-Agent", "curl/8.5.0"), header("User-Agent", "shop/2 openwearables-go/0.1.0 (go1.26; linux)")
		d.call(t, "GetUser", args{"id": user}, bearer(key), curl).want(t, 200, "")
		d.call(t, "GetUser", args{"id": user}, bearer(key), sdk).want(t, 200, "")
		d.call(t, "GetUser", args{"id": "00000000-0000-4000-8000-000000000000"}, bearer(key), sdk).want(t, 404, "not_found")
		d.call(t, "ListKeys", nil, bearer(key), sdk).want(t, 403, "credential_not_allowed")
		d.call(t, "GetUser", args{"id": user}, bearer(key), sdk).want(t, 429, "rate_limited")
		d.call(t, "GetUser", args{"id": user}, bearer(access)).want(t, 200, "")
		d.call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 200, "")

		a := usageOf(t, d, "GetKeyUsage", args{"id": id}, 5, dev)
		wantNamed(t, "operations", a.named("operations", "operation"), map[string][4]float64{"GetUser": {4, 1, 1, 0}, "ListKeys": {1, 1, 0, 0}})
		wantNamed(t, "clients", a.named("clients", "client"), map[string][4]float64{"openwearables-go/0.1.0": {3}, "curl/8": {1}, "other": {1}})
		wantNamed(t, "networks", a.named("networks", "network"), map[string][4]float64{"127.0.0.0/24": {4}, "other": {1}})
		points := a.list("series")
		if last := points[23].(map[string]any); len(points) != 24 || countsOf(last) != [4]float64{5, 2, 1, 0} || countsOf(points[0]) != [4]float64{} {
			t.Errorf("%d points, the last %v", len(points), last)
		}
		if got := usageOf(t, d, "GetKeyUsage", args{"id": unused}, 0, dev); len(got.list("series")) != 24 || len(got.list("clients")) != 0 {
			t.Errorf("%v", got.Body)
		}
		a = usageOf(t, d, "GetApplicationUsage", args{"app_id": app}, 3, dev)
		wantNamed(t, "operations", a.named("operations", "operation"), map[string][4]float64{"CreateUserToken": {1}, "GetUser": {1}, "RefreshToken": {1}})
		usageOf(t, d, "GetUserUsage", args{"user_id": user}, 2, dev)
		a = d.call(t, "GetUserUsage", args{"user_id": user, "resolution": "minute"}, bearer(access)).want(t, 200, "")
		if len(a.list("series")) != 60 {
			t.Errorf("%d minutes", len(a.list("series")))
		}
		usageOf(t, d, "GetUserUsage", args{"user_id": user}, 3, dev)
		a = d.call(t, "GetUsage", args{"resolution": "day"}, dev).want(t, 200, "")
		wantNamed(t, "keys", a.named("keys", "id"), map[string][4]float64{id: {5, 2, 1, 0}})
		wantNamed(t, "applications", a.named("applications", "id"), map[string][4]float64{app: {4}})
		if users := a.named("users", "id"); len(users) != 1 || users[user][0] != 3 || len(a.named("developers", "id")) != 1 {
			t.Errorf("%v", a.Body)
		}
		if operations := a.named("operations", "operation"); operations["GetUser"] != [4]float64{5, 1, 1, 0} || operations["Login"] != [4]float64{1} {
			t.Errorf("operations: %v", operations)
		}
		d.call(t, "DeleteKey", args{"id": id}, dev).want(t, 200, "")
		usageOf(t, d, "GetKeyUsage", args{"id": id}, 5, dev)
		d.call(t, "DeleteUser", args{"id": user}, dev).want(t, 200, "")
		d.call(t, "GetUserUsage", args{"user_id": user}, dev).want(t, 404, "not_found")
	}, func(c *server.Config) { c.Auth.Limits.Key.Limit = 4 })
}

// TestClientOfAPage checks that an SDK which cannot set User-Agent, in a page, is told apart by
// X-User-Agent, beside its browser, and that what others write there is ignored.
func TestClientOfAPage(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		dev := bearer(admin)
		id, key := n.newKey(t, d, admin, nil)
		browser := "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36"
		page := header("User-Agent", browser)
		says := func(agent string) option { return header("X-User-Agent", agent) }
		lastClient := func(want string) {
			t.Helper()
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
				if got := d.call(t, "GetKey", args{"id": id}, dev).want(t, 200, "").str("last_used_client"); got == want {
					return
				} else if time.Now().After(end) {
					t.Fatalf("the key was used by %q, want %q", got, want)
				}
			}
		}
		sdk := "openwearables-ts/0.1.0 api/1"
		d.call(t, "ListUsers", nil, bearer(key), page, says(sdk)).want(t, 200, "")
		lastClient(sdk + " " + browser)
		d.call(t, "ListUsers", nil, bearer(key), page, says("grpc-web-javascript/0.1")).want(t, 200, "")
		d.call(t, "ListUsers", nil, bearer(key), page, says("shop/2 "+sdk)).want(t, 200, "")
		d.call(t, "ListUsers", nil, bearer(key), says(sdk+" "+strings.Repeat("x", 300))).want(t, 200, "")
		lastClient((sdk + " " + strings.Repeat("x", 300))[:255])
		d.call(t, "ListUsers", nil, bearer(key), says(sdk+" "+key)).want(t, 200, "")
		a := usageOf(t, d, "GetKeyUsage", args{"id": id}, 5, dev)
		wantNamed(t, "clients", a.named("clients", "client"), map[string][4]float64{"openwearables-ts/0.1.0": {3}, "Chrome/139": {2}})
		if got := d.call(t, "GetKey", args{"id": id}, dev).str("last_used_client"); !strings.HasPrefix(got, sdk) || strings.Contains(got, key) {
			t.Errorf("the key was used by %q", got)
		}
		d.call(t, "UpdateKey", args{"id": id, "name": "B"}, dev, page, says(sdk)).want(t, 200, "")
		events := d.call(t, "ListAuditEvents", args{"action": "key.update"}, dev).want(t, 200, "").list("items")
		if client := events[0].(map[string]any)["client"]; client != sdk+" "+browser {
			t.Errorf("the key was changed by %q", client)
		}
	})
}

// TestUsageRange checks which spans a report covers, and that a refusal says what to change.
func TestUsageRange(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		for _, c := range []struct {
			in         args
			start, end string
			points     int
		}{
			{args{"start": "2026-03-07T10:30:30.5Z", "end": "2026-03-07T10:31:00Z", "resolution": "minute"}, "2026-03-07T10:30:00Z", "2026-03-07T10:31:00Z", 1},
			{args{"start": "2026-03-07T12:30:00+02:00", "end": "2026-03-07T10:31:00.000001Z", "resolution": "minute"}, "2026-03-07T10:30:00Z", "2026-03-07T10:32:00Z", 2},
			{args{"start": "2026-03-07T10:30:00Z", "end": "2026-03-09T00:00:00Z"}, "2026-03-07T10:00:00Z", "2026-03-09T00:00:00Z", 38},
			{args{"end": "2026-03-07T10:30:00Z"}, "2026-03-06T11:00:00Z", "2026-03-07T11:00:00Z", 24},
			{args{"end": "2026-03-07T10:30:00Z", "resolution": "day"}, "2026-02-06T00:00:00Z", "2026-03-08T00:00:00Z", 30},
			{args{"start": "2022-01-29T00:00:00Z", "end": "2026-03-09T00:00:00Z", "resolution": "day"}, "2022-01-29T00:00:00Z", "2026-03-09T00:00:00Z", 1500},
		} {
			a := d.call(t, "GetUsage", c.in, bearer(admin)).want(t, 200, "")
			points := a.list("series")
			if a.str("start") != c.start || a.str("end") != c.end || len(points) != c.points || points[0].(map[string]any)["time"] != c.start {
				t.Errorf("%v: %s to %s, %d points", c.in, a.str("start"), a.str("end"), len(points))
			}
		}
		for _, c := range []struct {
			in          args
			field, says string
		}{
			{args{"start": "2022-01-28T00:00:00Z", "end": "2026-03-09T00:00:00Z", "resolution": "day"}, "start", ""},
			{args{"start": "2026-03-01T00:00:00Z", "end": "2026-03-03T00:00:00Z", "resolution": "minute"}, "start", "at most 1500 minutes before end"},
			{args{"start": "2026-03-07T10:30:00Z", "end": "2026-03-07T10:30:00Z"}, "start", "before end"},
			{args{"start": "2999-03-07T10:30:00Z"}, "start", "before end"},
			{args{"end": "9999-12-31T23:59:59Z", "resolution": "day"}, "end", ""},
			{args{"end": "0001-01-01T00:00:00Z", "resolution": "day"}, "end", ""},
			{args{"start": "1500-01-01T00:00:00Z"}, "start", "from 1970 on"},
			{args{"resolution": "week"}, "resolution", "minute, hour, day"},
			{args{"resolution": ""}, "resolution", ""},
		} {
			a := d.call(t, "GetUsage", c.in, bearer(admin)).want(t, 422, "invalid_request")
			if len(a.Fields) != 1 || a.Fields[0] != c.field || !strings.Contains(string(encode(t, a.Body))+a.Detail, c.says) {
				t.Errorf("%v: %v %s", c.in, a.Fields, a.Detail)
			}
		}
	})
}

// TestUsageOutlivesTheNode checks that a node writes what it has counted before it ends.
func TestUsageOutlivesTheNode(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	id, key := n.newKey(t, d, admin, args{"name": "A"})
	for round := 1; round <= 3; round++ {
		for range 100 {
			d.call(t, "ListUsers", nil, bearer(key)).want(t, 200, "")
		}
		n.stop()
		n.boot(t, unlimited)
		d = n.drivers()[0]
		a := d.call(t, "GetKeyUsage", args{"id": id}, bearer(admin)).want(t, 200, "")
		if got := countsOf(a.Body.(map[string]any)["totals"])[0]; got != float64(100*round) {
			t.Errorf("%v requests after %d ends", got, round)
		}
	}
}

// TestUsageOverNodes checks that nodes add what each has counted, and that the last use of a key is
// the latest over all nodes, within a second and never an earlier one.
func TestUsageOverNodes(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 2, unlimited)
	a, b := nodes[0].drivers()[0], nodes[1].drivers()[0]
	admin, _ := nodes[0].login(t, a)
	id, key := nodes[0].newKey(t, a, admin, nil)
	last := make(map[driver]time.Time)
	for round, d := range []driver{a, b, a, b} {
		client := "agent/" + string(rune('1'+round))
		for range 5 {
			d.call(t, "ListUsers", nil, bearer(key), header("User-Agent", client)).want(t, 200, "")
		}
		used := time.Now()
		for _, d := range []driver{a, b} {
			for {
				k := d.call(t, "GetKey", args{"id": id}, bearer(admin)).want(t, 200, "")
				at := k.timeOf(t, "last_used_at")
				if at.Before(last[d]) {
					t.Fatalf("last_used_at went back from %v to %v", last[d], at)
				}
				if last[d] = at; k.str("last_used_client") == client {
					break
				}
				if time.Since(used) > 10*time.Second {
					t.Fatalf("%v after a use with %s", k.Body, client)
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
	for _, d := range []driver{a, b} {
		got := usageOf(t, d, "GetKeyUsage", args{"id": id}, 20, bearer(admin))
		if clients := got.named("clients", "client"); len(clients) != 4 || clients["agent/1"][0] != 5 {
			t.Errorf("%v", clients)
		}
	}
}
