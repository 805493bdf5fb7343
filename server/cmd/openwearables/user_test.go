package main_test

import (
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// person is a user with what identifies it, each value once in the world.
type person struct {
	id, external string
	values       []string
}

// addPerson makes a user and lets it leave a row in every table that names users.
func (p *process) addPerson(admin pair, name string) person {
	p.t.Helper()
	who := person{external: name + "-external-" + rand.Text()}
	first, mail, workout := name+rand.Text(), strings.ToLower(name+rand.Text())+"@example.com", name+"-workout-"+rand.Text()
	who.values = []string{who.external, first, mail, workout}
	who.id = p.want(201, "POST", "/api/v1/users", admin.access, map[string]string{
		"first_name": first, "email": mail, "external_user_id": who.external,
	}).str("id")
	path := "/api/v1/users/" + who.id
	var workouts []any
	for i := range 250 { // more than are removed at once
		workouts = append(workouts, map[string]any{
			"external_id": fmt.Sprint(workout, i), "name": workout, "type": "running", "source": map[string]any{"provider": "apple"},
			"start_time": "2026-03-01T07:00:00Z", "end_time": "2026-03-01T07:30:00Z",
		})
	}
	p.want(200, "POST", path+"/events/workouts", admin.access, map[string]any{"workouts": workouts})
	for range 2 { // the second session is still there when the first has ended
		minted := p.want(200, "POST", path+"/token", admin.access, nil)
		token := minted.str("access_token")
		p.want(200, "GET", path+"/events/workouts?start_date=2026-03-01&end_date=2026-03-02", token, nil)
		p.want(403, "GET", "/api/v1/audit-events", token, nil)
		if len(who.values) > 4 {
			continue
		}
		refresh := minted.str("refresh_token")
		next := p.refresh(refresh, rand.Text()).str("refresh_token")
		if p.refresh(next, rand.Text()).status != 200 {
			p.t.Fatal("a second refresh failed")
		}
		p.want(401, "POST", "/api/v1/auth/refresh", "", map[string]string{"refresh_token": refresh}) // opens an alert
		who.values = append(who.values, refresh)
	}
	p.want(200, "GET", path+"/events/workouts?start_date=2026-03-01&end_date=2026-03-02", admin.access, nil)
	eventually(p.t, "the reuse opens an alert", func() bool {
		items, _ := p.want(200, "GET", "/api/v1/alerts?subject=user:"+who.id, admin.access, nil).body["items"].([]any)
		if len(items) == 0 {
			return false
		}
		id, _ := items[0].(map[string]any)["id"].(string)
		p.want(200, "POST", "/api/v1/alerts/"+id+"/mute", admin.access, map[string]string{"until": "2036-01-01T00:00:00Z"})
		return true
	})
	return who
}

// exported returns the lines of an export, by table.
func exported(t *testing.T, text string) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	for line := range strings.Lines(text) {
		var row struct {
			Table string
			Row   map[string]any
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil || row.Table == "" || len(row.Row) == 0 {
			t.Fatalf("%q: %v", line, err)
		}
		found[row.Table] = append(found[row.Table], line)
	}
	return found
}

// unnamed are tables that name a user by a hash alone, or for minutes.
var unnamed = []string{"windows", "alert_runs"}

// naming returns how many rows of each table hold the text.
func naming(t *testing.T, db *sql.DB, text string) map[string]int {
	t.Helper()
	tables := "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'user_search*' AND name <> 'user_grams'"
	if _, err := db.Exec(tables); err != nil {
		tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
	}
	found := make(map[string]int)
	for _, name := range rowsAsText(t, db, tables) {
		if slices.Contains(unnamed, name[0]) {
			continue
		}
		for _, row := range rowsAsText(t, db, "SELECT * FROM "+name[0]) {
			if slices.ContainsFunc(row, func(value string) bool { return strings.Contains(value, text) }) {
				found[name[0]]++
			}
		}
	}
	return found
}

// rowsAsText returns the rows of a query, with each value as text.
func rowsAsText(t *testing.T, db *sql.DB, query string) (all [][]string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(values))
		for i, v := range values {
			row[i] = string(v)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// everyTable are the tables of an export to which addPerson leads.
var everyTable = []string{
	"access_ledger", "alert_mutes", "alerts", "audit_events", "sessions", "usage_counts", "user_texts", "users", "webhook_deliveries", "workouts",
}

// An export holds every row about the person, and nothing of another. After the
// erasure, the id is in the rows alone that are kept, and no value of the person is
// anywhere; the other person still has everything.
func TestUserExportAndErase(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(*testing.T, *installation) (flag, driver, dsn string){
		"sqlite": func(_ *testing.T, i *installation) (string, string, string) {
			return "sqlite:openwearables.db", "sqlite", i.path("openwearables.db")
		},
		"postgres": func(t *testing.T, i *installation) (string, string, string) {
			i.env = append(i.env, "OPENWEARABLES_SECRET="+rand.Text()+rand.Text())
			dsn := pgtest.New(t)
			return dsn, "pgx", dsn
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := install(t)
			flag, driver, dsn := database(t, i)
			i.env = append(i.env, "OPENWEARABLES_DATABASE="+flag)
			db, err := sql.Open(driver, dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			walkErasure(t, i, db)
		})
	}
}

func walkErasure(t *testing.T, i *installation, db *sql.DB) {
	password := passphrase()
	i.ok(password+"\n", "developer", "create", "--email", email, "--password-stdin")
	p := i.serve("--alert-interval", "100ms", "--webhook-allow-private-networks")
	admin := p.login(email, password)
	p.want(201, "POST", "/api/v1/webhook-endpoints", admin.access, map[string]any{"url": "http://127.0.0.1:1/", "kinds": []string{"alert.opened"}})
	one, other := p.addPerson(admin, "one"), p.addPerson(admin, "other")
	var lines map[string][]string
	eventually(t, "every table has rows", func() bool {
		lines = exported(t, i.ok("", "user", "export", "--external-id", one.external))
		return !slices.ContainsFunc(everyTable, func(table string) bool { return len(lines[table]) == 0 })
	})
	checkExport(t, naming(t, db, one.id), lines, one, other)
	trail := p.want(200, "GET", "/api/v1/audit-events?action=user.export&limit=1", admin.access, nil).body["items"]
	if actor, subject := at(trail, "0.actor"), at(trail, "0.subject"); actor != "operator" || subject != "user:"+one.id {
		t.Errorf("the trail has the export as %v", trail)
	}
	before := exported(t, i.ok("", "user", "export", "--user", other.id))
	if said := i.ok("", "user", "export", "--user", one.id, "--to", "one.jsonl"); !strings.Contains(said, "into one.jsonl") {
		t.Errorf("said %q", said)
	}
	if info, err := os.Stat(i.path("one.jsonl")); err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("the file is %v, %v", info, err)
	}
	if o := i.run("", "user", "erase", "--user", one.id); o.status != 2 || !strings.Contains(o.stderr, "--yes") {
		t.Errorf("without a terminal it ended with %d: %s", o.status, o.stderr)
	}
	p.want(200, "GET", "/api/v1/users/"+one.id, admin.access, nil)

	said := i.ok("", "user", "erase", "--external-id", one.external, "--yes")
	p.want(404, "GET", "/api/v1/users/"+one.id, admin.access, nil)
	checkErased(t, db, said, one)
	if again := i.ok("", "user", "erase", "--user", one.id, "--yes"); !strings.Contains(again, "audit_events") {
		t.Errorf("once more said %q", again)
	}
	for table, rows := range exported(t, i.ok("", "user", "export", "--user", other.id)) {
		if len(rows) < len(before[table]) {
			t.Errorf("of the other, %s has %d rows now, not %d", table, len(rows), len(before[table]))
		}
	}
	if status := p.stop(); status != 0 {
		t.Fatal(status)
	}
	checkErased(t, db, i.ok("", "user", "erase", "--user", other.id, "--yes"), other)
}

func checkExport(t *testing.T, rows map[string]int, lines map[string][]string, one, other person) {
	t.Helper()
	for table, n := range rows {
		if len(lines[table]) < n {
			t.Errorf("%s has %d rows that name the person, and %d were exported", table, n, len(lines[table]))
		}
	}
	all := strings.Join(slices.Concat(lines["users"], lines["workouts"]), "")
	for _, value := range one.values[:4] {
		if !strings.Contains(all, value) {
			t.Errorf("%q was not exported", value)
		}
	}
	for _, line := range slices.Concat(slices.Collect(maps.Values(lines))...) {
		for _, value := range append(other.values, other.id, one.values[4], `"seed"`, `"hash"`, `"rotated_by"`, `"salt"`, `"mac"`) {
			if strings.Contains(line, value) {
				t.Errorf("%q was exported: %s", value, line)
			}
		}
	}
}

func checkErased(t *testing.T, db *sql.DB, said string, one person) {
	t.Helper()
	for table, n := range naming(t, db, one.id) {
		if !strings.Contains(said, fmt.Sprint("kept  ", table, " ")) {
			t.Errorf("%s has %d rows that name the person, of which nothing was said: %s", table, n, said)
		}
	}
	for line := range strings.Lines(said) {
		if kept := strings.Fields(line); kept[0] == "kept" && len(kept) < 5 {
			t.Errorf("%q does not say why", line)
		}
	}
	for _, value := range one.values {
		if left := naming(t, db, value); len(left) > 0 {
			t.Errorf("%q is still in %v", value, left)
		}
	}
}

func TestUserCommandsSayWhatTheyNeed(t *testing.T) {
	t.Parallel()
	i, _ := installWithDeveloper(t)
	unknown := "0199aaaa-0000-7000-8000-000000000000"
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{2, "needs --user or --external-id", nil},
		{2, "needs --user or --external-id", []string{"--user", unknown, "--external-id", "x"}},
		{1, "the id of a user is a UUID", []string{"--user", "ann"}},
		{1, "nothing is stored of user " + unknown, []string{"--user", unknown}},
		{1, "no user has the external id", []string{"--external-id", "ann"}},
		{1, "there is no database at none.db", []string{"--user", unknown, "--database", "sqlite:none.db"}},
	} {
		for _, command := range []string{"export", "erase"} {
			o := i.run("", append([]string{"user", command}, c.args...)...)
			if o.status != c.status || !strings.Contains(o.stderr, c.says) {
				t.Errorf("%s %q ended with %d: %s", command, c.args, o.status, o.stderr)
			}
		}
	}
	if o := i.run("", "user", "export", "--user", unknown, "--to", "new.jsonl"); o.status != 1 {
		t.Errorf("ended with %d", o.status)
	}
	if _, err := os.Stat(i.path("new.jsonl")); err == nil {
		t.Error("a failed export left its file")
	}
}
