package main_test

import (
	"crypto/rand"
	"database/sql"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// The ledgers verify while they are served and afterwards, and what was changed
// behind the server's back is named: an entry, and a cut-off end.
func TestAuditVerify(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(*testing.T, *installation) (flag, driver, dsn string){
		"sqlite": func(_ *testing.T, i *installation) (string, string, string) {
			return "sqlite:openwearables.db", "sqlite", i.path("openwearables.db")
		},
		"postgres": func(t *testing.T, _ *installation) (string, string, string) {
			dsn := pgtest.New(t)
			return dsn, "pgx", dsn
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := install(t)
			flag, driver, dsn := database(t, i)
			if name == "postgres" {
				i.env = append(i.env, "OPENWEARABLES_SECRET="+rand.Text()+rand.Text())
			}
			password := passphrase()
			i.ok(password+"\n", "developer", "create", "--email", email, "--password-stdin", "--database", flag)
			p := i.serve("--database", flag)
			admin := p.login(email, password)
			user := p.want(201, "POST", "/api/v1/users", admin.access, map[string]string{}).str("id")
			for range 3 {
				p.want(200, "GET", "/api/v1/users/"+user+"/events/workouts?start_date=2026-03-01&end_date=2026-03-02", admin.access, nil)
			}
			if said := i.ok("", "audit", "verify", "--database", flag); !strings.Contains(said, "signed heads") {
				t.Errorf("while it is served: %q", said)
			}
			if status := p.stop(); status != 0 {
				t.Fatal(status)
			}
			if said := i.ok("", "audit", "verify", "--database", flag); !strings.Contains(said, "checked 3 entries of 1 users, and 1 signed heads") {
				t.Errorf("after the end: %q", said)
			}
			db, err := sql.Open(driver, dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			for _, c := range []struct{ statement, says string }{
				{"DELETE FROM access_ledger WHERE seq = 3", "broken  user " + user + ": it ends at entry 2 or was written anew, and entry 3 was signed"},
				{"UPDATE access_ledger SET items = 9 WHERE seq = 2", "broken  user " + user + ": entry 2 is missing, or was changed or moved"},
			} {
				if _, err := db.Exec(c.statement); err != nil {
					t.Fatal(err)
				}
				o := i.run("", "audit", "verify", "--database", flag)
				if o.status != 1 || !strings.Contains(o.stdout, c.says) || !strings.Contains(o.stderr, "compare it with a backup") {
					t.Errorf("%s: status %d, %q %q", c.statement, o.status, o.stdout, o.stderr)
				}
			}
		})
	}
}

func TestAuditVerifySaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	i := install(t)
	if o := i.run("", "audit", "verify"); o.status != 1 || !strings.Contains(o.stderr, "the master secret is needed") {
		t.Errorf("without an installation: status %d, %q", o.status, o.stderr)
	}
	if o := i.run("", "audit", "verify", "--database", "sqlite:"); o.status == 0 {
		t.Errorf("a wrong database: %q", o.stdout)
	}
}
