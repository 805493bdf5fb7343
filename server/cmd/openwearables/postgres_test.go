package main_test

import (
	"crypto/rand"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/dev/redistest"
)

// refresh refreshes a session under an Idempotency-Key.
func (p *process) refresh(token, key string) reply {
	p.t.Helper()
	body := map[string]string{"refresh_token": token}
	a, err := p.send(http.DefaultClient, "POST", "/api/v1/auth/refresh", "", body, "Idempotency-Key", key)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

// A copied installation keeps every key, session and token, and a retried
// refresh gets the successor that it got before.
func TestCopyKeepsEveryCredential(t *testing.T) {
	t.Parallel()
	i, password := installWithDeveloper(t)
	p := i.serve()
	admin := p.login(email, password)
	created := p.want(201, "POST", "/api/v1/api-keys", admin.access, nil)
	key := created.str("key")
	user := p.want(201, "POST", "/api/v1/users", admin.access, map[string]string{"email": "ü@example.com"}).str("id")
	minted := p.want(200, "POST", "/api/v1/users/"+user+"/token", key, nil)
	retry := rand.Text()
	lost := p.refresh(minted.str("refresh_token"), retry)
	if lost.status != 200 {
		t.Fatal(lost)
	}
	dsn := pgtest.New(t)
	move := []string{"copy", "--from", "sqlite:openwearables.db", "--to", dsn}
	if o := i.run("", move...); o.status != 1 || !strings.Contains(o.stderr, "another openwearables process") {
		t.Fatalf("a copy of what is served: %d %s", o.status, o.stderr)
	}
	if status := p.stop(); status != 0 {
		t.Fatal(status)
	}
	secret, err := os.ReadFile(i.path("openwearables.db.secret"))
	if err != nil {
		t.Fatal(err)
	}
	out := i.ok("", move...)
	if !strings.Contains(out, "OPENWEARABLES_SECRET set to what is in openwearables.db.secret") || strings.Contains(out, string(secret)) {
		t.Errorf("said %q", out)
	}
	if o := i.run("", move...); o.status != 1 || !strings.Contains(o.stderr, "not empty") {
		t.Errorf("a second copy: %d %s", o.status, o.stderr)
	}
	i.env = append(i.env, "OPENWEARABLES_SECRET="+string(secret))
	for range 2 { // two nodes at once
		p = i.serve("--database", dsn)
		p.want(200, "GET", "/api/v1/users/"+user, key, nil)
		p.want(200, "GET", "/api/v1/auth/me", admin.access, nil)
		p.want(200, "GET", "/api/v1/users/"+user, minted.str("access_token"), nil)
		again := p.refresh(minted.str("refresh_token"), retry)
		if again.status != 200 || again.str("refresh_token") != lost.str("refresh_token") || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("the retry answered %d %v", again.status, again.body)
		}
		p.login(email, password)
	}
	next := p.refresh(admin.refresh, rand.Text())
	p.want(200, "GET", "/api/v1/auth/me", next.str("access_token"), nil)
	if a := p.refresh(lost.str("refresh_token"), rand.Text()); a.status != 200 {
		t.Errorf("the successor answered %d %v", a.status, a.body)
	}
	if list := i.ok("", "developer", "list", "--database", dsn); !strings.Contains(list, email) {
		t.Errorf("listed %q", list)
	}
	p.want(200, "DELETE", "/api/v1/api-keys/"+created.str("id"), admin.access, nil)
	p.want(401, "GET", "/api/v1/users/"+user, key, nil)
}

func TestCopyRefusesWhatItCannotCopy(t *testing.T) {
	t.Parallel()
	i := install(t)
	for _, c := range []struct {
		says string
		args []string
	}{
		{"needs --to", []string{}},
		{"there is no database at none.db", []string{"--from", "sqlite:none.db", "--to", "postgres://localhost/x"}},
		{"--from must be sqlite:PATH", []string{"--from", "postgres://localhost/y", "--to", "postgres://localhost/x"}},
		{"--to must be postgres://", []string{"--to", "sqlite:x.db"}},
	} {
		o := i.run("", append([]string{"copy"}, c.args...)...)
		if o.status == 0 || !strings.Contains(o.stderr, c.says) {
			t.Errorf("%q: %d %s", c.args, o.status, o.stderr)
		}
	}
}

