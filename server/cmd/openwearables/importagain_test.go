package main_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/crypto/bcrypt"
	_ "modernc.org/sqlite"
)

// database opens the database of the installation.
func (i *installation) database() *sql.DB {
	i.t.Helper()
	driver, dsn := "sqlite", i.path("openwearables.db")
	for _, v := range i.env {
		if rest, ok := strings.CutPrefix(v, "OPENWEARABLES_DATABASE="); ok {
			driver, dsn = "pgx", rest
		}
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() { _ = db.Close() })
	return db
}

// number returns what a query counts; 0 if it fails, since there is no table yet.
func number(db *sql.DB, query string) (n int) {
	_ = db.QueryRow(query).Scan(&n)
	return n
}

// What is odd of a row is said of that row, before anything is written and after.
func TestImportTellsWhatIsOdd(t *testing.T) {
	eachTarget(t, func(t *testing.T, i *installation, b *backend) {
		b.developer("ann", "ann@example.com", theirPassword)
		b.developer("ann again", "ANN@example.com", theirPassword)
		b.exec(`INSERT INTO developer VALUES ($1, 'x@example.com', 'md5', NULL, NULL, $2, $2)`, idOf("unreadable"), backendEpoch)
		app, secret := b.application("orphan", nil)
		user, second := b.user("first", "Same@example.com", nil), b.user("second", "same@EXAMPLE.com", nil)
		b.user("third", "same@example.com", "x")
		b.key("of nobody", nil)
		if b.generation == "0.7" {
			b.putKey(b.secret("my-own-key-that-is-longer"), "own", idOf("ann"))
		} else {
			b.exec(`INSERT INTO api_key VALUES ($1, 'no digest', 'sk-0123456', 'own', NULL, $2)`, idOf("own"), backendEpoch)
		}
		live, dead := b.token("sdk", user, app), b.token("sdk", user, "app_gone")
		b.invitation("late", "late@example.com", "pending", backendEpoch, nil)
		b.invitation("ann", "Ann@Example.com", "pending", time.Now().Add(time.Hour), idOf("ann"))
		b.putPairing("late code", "LATECODE", user, idOf("ann"), 0, backendEpoch)
		odd := []string{
			"odd  developer " + idOf("ann again") + " has the email of developer " + idOf("ann"),
			"odd  developer " + idOf("unreadable") + " its secret is not a bcrypt hash",
			"odd  application " + app + " belongs to nobody",
			"odd  user " + second + " has the email of user " + user,
			"odd  user " + idOf("third") + " has the email of user " + user,
			"nobody is known to have made sk-",
			"odd  key of 2026-01-02T03:04:05Z has not the form sk-",
			"odd  session of 2026-01-02T03:04:05Z is a refresh token of user " + user + " by application app_gone, which is gone",
			"odd  invitation " + idOf("late") + " has expired",
			"left out: 1 pairing codes that have expired",
		}
		dry := i.bring(b)
		if _, err := os.Stat(i.path("openwearables.db")); err == nil {
			t.Error("a dry run made a database")
		}
		db := i.database()
		for _, table := range []string{"imports", "users", "developers", "api_keys", "sessions", "audit_events"} {
			if n := number(db, "SELECT count(*) FROM "+table); n > 0 {
				t.Errorf("a dry run wrote %d rows of %s", n, table)
			}
		}
		applied := i.bring(b, "--apply")
		for name, report := range map[string]string{"dry": dry, "applied": applied} {
			for _, what := range odd {
				if !strings.Contains(report, what) {
					t.Errorf("%s: nothing of %q in\n%s", name, what, report)
				}
			}
		}
		if !strings.Contains(dry, "Nothing was written") || !strings.Contains(applied, "odd  invitation "+idOf("ann")+" is for an email that a developer has") {
			t.Errorf("%s\n%s", dry, applied)
		}
		wantCounts(t, applied, "users", "3", "0", "0", "0", "2")
		p := i.serve()
		access := p.login("ann@example.com", theirPassword).access
		if got := p.want(200, "GET", "/api/v1/users/"+second, access, nil); got.body["email"] != nil {
			t.Error(got.body)
		}
		p.want(200, "POST", "/api/v1/users/"+user+"/token", "", map[string]string{"app_id": app, "app_secret": secret})
		p.want(401, "POST", "/api/v1/token/refresh", "", map[string]string{"refresh_token": dead})
		p.want(200, "POST", "/api/v1/token/refresh", "", map[string]string{"refresh_token": live})
	})
}

