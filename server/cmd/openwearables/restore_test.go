package main_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// copyFile copies a file as cp does: a file that is there keeps its inode.
func (i *installation) copyFile(from, to string) {
	i.t.Helper()
	data, err := os.ReadFile(i.path(from))
	if err == nil {
		err = os.WriteFile(i.path(to), data, 0o600)
	}
	if err != nil {
		i.t.Fatal(err)
	}
}

// sums returns the checksum of each file of the installation with that beginning.
func (i *installation) sums(beginning string) map[string][32]byte {
	i.t.Helper()
	names, err := filepath.Glob(i.path(beginning) + "*")
	if err != nil {
		i.t.Fatal(err)
	}
	all := make(map[string][32]byte)
	for _, name := range names {
		if data, err := os.ReadFile(name); err == nil { // a socket is no file
			all[filepath.Base(name)] = sha256.Sum256(data)
		}
	}
	return all
}

// killedAfterBackup returns an installation whose server was killed with
// transactions in the WAL, after backup.db was written, and a key, the refresh
// token and a user of before, and a user of after the backup.
func killedAfterBackup(t *testing.T) (i *installation, key, refresh, before, after string) {
	t.Helper()
	i, password := installWithDeveloper(t)
	p := i.serve()
	admin := p.login(email, password)
	key = p.want(201, "POST", "/api/v1/api-keys", admin.access, nil).str("key")
	before = p.want(201, "POST", "/api/v1/users", key, map[string]string{}).str("id")
	i.ok("", "backup", "--to", "backup.db")
	for range 20 {
		after = p.want(201, "POST", "/api/v1/users", key, map[string]string{}).str("id")
	}
	p.kill()
	if wal, err := os.Stat(i.path("openwearables.db-wal")); err != nil || wal.Size() == 0 {
		t.Fatalf("the WAL is %v, %v", wal, err)
	}
	return i, key, admin.refresh, before, after
}

// A WAL is never replayed into another file, however that came into its place.
func TestBackupBesideForeignWALIsRefused(t *testing.T) {
	t.Parallel()
	i, key, refresh, before, after := killedAfterBackup(t)
	i.copyFile("backup.db", "openwearables.db")
	was := i.sums("openwearables.db")
	for _, args := range [][]string{{"serve", "--addr", "127.0.0.1:0"}, {"developer", "list"}, {"migrate"}, {"doctor"}} {
		o := i.run("", args...)
		if o.status != 1 || !strings.Contains(o.stdout+o.stderr, "openwearables.db-wal belongs to another file than openwearables.db") ||
			!strings.Contains(o.stdout+o.stderr, "openwearables restore --from") {
			t.Errorf("%q ended with %d: %s%s", args, o.status, o.stdout, o.stderr)
		}
	}
	for name, sum := range i.sums("openwearables.db") {
		if strings.HasSuffix(name, ".db") || strings.HasSuffix(name, "-wal") {
			if sum != was[name] {
				t.Errorf("%s was changed", name)
			}
		}
	}
	if said := i.ok("", "restore", "--from", "backup.db"); !strings.Contains(said, "openwearables.db is the database of backup.db now") {
		t.Errorf("said %q", said)
	}
	p := i.serve()
	p.want(200, "GET", "/api/v1/users/"+before, key, nil)
	p.want(404, "GET", "/api/v1/users/"+after, key, nil)
	if a := p.refresh(refresh, rand.Text()); a.status != 200 {
		t.Errorf("a session of before: %d %v", a.status, a.body)
	}
	if out := i.ok("", "doctor"); !strings.Contains(out, "ok     no page of the database is damaged") {
		t.Errorf("doctor says %s", out)
	}
}

// The file may be gone, or be the raw copy of an earlier run.
func TestOtherFilesBesideTheWALAreRefused(t *testing.T) {
	t.Parallel()
	i, password := installWithDeveloper(t)
	i.serve().stop()
	i.copyFile("openwearables.db", "earlier.db")
	p := i.serve()
	p.login(email, password)
	p.kill()
	i.copyFile("openwearables.db", "kept.db")
	refused := func(what string) {
		t.Helper()
		if o := i.run("", "serve", "--addr", "127.0.0.1:0"); o.status != 1 || !strings.Contains(o.stderr, "belongs to another file") {
			t.Errorf("%s: ended with %d: %s%s", what, o.status, o.stdout, o.stderr)
		}
	}
	i.copyFile("earlier.db", "openwearables.db")
	refused("a raw copy of before")
	if err := os.Remove(i.path("openwearables.db")); err != nil {
		t.Fatal(err)
	}
	refused("no file")
	i.copyFile("kept.db", "openwearables.db")
	i.serve().stop()
}