// Without OPENWEARABLES_SECRET, serve and doctor refuse a PostgreSQL database;
// doctor and /readyz report that it may lose writes.
func TestPostgresNeedsASecret(t *testing.T) {
	t.Parallel()
	i, dsn := install(t), pgtest.New(t)
	for _, command := range []string{"serve", "doctor"} {
		o := i.run("", command, "--database", dsn)
		if o.status != 1 || !strings.Contains(o.stdout+o.stderr, "OPENWEARABLES_SECRET") {
			t.Errorf("%s without a secret: %d %s%s", command, o.status, o.stdout, o.stderr)
		}
	}
	i.env = append(i.env, "OPENWEARABLES_SECRET="+rand.Text()+rand.Text())
	p := i.serve("--database", dsn)
	if a := p.want(200, "GET", "/readyz", "", nil); a.str("status") != "degraded" || !p.logs("set fsync = on") {
		t.Errorf("of a database that forgets is said %v\n%s", a.body, &p.stderr)
	}
	if o := i.run("", "doctor", "--database", dsn); o.status != 1 || !strings.Contains(o.stdout, "wrong  durability: PostgreSQL runs with fsync = off") {
		t.Errorf("doctor: %d %s%s", o.status, o.stdout, o.stderr)
	}
	other := install(t)
	other.env = append(other.env, "OPENWEARABLES_SECRET="+rand.Text()+rand.Text())
	if o := other.run("", "serve", "--database", dsn); o.status != 1 || !strings.Contains(o.stderr, "is not the secret") {
		t.Errorf("another secret: %d %s", o.status, o.stderr)
	}
	if entries, err := os.ReadDir(i.folder); err != nil || len(entries) > 0 {
		t.Errorf("files were made: %v, %v", entries, err)
	}
}

// A node without its database answers 503 in time, and recovers without a
// restart.
func TestServerSurvivesADatabaseOutage(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	i, password := install(t), passphrase()
	i.env = append(i.env, "OPENWEARABLES_SECRET="+rand.Text()+rand.Text(), "OPENWEARABLES_DATABASE="+server.DSN("postgres"))
	i.ok(password+"\n", "developer", "create", "--email", email, "--password-stdin")
	p := i.serve()
	admin := p.login(email, password)
	if a := p.want(200, "GET", "/readyz", "", nil); a.str("status") != "ok" {
		t.Errorf("readyz: %v", a.body)
	}
	i.ok("", "doctor")
	for range 2 {
		server.Kill()
		for _, path := range []string{"/api/v1/users", "/api/v1/auth/me", "/readyz"} {
			begun := time.Now()
			a := p.call("GET", path, admin.access, nil)
			if a.status != 503 || a.header.Get("Retry-After") == "" || time.Since(begun) > 2*time.Second {
				t.Errorf("%s answered %d %v after %s", path, a.status, a.body, time.Since(begun))
			}
		}
		p.want(200, "GET", "/livez", "", nil)
		if err := server.Up(); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		// The failure of a reading of the signing keys lasts 100 ms, which may outlast the outage.
		for _, path := range []string{"/readyz", "/api/v1/users"} {
			for p.call("GET", path, admin.access, nil).status != 200 {
				if time.Since(begun) > 2*time.Second {
					t.Fatal("it is not back: " + path)
				}
			}
		}
		p.want(200, "GET", "/api/v1/users", admin.access, nil)
		p.want(201, "POST", "/api/v1/users", admin.access, map[string]string{})
	}
	if status := p.stop(); status != 0 {
		t.Errorf("status %d\n%s", status, &p.stderr)
	}
}