// changing is an installation into which a backend was imported that changes since.
type changing struct {
	t *testing.T
	i *installation
	b *backend
	p *process

	app, secret, other, otherSecret string // applications
	user, gone, both, here          string
	kept, ended, reported           string // keys
	used, revoked, moved, lost      string // refresh tokens
	admin, removed                  pair
}

func newChanging(t *testing.T, i *installation, b *backend) *changing {
	c := &changing{t: t, i: i, b: b}
	for _, name := range []string{"ann", "bob", "cid"} {
		b.developer(name, name+"@example.com", theirPassword)
	}
	c.app, c.secret = b.application("phone", idOf("ann"))
	c.other, c.otherSecret = b.application("other", idOf("ann"))
	c.user, c.gone = b.user("stays", "stays@example.com", nil), b.user("goes", "goes@example.com", nil)
	c.both, c.here = b.user("both", nil, nil), b.user("here", nil, nil)
	c.kept, c.ended, c.reported = b.key("kept", idOf("ann")), b.key("ended", idOf("ann")), b.key("reported", idOf("ann"))
	c.used, c.revoked, c.moved = b.token("sdk", c.user, c.app), b.token("sdk", c.user, c.app), b.token("sdk", c.user, c.app)
	c.lost = b.token("sdk", c.user, c.other)
	i.bring(b, "--apply")
	c.p = i.serve()
	c.admin, c.removed = c.p.login("ann@example.com", theirPassword), c.p.login("bob@example.com", theirPassword)
	return c
}

func (c *changing) exchange(status int, app, secret string) reply {
	c.t.Helper()
	return c.p.want(status, "POST", "/api/v1/users/"+c.user+"/token", "", map[string]string{"app_id": app, "app_secret": secret})
}

func (c *changing) refresh(status int, token string) reply {
	c.t.Helper()
	return c.p.want(status, "POST", "/api/v1/token/refresh", "", map[string]string{"refresh_token": token})
}

// get reads a user with a key.
func (c *changing) get(status int, user, key string) reply {
	c.t.Helper()
	return c.p.want(status, "GET", "/api/v1/users/"+user, key, nil)
}

// change changes the backend, and returns a key and a refresh token that are new.
func (c *changing) change() (key, token string) {
	b := c.b
	b.exec(`UPDATE "user" SET first_name = 'New' WHERE id = ANY($1)`, []string{c.user, c.both})
	b.exec(`DELETE FROM "user" WHERE id = $1`, c.gone)
	b.exec(`DELETE FROM developer WHERE id = $1`, idOf("bob"))
	b.exec(`UPDATE developer SET hashed_password = $1 WHERE id = $2`, b.hash("another one"), idOf("cid"))
	b.exec(`DELETE FROM application WHERE app_id = $1`, c.other)
	b.exec(`UPDATE refresh_token SET revoked_at = now() WHERE id = ANY($1)`, []string{c.revoked, c.moved})
	b.dropKey(c.ended)
	return b.key("added", idOf("ann")), b.token("sdk", c.user, c.app)
}

// A second import, into what is served, brings what has changed there, ends what was ended
// there, and leaves alone what was changed or deleted here.
func TestImportAgainBringsWhatChanged(t *testing.T) {
	eachTarget(t, func(t *testing.T, i *installation, b *backend) {
		c := newChanging(t, i, b)
		wantCounts(t, i.bring(b, "--apply"), "API keys", "0", "0", "3", "0", "0")
		for _, key := range []string{c.kept, c.ended, c.reported} {
			c.get(200, c.user, key)
		}
		c.exchange(200, c.app, c.secret)
		minted := c.exchange(200, c.other, c.otherSecret).str("access_token")
		successor := c.refresh(200, c.moved).str("refresh_token")
		c.p.want(204, "POST", "/api/v1/credentials/report", "", map[string]string{"credential": c.reported})
		c.get(401, c.user, c.reported)
		c.p.want(200, "PATCH", "/api/v1/users/"+c.both, c.kept, map[string]string{"first_name": "Here"})
		c.p.want(200, "DELETE", "/api/v1/users/"+c.here, c.kept, nil)
		added, next := c.change()

		dry := i.bring(b)
		c.get(200, c.gone, c.ended)
		report := i.bring(b, "--apply")
		for _, r := range []string{dry, report} {
			wantCounts(t, r, "API keys", "1", "0", "2", "1", "0")
			wantCounts(t, r, "users", "0", "1", "1", "1", "1")
			wantCounts(t, r, "developers", "0", "1", "1", "1", "1")
			wantCounts(t, r, "applications", "0", "0", "1", "1", "0")
		}
		if !strings.Contains(report, "odd  user "+c.both+" has changed on both sides") {
			t.Error(report)
		}
		c.changed(added, next)
		for _, token := range []string{c.revoked, successor, c.lost} {
			c.refresh(401, token)
		}
		c.get(401, c.user, minted)

		b.exec(`DELETE FROM developer`)
		o := i.run("", "import", "open-wearables", "--from", b.dsn, "--apply")
		if o.status != 1 || !strings.Contains(o.stderr, "it is another one") {
			t.Errorf("a database without its developers: %d %s", o.status, o.stderr)
		}
	})
}

