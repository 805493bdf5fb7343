package scenario_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// installationIsOlder is more than the time for which a node answers alike.
const installationIsOlder = 6 * time.Second

// installation returns what GetInstallation answers, without what it answered before.
func (n *node) installation(t *testing.T, d driver, admin string) answer {
	t.Helper()
	n.clock.advance(installationIsOlder)
	return d.call(t, "GetInstallation", nil, bearer(admin)).want(t, 200, "")
}

// named returns the item of a list that has the name.
func named(t *testing.T, list []any, name string) map[string]any {
	t.Helper()
	for _, item := range list {
		if m := item.(map[string]any); m["name"] == name {
			return m
		}
	}
	t.Fatalf("there is no %q in %v", name, list)
	return nil
}

// TestInstallationIsDescribed checks what a developer reads about the node: its settings with their
// flags, and its signing keys.
func TestInstallationIsDescribed(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		a := n.installation(t, d, admin)
		database := map[bool]string{false: "sqlite", true: "postgres"}[onPostgres()]
		of := a.Body.(map[string]any)
		if of["version"] == "" || a.str("api_version") != "v1" || a.str("database") != database || of["redis"] != false || of["nodes"] != 1.0 {
			t.Errorf("the installation is %v", of)
		}
		for name, want := range map[string]string{
			"key": "limit 77 of 60s by --limit-key", "login-account": "limit 10 of 900s by --limit-login-account",
			"quota-users": "limit 5000 by --quota-users",
		} {
			l := named(t, a.list("limits"), name)
			got := fmt.Sprintf("limit %v", l["limit"])
			if l["window_seconds"] != nil {
				got += fmt.Sprintf(" of %vs", l["window_seconds"])
			}
			if got += fmt.Sprintf(" by %v", l["flag"]); got != want {
				t.Errorf("%s is %q", name, got)
			}
		}
		for name, want := range map[string]any{"access-token-ttl": 1800.0, "ledger-retention": nil, "password-min": 15.0} {
			if s := named(t, a.list("settings"), name); s["value"] != want || s["flag"] != "--"+name {
				t.Errorf("%s is %v", name, s)
			}
		}
		if found := a.list("findings"); len(found) > 0 && !onPostgres() { // a test's PostgreSQL risks writes
			t.Errorf("findings are %v", found)
		}
	}, func(c *server.Config) {
		c.Auth.Limits.Key.Limit, c.Auth.Quotas.Users = 77, 5000
		c.Auth.AccessTTL, c.Retention.Ledger = 30*time.Minute, 0
	})
}

// TestSigningKeysAreDescribed checks the states of the signing keys through a rotation, and that many
// calls read them once.
func TestSigningKeysAreDescribed(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		states := func(a answer) (out []string) {
			for _, item := range a.list("signing_keys") {
				k := item.(map[string]any)
				if (k["ends_at"] != nil) != (k["state"] == "retiring") || k["id"] == "" || k["algorithm"] != "HS256" {
					t.Errorf("a signing key is %v", k)
				}
				out = append(out, k["state"].(string))
			}
			return out
		}
		before := n.installation(t, d, admin)
		if got := fmt.Sprint(states(before)); got != "[active next]" || before.str("signing_algorithm") != "HS256" {
			t.Fatalf("at first, keys are %s", got)
		}
		if err := n.server.Auth().Signing.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		sameAnswer(t, "GetInstallation", before, d.call(t, "GetInstallation", nil, bearer(admin)).want(t, 200, ""))
		if got := fmt.Sprint(states(n.installation(t, d, admin))); got != "[active next retiring]" {
			t.Errorf("after a rotation, keys are %s", got)
		}
		n.clock.advance(25 * time.Hour)
		admin, _ = n.login(t, d)
		if got := fmt.Sprint(states(n.installation(t, d, admin))); got != "[active next]" {
			t.Errorf("a day later, keys are %s", got)
		}
	}, unlimited)
}

// TestFindingsNameWhatToChange checks that an unsafe file and a mistaken setting are found while the
// node runs, and that nothing shows where the database is.
func TestFindingsNameWhatToChange(t *testing.T) {
	t.Parallel()
	n := startOnSQLite(t, func(c *server.Config) {
		unlimited(c)
		c.Auth.KeysInBrowsers = true
	})
	d := n.roundRobin()
	admin, _ := n.login(t, d)
	messages := func() (out []string) {
		for _, item := range n.installation(t, d, admin).list("findings") {
			f := item.(map[string]any)
			out = append(out, f["severity"].(string)+": "+f["message"].(string))
		}
		return out
	}
	has := func(list []string, part string) bool { return strings.Contains(strings.Join(list, "\n"), part) }
	if found := messages(); !has(found, "warning: --allow-keys-in-browsers") || has(found, "error: ") {
		t.Errorf("findings are %q", found)
	}
	if err := os.Chmod(n.database, 0o644); err != nil {
		t.Fatal(err)
	}
	found := messages()
	if !has(found, "error: Others than the server's user") || !strings.HasPrefix(found[0], "error: ") {
		t.Errorf("findings are %q", found)
	}
	if has(found, filepath.Dir(n.database)) || has(found, filepath.Base(n.database)) {
		t.Errorf("a finding tells the path: %q", found)
	}
}