// An invalid --redis is refused at the start, and its password is not shown.
func TestUnusableRedisIsRefused(t *testing.T) {
	t.Parallel()
	i, dsn := install(t), pgtest.New(t)
	i.env = append(i.env, "OPENWEARABLES_SECRET="+rand.Text()+rand.Text())
	for _, c := range []struct {
		says string
		args []string
	}{
		{"leave it out with SQLite", []string{"--redis", "redis://127.0.0.1:1"}},
		{"--redis must be redis://", []string{"--database", dsn, "--redis", "http://:hidden@127.0.0.1:1"}},
		{"--drain-delay must be 0s to 1m", []string{"--drain-delay", "2m"}},
	} {
		o := i.run("", append([]string{"serve", "--addr", "127.0.0.1:0"}, c.args...)...)
		if o.status != 1 || !strings.Contains(o.stderr, c.says) || strings.Contains(o.stderr, "hidden") {
			t.Errorf("%q: %d %s", c.args, o.status, o.stderr)
		}
	}
}

// Another role that could run code as the server is warned of at the start, and
// doctor fails.
func TestDoctorNamesOtherRoles(t *testing.T) {
	t.Parallel()
	i, server := install(t), pgtest.Shared(t)
	i.env = append(i.env, "OPENWEARABLES_SECRET="+rand.Text()+rand.Text())
	dsn := pgtest.New(t)
	name := dsn[strings.LastIndex(dsn, "/")+1 : strings.Index(dsn, "?")]
	says := "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
	if o := i.run("", "doctor", "--database", dsn); strings.Contains(o.stdout, "other roles") {
		t.Errorf("of a database without others: %s", o.stdout)
	}
	if err := server.Exec(t.Context(), name, "GRANT CREATE ON SCHEMA public TO PUBLIC"); err != nil {
		t.Fatal(err)
	}
	if o := i.run("", "doctor", "--database", dsn); o.status != 1 || !strings.Contains(o.stdout, "wrong  other roles: PUBLIC may create") {
		t.Errorf("doctor: %d %s%s", o.status, o.stdout, o.stderr)
	}
	p := i.serve("--database", dsn)
	p.stop()
	if !strings.Contains(p.stderr.String(), says) {
		t.Errorf("a start does not say %q:\n%s", says, &p.stderr)
	}
}

// Once a command that ends credentials has answered, no node accepts them,
// whatever Redis the command was given.
func TestCommandsEndCredentialsOnNodesOfAnotherRedis(t *testing.T) {
	t.Parallel()
	i, redis, password := install(t), redistest.Start(t), passphrase()
	i.env = append(i.env, "OPENWEARABLES_SECRET="+rand.Text()+rand.Text(), "OPENWEARABLES_DATABASE="+pgtest.New(t))
	p := i.serve("--redis", redis.URL(), "--limit-developer", "1000000")
	for name, given := range map[string][]string{
		"another@example.com": {"--redis", redis.URL() + "/9"}, "none@example.com": nil, "same@example.com": {"--redis", redis.URL()},
	} {
		i.ok(password+"\n", "developer", "create", "--email", name, "--password-stdin")
		access := p.login(name, password).access
		var ended atomic.Bool
		var before, late atomic.Int64
		var load sync.WaitGroup
		for range 2 {
			load.Go(func() {
				for after := 0; after < 10; {
					wasEnded := ended.Load()
					switch a := p.call("GET", "/api/v1/auth/me", access, nil); {
					case a.status == http.StatusOK && wasEnded:
						late.Add(1)
					case a.status == http.StatusOK:
						before.Add(1)
					}
					if wasEnded {
						after++
					}
				}
			})
		}
		eventually(t, "the token is used", func() bool { return before.Load() > 20 })
		i.ok("", append([]string{"developer", "disable", "--email", name}, given...)...)
		ended.Store(true)
		load.Wait()
		if late.Load() > 0 {
			t.Errorf("%s: %d accepted after the command had answered", name, late.Load())
		}
	}
	if strings.Contains(p.stderr.String(), "do not share") {
		t.Error("a command counts as a node")
	}
}
