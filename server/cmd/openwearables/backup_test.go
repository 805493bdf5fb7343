package main_test

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// A backup taken under writes holds everything acknowledged before it, and
// serves under the same secret.
func TestBackupHoldsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	i, password := installWithDeveloper(t)
	p := i.serve()
	admin := p.login(email, password)
	key := p.want(201, "POST", "/api/v1/api-keys", admin.access, nil).str("key")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				p.want(201, "POST", "/api/v1/users", key, map[string]string{})
			}
		}
	}()
	user := p.want(201, "POST", "/api/v1/users", key, map[string]string{}).str("id")
	said := i.ok("", "backup", "--to", "backup.db")
	close(stop)
	<-done
	if !strings.Contains(said, "master secret is not in it") {
		t.Errorf("said %q", said)
	}
	if info, err := os.Stat(i.path("backup.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup is %v, %v", info, err)
	}
	later := p.want(201, "POST", "/api/v1/users", key, map[string]string{}).str("id")
	if status := p.stop(); status != 0 {
		t.Fatal(status)
	}
	secret, err := os.ReadFile(i.path("openwearables.db.secret"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(i.path("backup.db.secret"), secret, 0o600); err != nil {
		t.Fatal(err)
	}
	p = i.serve("--database", "sqlite:backup.db")
	p.want(200, "GET", "/api/v1/users/"+user, key, nil)
	p.want(404, "GET", "/api/v1/users/"+later, key, nil)
	if a := p.refresh(admin.refresh, rand.Text()); a.status != 200 {
		t.Errorf("a session of before: %d %v", a.status, a.body)
	}
}

func TestBackupRefusesWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	i, _ := installWithDeveloper(t)
	if err := os.WriteFile(i.path("there.db"), []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		says string
		args []string
	}{
		{"needs --to", nil},
		{"there.db is there already", []string{"--to", "there.db"}},
		{"none.db: no such file", []string{"--to", "x.db", "--database", "sqlite:none.db"}},
		{"pg_dump", []string{"--to", "x.db", "--database", "postgres://localhost/x"}},
		{"no such file", []string{"--to", filepath.Join("nowhere", "x.db")}},
	} {
		o := i.run("", append([]string{"backup"}, c.args...)...)
		if o.status == 0 || !strings.Contains(o.stderr, c.says) {
			t.Errorf("%q: %d %s", c.args, o.status, o.stderr)
		}
	}
	if kept, err := os.ReadFile(i.path("there.db")); err != nil || string(kept) != "kept" {
		t.Errorf("the file that was there holds %q, %v", kept, err)
	}
	if _, err := os.Stat(i.path("x.db")); err == nil {
		t.Error("a refused backup left a file")
	}
}

// pg_restore restores what pg_dump wrote, and the result serves.
func TestPgDumpIsABackup(t *testing.T) {
	t.Parallel()
	i, from, to := install(t), pgtest.New(t), pgtest.New(t)
	i.env = append(i.env, "OPENWEARABLES_SECRET="+rand.Text()+rand.Text())
	password := passphrase()
	i.ok(password+"\n", "developer", "create", "--database", from, "--email", email, "--password-stdin")
	p := i.serve("--database", from)
	admin := p.login(email, password)
	key := p.want(201, "POST", "/api/v1/api-keys", admin.access, nil).str("key")
	dump := i.path("dump")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, args := range [][]string{{"pg_dump", "-Fc", "-f", dump, from}, {"pg_restore", "--no-owner", "--exit-on-error", "-d", to, dump}} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", args[0], err, out)
		}
	}
	restored := i.serve("--database", to)
	restored.want(200, "GET", "/api/v1/users", key, nil)
	if a := restored.refresh(admin.refresh, rand.Text()); a.status != 200 {
		t.Errorf("a session of before: %d %v", a.status, a.body)
	}
}