// changed checks what holds after the second import.
func (c *changing) changed(key, token string) {
	c.t.Helper()
	for _, dead := range []string{c.ended, c.reported} {
		c.get(401, c.user, dead)
	}
	for of, name := range map[string]string{c.user: "New", c.both: "Here"} {
		if got := c.get(200, of, key); got.str("first_name") != name {
			c.t.Error(got.body)
		}
	}
	c.get(404, c.gone, c.kept)
	c.get(404, c.here, c.kept)
	c.p.want(401, "GET", "/api/v1/auth/me", c.removed.access, nil)
	for _, name := range []string{"bob", "cid"} {
		c.p.want(401, "POST", "/api/v1/auth/login", "", map[string]string{"email": name + "@example.com", "password": theirPassword})
	}
	c.p.login("cid@example.com", "another one")
	c.p.want(200, "GET", "/api/v1/auth/me", c.admin.access, nil)
	c.exchange(200, c.app, c.secret)
	c.exchange(401, c.other, c.otherSecret)
	c.refresh(200, token)
	c.refresh(200, c.used)
}

// The secret that bcrypt has hashed lives on through a rotation as any other.
func TestImportedSecretLivesOnThroughARotation(t *testing.T) {
	t.Parallel()
	c := newChanging(t, install(t), newBackend(t, "0.8"))
	rotate := func(app string, overlap int) string {
		return c.p.want(200, "POST", "/api/v1/applications/"+app+"/rotate-secret", c.admin.access, map[string]int{"overlap_seconds": overlap}).str("app_secret")
	}
	next := rotate(c.app, 600)
	for range 2 {
		c.exchange(200, c.app, c.secret)
		c.exchange(200, c.app, next)
	}
	next = rotate(c.other, 0)
	c.exchange(401, c.other, c.otherSecret)
	c.exchange(200, c.other, next)
	verified := c.p.want(200, "POST", "/api/v1/credentials/verify", c.admin.access, map[string]string{"credential": c.kept})
	if verified.body["valid"] != true || verified.str("kind") != "api_key" || verified.str("environment") != "live" {
		t.Error(verified.body)
	}
}

// An import that is killed at any place leaves what is whole, and goes on.
func TestImportGoesOnAfterAKill(t *testing.T) {
	eachTarget(t, func(t *testing.T, i *installation, b *backend) {
		const users = 3000
		b.developer("ann", "ann@example.com", theirPassword)
		app, _ := b.application("phone", idOf("ann"))
		b.exec(`INSERT INTO "user" SELECT gen_random_uuid(), n || '@example.com', NULL, NULL, 'e' || n, $1 FROM generate_series(1, $2) n`, backendEpoch, users)
		b.exec(`INSERT INTO refresh_token SELECT 'rt-' || md5(id::text), 'sdk', id, $1, NULL, $2 FROM "user"`, app, backendEpoch)
		i.ok("", "migrate")
		db := i.database()
		imported := func(kind string) int { return number(db, "SELECT count(*) FROM imports WHERE kind = '"+kind+"'") }
		for _, until := range []func() bool{
			func() bool { return imported("user") > 500 }, func() bool { return imported("user") > 1500 }, func() bool { return imported("session") > 500 },
		} {
			cmd := exec.Command(binary, "import", "open-wearables", "--from", b.dsn, "--apply")
			cmd.Dir, cmd.Env, cmd.WaitDelay = i.folder, i.env, pipeTimeout
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			for deadline := time.Now().Add(30 * time.Second); !until(); time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Error("the import came not so far")
					break
				}
			}
			_ = cmd.Process.Kill()
			<-ended
			for kind, table := range map[string]string{"user": "users", "session": "sessions", "developer": "developers"} {
				if rows, known := number(db, "SELECT count(*) FROM "+table), imported(kind); rows != known {
					t.Errorf("%d rows of %s, and %d are known", rows, table, known)
				}
			}
		}
		i.bring(b, "--apply")
		if got := number(db, "SELECT count(*) FROM users"); got != users || number(db, "SELECT count(*) FROM sessions") != users {
			t.Errorf("%d users", got)
		}
		if got := number(db, "SELECT value FROM counters WHERE name = 'users'"); got != users {
			t.Errorf("%d users are counted", got)
		}
		wantCounts(t, i.bring(b, "--apply"), "users", "0", "0", fmt.Sprint(users), "0", "0")
	})
}

