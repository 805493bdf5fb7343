package main_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// put writes a file of the installation with exactly that mode, and returns its path.
func (i *installation) put(name, content string, mode os.FileMode) string {
	i.t.Helper()
	path := i.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		i.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		i.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		i.t.Fatal(err)
	}
	return path
}

// The secret of a file and that of the variable are one: a database of the one works
// with the other. Kubernetes mounts a secret as a link to a link, of root and its group.
func TestSecretAndDatabaseComeFromFiles(t *testing.T) {
	t.Parallel()
	i, secret := install(t), rand.Text()+rand.Text()
	i.put("mount/..2026/secret", secret+"\n", 0o440)
	i.put("mount/..2026/database", "sqlite:"+i.path("other.db")+"\n", 0o400)
	for name, to := range map[string]string{"..data": "..2026", "secret": "..data/secret", "database": "..data/database"} {
		if err := os.Symlink(to, i.path("mount/"+name)); err != nil {
			t.Fatal(err)
		}
	}
	plain := i.env
	i.env = append(plain, "OPENWEARABLES_SECRET_FILE="+i.path("mount/secret"), "OPENWEARABLES_DATABASE_FILE="+i.path("mount/database"))
	i.serve().stop()
	for _, made := range []string{"other.db.secret", "openwearables.db"} {
		if _, err := os.Stat(i.path(made)); err == nil {
			t.Errorf("%s was made", made)
		}
	}
	i.ok("", "doctor")
	i.ok("", "developer", "list")
	i.env = append(plain, "OPENWEARABLES_SECRET="+secret)
	i.ok("", "developer", "list", "--database", "sqlite:other.db")

	i.env = append(plain, "OPENWEARABLES_DATABASE=sqlite:none.db", "OPENWEARABLES_SECRET=wins-not")
	i.ok("", "developer", "list", "--database-file", "mount/database", "--secret-file", "mount/secret") // a flag wins
}

func TestSharedDatabaseAndRedisComeFromFiles(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.put("database", pgtest.New(t), 0o400)
	i.put("secret", rand.Text()+rand.Text(), 0o400)
	i.put("redis", "http://10.0.0.1", 0o400)
	args := []string{"serve", "--check", "--database-file", "database", "--secret-file", "secret"}
	if out := i.ok("", args...); strings.Contains(out, "wrong") || strings.Contains(out, "warn") {
		t.Errorf("the check says %s", out)
	}
	o := i.run("", append(args, "--redis-file", "redis")...)
	if o.status != 1 || !strings.Contains(o.stdout, "wrong  Redis: --redis must be redis://") {
		t.Errorf("the file with the URL of Redis was not read: %d %s%s", o.status, o.stdout, o.stderr)
	}
	for wrong, says := range map[string]string{"?pool_max_conns=1": "pool_max_conns of the database must be", "?sslmode=full": "the database must be given as"} {
		i.put("wrong", "postgres://u@db/d"+wrong, 0o400)
		if o := i.run("", "serve", "--check", "--database-file", "wrong", "--secret-file", "secret"); o.status != 1 || !strings.Contains(o.stdout, "wrong  PostgreSQL: "+says) {
			t.Errorf("%s is taken: %d %s%s", wrong, o.status, o.stdout, o.stderr)
		}
	}
	i.ok("", "developer", "list", "--database-file", "database", "--secret-file", "secret")
}