func TestRestoreReplacesADatabaseAfterAKill(t *testing.T) {
	t.Parallel()
	i, key, _, before, after := killedAfterBackup(t)
	i.ok("", "restore", "--from", "backup.db")
	for _, end := range []string{"-wal", "-shm", "-journal", ".restore"} {
		if _, err := os.Stat(i.path("openwearables.db" + end)); err == nil {
			t.Errorf("openwearables.db%s is there still", end)
		}
	}
	if info, err := os.Stat(i.path("openwearables.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the database is %v, %v", info, err)
	}
	p := i.serve()
	p.want(200, "GET", "/api/v1/users/"+before, key, nil)
	p.want(404, "GET", "/api/v1/users/"+after, key, nil)
	o := i.run("", "restore", "--from", "backup.db")
	if o.status != 1 || !strings.Contains(o.stderr, "another openwearables process is using this database: stop it") {
		t.Errorf("while a server runs it ended with %d: %s", o.status, o.stderr)
	}
	p.stop()
	elsewhere := install(t)
	i.copyFile("backup.db", filepath.Base("moved.db"))
	elsewhere.ok("", "restore", "--from", i.path("moved.db"))
	secret, err := os.ReadFile(i.path("openwearables.db.secret"))
	if err == nil {
		err = os.WriteFile(elsewhere.path("openwearables.db.secret"), secret, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	elsewhere.serve().want(200, "GET", "/api/v1/users/"+before, key, nil)
}

func TestRestoreRefusesWhatIsNoBackup(t *testing.T) {
	t.Parallel()
	i, key, _, before, after := killedAfterBackup(t)
	damaged, err := os.ReadFile(i.path("backup.db"))
	if err != nil {
		t.Fatal(err)
	}
	for at := 2 * 4096; at < len(damaged); at += 4096 {
		copy(damaged[at:], bytes.Repeat([]byte{0xa5}, 100))
	}
	i.copyFile("backup.db", "newer.db")
	db, err := sql.Open("sqlite", "file:"+i.path("newer.db"))
	if err == nil {
		_, err = db.ExecContext(t.Context(), "INSERT INTO migrations (name, applied_at) VALUES ('9999_from_the_future', 0)")
	}
	if err != nil || db.Close() != nil {
		t.Fatal(err)
	}
	if db, err = sql.Open("sqlite", "file:"+i.path("other.db")); err == nil {
		_, err = db.ExecContext(t.Context(), "CREATE TABLE notes (text TEXT)")
	}
	if err != nil || db.Close() != nil {
		t.Fatal(err)
	}
	i.copyFile("backup.db", "raw.db")
	for name, data := range map[string][]byte{
		"damaged.db": damaged, "cut.db": damaged[:len(damaged)/2], "text.db": []byte(strings.Repeat("no database ", 1000)), "empty.db": nil,
		"raw.db-wal": []byte("transactions"),
	} {
		if err := os.WriteFile(i.path(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	was := i.sums("openwearables.db")
	for _, c := range []struct {
		says string
		args []string
	}{
		{"needs --from", nil},
		{"no such file", []string{"--from", "none.db"}},
		{"is not a file", []string{"--from", "."}},
		{"is the database itself", []string{"--from", "openwearables.db"}},
		{"raw.db-wal holds a part of it. Make one with openwearables backup", []string{"--from", "raw.db"}},
		{"cannot be restored", []string{"--from", "damaged.db"}},
		{"cannot be restored", []string{"--from", "cut.db"}},
		{"cannot be restored", []string{"--from", "text.db"}},
		{"cannot be restored", []string{"--from", "empty.db"}},
		{"cannot be restored", []string{"--from", "other.db"}},
		{"newer version of openwearables (9999_from_the_future)", []string{"--from", "newer.db"}},
		{"pg_restore", []string{"--from", "backup.db", "--database", "postgres://localhost/x"}},
	} {
		o := i.run("", append([]string{"restore"}, c.args...)...)
		if o.status == 0 || !strings.Contains(o.stderr, c.says) {
			t.Errorf("%q ended with %d: %s", c.args, o.status, o.stderr)
		}
	}
	for name, sum := range i.sums("openwearables.db") {
		if sum != was[name] {
			t.Errorf("%s was changed or made", name)
		}
	}
	p := i.serve()
	p.want(200, "GET", "/api/v1/users/"+before, key, nil)
	p.want(200, "GET", "/api/v1/users/"+after, key, nil)
}

// A file with damaged pages may answer some requests and lose the rest.
func TestDamagedDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	i, _ := installWithDeveloper(t)
	data, err := os.ReadFile(i.path("openwearables.db"))
	if err != nil {
		t.Fatal(err)
	}
	for at := 10 * 4096; at < len(data); at += 4096 {
		copy(data[at:], bytes.Repeat([]byte{0xa5}, 100))
	}
	if err := os.WriteFile(i.path("openwearables.db"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", "--addr", "127.0.0.1:0"}, {"developer", "list"}, {"doctor"}} {
		o := i.run("", args...)
		if o.status != 1 || !strings.Contains(o.stdout+o.stderr, "openwearables.db is damaged (") || !strings.Contains(o.stdout+o.stderr, "restore --from FILE") {
			t.Errorf("%q ended with %d: %s%s", args, o.status, o.stdout, o.stderr)
		}
	}
}

// A kill at any moment of a start leaves a database that starts.
func TestKillsOfAStartLeaveTheWALItsFile(t *testing.T) {
	t.Parallel()
	i, password := installWithDeveloper(t)
	for n := range 15 {
		cmd := i.server()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(n) * 20 * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if o := i.run("", "developer", "list"); n%5 == 4 && o.status != 0 {
			t.Fatalf("after kill %s: %s", strconv.Itoa(n), o.stderr)
		}
	}
	i.serve().login(email, password)
}