func TestThousandImportedKeysWork(t *testing.T) {
	eachTarget(t, func(t *testing.T, i *installation, b *backend) {
		b.developer("ann", "ann@example.com", theirPassword)
		user := b.user("ulla", nil, nil)
		var keys []string
		for n := range 1000 {
			keys = append(keys, b.key(fmt.Sprint(n), idOf("ann")))
		}
		secrets := b.secrets
		b.secrets = nil // too many to look for each in every text
		wantCounts(t, i.bring(b, "--apply"), "API keys", "1000", "0", "0", "0", "0")
		p := i.serve()
		for _, key := range keys {
			p.want(200, "GET", "/api/v1/users/"+user, key, nil)
		}
		b.secrets = secrets[len(secrets)-20:]
		b.silent(p.stderr.String())
	})
}

// Whoever uses a secret that is still by bcrypt at the same time is let in, and it is
// compared once: one network would else find no place for so many comparisons.
func TestFirstUsesOfAnImportedSecretAtOnce(t *testing.T) {
	eachTarget(t, func(t *testing.T, i *installation, b *backend) {
		b.developer("ann", "ann@example.com", theirPassword)
		user := b.user("ulla", nil, nil)
		app, secret := b.application("phone", idOf("ann"))
		hash, err := bcrypt.GenerateFromPassword([]byte(secret), 9)
		if err != nil {
			t.Fatal(err)
		}
		b.exec(`UPDATE application SET app_secret_hash = $1`, string(hash))
		i.bring(b, "--apply")
		p := i.serve("--limit-exchange-refused", "1000")
		var calls sync.WaitGroup
		at := func(n, status int, path string, body map[string]string) {
			for range n {
				calls.Go(func() {
					if a, err := p.send(http.DefaultClient, "POST", path, "", body); err != nil || a.status != status {
						t.Errorf("%s answered %d %v %v, want %d", path, a.status, a.body, err, status)
					}
				})
			}
			calls.Wait()
		}
		tokens := "/api/v1/users/" + user + "/token"
		wrong := b.digits("secret_", 64)
		at(40, 401, tokens, map[string]string{"app_id": app, "app_secret": wrong})
		at(40, 200, tokens, map[string]string{"app_id": app, "app_secret": secret})
		at(40, 401, tokens, map[string]string{"app_id": app, "app_secret": wrong})
		at(2, 200, "/api/v1/auth/login", map[string]string{"email": "ann@example.com", "password": theirPassword})
		db := i.database()
		if n := number(db, `SELECT count(*) FROM developers WHERE password_hash LIKE '$argon2id$%'`); n != 1 {
			t.Error("the password is still by bcrypt")
		}
		if n := number(db, `SELECT count(*) FROM imports WHERE secret LIKE '$2%'`); n != 0 {
			t.Error("the secret is still by bcrypt")
		}
	})
}

// The database to import from may be given where no list of processes shows it.
func TestImportTakesItsSourceFromAFileOrAVariable(t *testing.T) {
	t.Parallel()
	i, b := install(t), newBackend(t, "0.8")
	b.developer("ann", "ann@example.com", theirPassword)
	file := i.put("source", b.dsn+"\n", 0o600)
	wantCounts(t, i.ok("", "import", "open-wearables", "--from-file", file), "developers", "1", "0", "0", "0", "0")
	env := i.env
	i.env = append(env, "OPENWEARABLES_IMPORT_FROM="+b.dsn)
	wantCounts(t, i.ok("", "import", "open-wearables"), "developers", "1", "0", "0", "0", "0")
	i.env = env
	empty := newBackend(t, "0.8")
	empty.exec(`DROP TABLE refresh_token`)
	for name, c := range map[string]struct {
		status int
		args   []string
		want   string
	}{
		"nothing":    {2, nil, "needs --from, --from-file or OPENWEARABLES_IMPORT_FROM"},
		"twice":      {2, []string{"--from", b.dsn, "--from-file", file}, "given twice"},
		"no address": {1, []string{"--from", "mysql:hidden-word"}, "must be given as postgres://"},
		"no backend": {1, []string{"--from", empty.dsn}, `it has no table "refresh_token"`},
	} {
		o := i.run("", append([]string{"import", "open-wearables"}, c.args...)...)
		if o.status != c.status || !strings.Contains(o.stderr, c.want) || strings.Contains(o.stderr, "hidden-word") {
			t.Errorf("%s: %d %s", name, o.status, o.stderr)
		}
	}
}