func TestFilesOfSecretsAreRefused(t *testing.T) {
	t.Parallel()
	secret := rand.Text() + rand.Text()
	for _, c := range []struct {
		name string
		put  func(i *installation) string
		env  string
		says string
	}{
		{"missing", func(i *installation) string { return i.path("none") }, "", "--secret-file: lstat"},
		{"empty", func(i *installation) string { return i.put("f", "\n", 0o400) }, "", "f is empty"},
		{"a folder", func(i *installation) string { return i.folder }, "", "is not a regular file"},
		{"of everybody", func(i *installation) string { return i.put("f", secret, 0o666) }, "", "can be changed by everybody: run chmod 640"},
		{"large", func(i *installation) string { return i.put("f", strings.Repeat(secret, 2000), 0o400) }, "", "is larger than 65536 bytes"},
		{"short", func(i *installation) string { return i.put("f", secret[:31], 0o400) }, "", "it is 31 bytes long"},
		{"in an open folder", func(i *installation) string {
			path := i.put("open/f", secret, 0o400)
			if err := os.Chmod(i.path("open"), 0o777); err != nil {
				i.t.Fatal(err)
			}
			return path
		}, "", "everybody may replace files in the folder"},
		{
			"twice", func(i *installation) string { return i.put("f", secret, 0o400) }, "OPENWEARABLES_SECRET=" + secret,
			"secret is given twice: leave out OPENWEARABLES_SECRET or OPENWEARABLES_SECRET_FILE",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			i := install(t)
			i.env = append(i.env, "OPENWEARABLES_SECRET_FILE="+c.put(i), c.env)
			for _, command := range []string{"serve", "doctor"} {
				o := i.run("", command)
				if o.status == 0 || !strings.Contains(o.stdout+o.stderr, c.says) {
					t.Errorf("%s ended with %d: %s%s, want %q", command, o.status, o.stdout, o.stderr, c.says)
				}
				if strings.Contains(o.stdout+o.stderr, secret) {
					t.Errorf("%s shows the secret", command)
				}
			}
			if _, err := os.Stat(i.path("openwearables.db")); err == nil {
				t.Error("a database was made")
			}
		})
	}
}

func TestReadableFilesOfSecretsAreWarnedOf(t *testing.T) {
	t.Parallel()
	for mode, says := range map[os.FileMode]string{
		0o400: "", 0o440: "", 0o600: "", 0o640: "",
		0o444: "can be read by everybody", 0o644: "can be read by everybody", 0o660: "can be changed by its group",
	} {
		i := install(t)
		i.put("f", rand.Text()+rand.Text(), mode)
		out := i.ok("", "serve", "--check", "--secret-file", "f")
		if says == "" && strings.Contains(out, "warn") || says != "" && !strings.Contains(out, "warn   configuration: --secret-file: f "+says) {
			t.Errorf("mode %o: %s", mode, out)
		}
	}
}

func TestServeCheckNamesEachFinding(t *testing.T) {
	t.Parallel()
	i := install(t)
	if out := i.ok("", "serve", "--check"); out != "ok     configuration\nok     only its owner changes the folder .\n" {
		t.Errorf("the defaults: %q", out)
	}
	o := i.run("", "serve", "--check", "--addr", "8000", "--jwt-alg", "none", "--limit-key", "0", "--drain-delay", "2m", "--quota-keys", "0")
	for _, says := range []string{`--addr "8000" must be HOST:PORT`, "--jwt-alg", "--limit-key must be", "--drain-delay must be", "--quota-keys must be"} {
		if !strings.Contains(o.stdout, "wrong  configuration: "+says) {
			t.Errorf("%q is not said in %s", says, o.stdout)
		}
	}
	if o.status != 1 || !strings.Contains(o.stderr, "5 of the checks failed") {
		t.Errorf("ended with %d: %s", o.status, o.stderr)
	}
	if out := i.ok("", "serve", "--check", "--drain-delay", "11s"); !strings.Contains(out, "warn   configuration: --drain-delay 11s") {
		t.Errorf("a warning is not said: %s", out)
	}
	if entries, err := os.ReadDir(i.folder); err != nil || len(entries) != 0 {
		t.Errorf("the check made %v, %v", entries, err)
	}
	p := i.serve() // a check beside it disturbs nothing
	i.ok("", "serve", "--check")
	for name, mode := range map[string]os.FileMode{"openwearables.db.secret": 0o640, "openwearables.db": 0o666} {
		if err := os.Chmod(i.path(name), mode); err != nil {
			t.Fatal(err)
		}
		if o := i.run("", "serve", "--check"); o.status != 1 || !strings.Contains(o.stdout, "wrong  only its owner reaches "+name) {
			t.Errorf("%s is not named: %d %s", name, o.status, o.stdout)
		}
	}
	p.want(200, "GET", "/readyz", "", nil)
}