// TestInstallationKeepsSecrets checks that no answer holds the database's address or the master secret.
func TestInstallationKeepsSecrets(t *testing.T) {
	t.Parallel()
	n := start(t)
	d := n.roundRobin()
	admin, _ := n.login(t, d)
	text := string(mustJSON(n.installation(t, d, admin).Body))
	private := []string{n.dsn, filepath.Dir(n.database), string(n.masterSecret(t))}
	if u, err := url.Parse(n.dsn); err == nil && onPostgres() {
		password, _ := u.User.Password()
		private = append(private, strings.TrimPrefix(u.Path, "/"), password)
	}
	for _, s := range private {
		if s != "" && strings.Contains(text, s) {
			t.Errorf("the installation shows %q: %s", s, text)
		}
	}
}

// TestStatsCountWhatThereIs checks the numbers, and that they may be a minute old and no more.
func TestStatsCountWhatThereIs(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		count := func() string {
			of := d.call(t, "GetStats", nil, bearer(admin)).want(t, 200, "").Body.(map[string]any)
			at := func(name, member string) any { return of[name].(map[string]any)[member] }
			if _, whole := of["connections_coverage"].(map[string]any); !whole || at("data_points", "archived") != 0.0 || at("active_conn", "count") != 0.0 {
				t.Errorf("the numbers are %v", of)
			}
			return fmt.Sprint("users ", at("total_users", "count"), " workouts ", at("event_records", "workouts"), " of ", at("event_records", "count"),
				" keys ", at("api_keys", "count"), " applications ", at("applications", "count"), " developers ", at("developers", "count"),
				" alerts ", at("open_alerts", "count"))
		}
		const none = "users 0 workouts 0 of 0 keys 0 applications 0 developers 1 alerts 0"
		if got := count(); got != none {
			t.Errorf("at first: %s", got)
		}
		user := n.newUser(t, d, admin)
		n.newUser(t, d, admin)
		one, two := someWorkout(), someWorkout()
		two["external_id"] = "w-2"
		d.call(t, "UpsertWorkouts", args{"user_id": user, "workouts": []args{one, two}}, bearer(admin)).want(t, 200, "")
		n.newKey(t, d, admin, args{})
		n.newApp(t, d, admin)
		n.exec(t, "INSERT INTO alerts (id, rule, subject, message, link, opened_at, last_seen_at, occurrences, acknowledged_at, resolved_at, stage) "+
			"VALUES ('a', 'r', 'a', '', '', 1, 1, 1, NULL, NULL, 0), ('b', 'r', 'b', '', '', 1, 1, 1, 1, NULL, 0), ('c', 'r', 'c', '', '', 1, 1, 1, NULL, 1, 0)")
		if got := count(); got != none {
			t.Errorf("within a minute: %s", got)
		}
		n.clock.advance(61 * time.Second)
		if got := count(); got != "users 2 workouts 2 of 2 keys 1 applications 1 developers 1 alerts 1" {
			t.Errorf("after a minute: %s", got)
		}
	}, unlimited)
}

// TestInstallationOfManyNodes checks that each node counts all, and says that they differ.
func TestInstallationOfManyNodes(t *testing.T) {
	t.Parallel()
	onEachCluster(t, 2, func(t *testing.T, nodes []*node) {
		shares := strings.HasSuffix(t.Name(), "redis")
		admin := nodes[0].admin(t, nodes[0].drivers()[0])
		for i, n := range nodes {
			var a answer
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) { // nodes see each other within some seconds
				if a = n.installation(t, n.drivers()[i], admin); a.member("nodes") == 2.0 || time.Now().After(end) {
					break
				}
			}
			if a.member("nodes") != 2.0 || a.member("redis") != shares || a.str("database") != "postgres" {
				t.Errorf("node %d says %v nodes, Redis %v", i, a.member("nodes"), a.member("redis"))
			}
		}
	}, unlimited)
	t.Run("differing", func(t *testing.T) {
		t.Parallel()
		nodes := startNodes(t, []func(*server.Config){nil, func(c *server.Config) { c.Auth.AccessTTL = 10 * time.Minute }})
		d := nodes[0].drivers()[0]
		admin := nodes[0].admin(t, d)
		var text string
		for end := time.Now().Add(20 * time.Second); !strings.Contains(text, "different settings") && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			text = string(mustJSON(nodes[0].installation(t, d, admin).list("findings")))
		}
		if !strings.Contains(text, "different settings") {
			t.Errorf("findings are %s", text)
		}
	})
}
