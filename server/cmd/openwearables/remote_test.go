package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// installDemo returns an installation whose commands keep profiles in its folder, and its
// server, which serve --dev started with these arguments.
func installDemo(t *testing.T, args ...string) (*installation, *process) {
	t.Helper()
	i := install(t)
	i.env = append(i.env, "XDG_CONFIG_HOME="+i.path("settings"), "HOME="+i.folder)
	p := i.serve(append([]string{"--dev"}, args...)...)
	return i, p
}

// said returns what serve --dev printed as a variable.
func (p *process) said(name string) string {
	p.t.Helper()
	m := regexp.MustCompile(`(?m)^export ` + name + `=(\S+)$`).FindStringSubmatch(p.stdout.String())
	if m == nil {
		p.t.Fatalf("%s was not said: %s", name, &p.stdout)
	}
	return m[1]
}

// login makes the profile of the developer.
func (i *installation) login(p *process) {
	i.t.Helper()
	out := i.ok(p.said("PASSWORD")+"\n", "login", "--url", p.url, "--email", "dev@example.com", "--password-file", "-")
	if !strings.HasPrefix(out, "Profile default calls "+p.url+" as dev@example.com.") {
		i.t.Errorf("login said %s", out)
	}
}

// fails runs the program, which must end with the status and say the text.
func (i *installation) fails(status int, said string, args ...string) {
	i.t.Helper()
	if o := i.run("", args...); o.status != status || !strings.Contains(o.stderr, said) {
		i.t.Errorf("%q ended with %d, want %d and %q: %s%s", args, o.status, status, said, o.stdout, o.stderr)
	}
}

// A login lasts: access tokens of a second are renewed, by whichever command needs one.
func TestCommandsOnTheAPI(t *testing.T) {
	t.Parallel()
	i, p := installDemo(t, "--access-token-ttl", "1s")
	if _, err := os.Stat(i.path("openwearables.db")); err == nil {
		t.Error("serve --dev left a database in the folder")
	}
	i.fails(3, "openwearables login makes it", "key", "list")
	i.login(p)
	for _, name := range []string{"current", "profiles/default/profile.json", "profiles/default/session.json"} {
		if info, err := os.Stat(filepath.Join(i.path("settings"), "openwearables", name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	time.Sleep(1100 * time.Millisecond) // the token of the login has expired
	made := i.ok("", "key", "create", "CI", "--scopes", "users:read,users:write", "--expires-at", "+24h")
	secret := regexp.MustCompile(`(?m)^secret, shown this once.*\n(ow_live_\w+)$`).FindStringSubmatch(made)
	if secret == nil || !strings.Contains(made, "users:read,users:write") {
		t.Fatalf("key create said %s", made)
	}
	var list struct{ Keys []struct{ ID, Name string } }
	if err := json.Unmarshal([]byte(i.ok("", "api", "keys", "list", "--output", "json")), &list); err != nil || len(list.Keys) != 2 || list.Keys[0].Name != "CI" {
		t.Fatalf("keys list: %v, %v", list, err)
	}
	id := list.Keys[0].ID
	if out := i.ok("", "api", "keys", "update", "--id", id, "--enabled=false", "--clear", "expires-at"); strings.Contains(out, "expires_at") || !strings.Contains(out, "enabled      false") {
		t.Errorf("update said %s", out)
	}
	user := p.said("USER_ID")
	if out := i.ok("", "api", "users", "update", "--id", user, "--external-user-id", "mine", "--clear", "last-name"); !strings.Contains(out, "external_user_id") ||
		!strings.Contains(out, "mine") || strings.Contains(out, "Runner") || !strings.Contains(out, "Demo") {
		t.Errorf("with a mask: %s", out)
	}
	i.fails(1, "(not_found, request req_", "api", "keys", "get", "--id", "key_none")
	i.fails(1, "must be one of open", "api", "alerts", "list", "--state", "nice")
	i.fails(2, "must be a whole number", "api", "keys", "list", "--limit", "many")
	i.fails(2, "say which id", "key", "revoke")
	i.fails(2, "every process can read here", "api", "credentials", "verify-many", "--checks", `[{"credential":"a"}]`)
	if out := i.ok(`[{"credential":"`+secret[1]+`"}]`, "api", "credentials", "verify-many", "--checks", "@-"); !strings.Contains(out, "disabled") {
		t.Errorf("verify-many said %s", out)
	}
	i.ok("", "key", "revoke", id)

	// In CI, variables have the place of a profile. Other commands do not mind them.
	i.env = append(i.env, "OPENWEARABLES_BASE_URL="+p.url, "OPENWEARABLES_API_KEY="+p.said("OPENWEARABLES_API_KEY"))
	i.fails(1, "credential_not_allowed", "key", "list")
	if out := i.ok("", "user", "token", user); !strings.Contains(out, "refresh_token, shown this once") {
		t.Errorf("user token said %s", out)
	}
	i.ok("", "key", "list", "--profile", "default")
	i.env = append(i.env, "OPENWEARABLES_PROFILE=")
	i.ok("", "migrate")
	i.ok("", "logout", "--profile", "default")
	i.fails(3, "there is no profile default", "key", "list", "--profile", "default")
}

// A refresh whose answer was lost is repeated with its key, and has none by itself: a second
// one that was made up for the same token would end the session.
func TestRefreshIsRepeatedWithItsKey(t *testing.T) {
	t.Parallel()
	i, p := installDemo(t)
	i.login(p)
	mint := func(args ...string) string {
		t.Helper()
		var minted struct {
			Tokens struct {
				Refresh string `json:"refresh_token"`
			}
		}
		if err := json.Unmarshal([]byte(i.ok("", append(args, "-o", "json")...)), &minted); err != nil || minted.Tokens.Refresh == "" {
			t.Fatalf("%q minted nothing, %v", args, err)
		}
		file := i.path(fmt.Sprintf("token-%x", sha256.Sum256([]byte(minted.Tokens.Refresh))))
		if err := os.WriteFile(file, []byte(minted.Tokens.Refresh), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	refresh := []string{"api", "sessions", "refresh-token", "--refresh-token-file"}
	first := mint("user", "token", p.said("USER_ID"))
	i.fails(2, "--idempotency-key must be", append(refresh, first, "--idempotency-key", "not one")...)
	second := mint(append(refresh, first, "--idempotency-key", "one")...)
	if again := mint(append(refresh, first, "--idempotency-key", "one")...); again != second {
		t.Error("the same key returned another token")
	}
	third := mint(append(refresh, second)...)
	i.fails(3, "refresh_token_used", append(refresh, second)...)
	mint(append(refresh, third)...) // the session lives
}

// A script tells by the exit status what to do.
func TestExitStatusOfCallsThatFail(t *testing.T) {
	t.Parallel()
	i, p := installDemo(t, "--limit-key", "2")
	i.env = append(i.env, "OPENWEARABLES_BASE_URL="+p.url)
	i.fails(3, "missing_credential", "user", "list")
	i.env = append(i.env, "OPENWEARABLES_API_KEY=ow_live_none")
	i.fails(3, "openwearables login --help", "user", "list")
	i.env = append(i.env, "OPENWEARABLES_API_KEY="+p.said("OPENWEARABLES_API_KEY"))
	i.ok("", "user", "list")
	i.ok("", "user", "list")
	i.fails(5, "rate_limited", "user", "list")
	p.stop()
	i.fails(4, "offline", "user", "list")
	i.env = append(i.env, "OPENWEARABLES_BASE_URL=http://example.com")
	i.fails(2, "", "user", "list")
}

// Pages are followed as far as was asked, and no further.
func TestAllPages(t *testing.T) {
	t.Parallel()
	i, p := installDemo(t)
	i.login(p)
	for range 3 {
		i.ok("", "user", "create")
	}
	var all struct{ Items []any }
	if err := json.Unmarshal([]byte(i.ok("", "user", "list", "--limit", "1", "--all", "-o", "json")), &all); err != nil || len(all.Items) != 4 {
		t.Errorf("%d users, %v", len(all.Items), err)
	}
	o := i.run("", "user", "list", "--limit", "1", "--all", "--max", "2", "--columns", "id")
	if o.status != 1 || strings.Count(o.stdout, "\n") != 3 || !strings.Contains(o.stderr, "there are more than 2: raise --max") {
		t.Errorf("bounded: %d %s%s", o.status, o.stdout, o.stderr)
	}
}

// A watch prints what happens, in a line each, until it is interrupted.
func TestWatchPrintsWhatIsNew(t *testing.T) {
	t.Parallel()
	i, p := installDemo(t)
	i.login(p)
	var out output
	out.found, out.wanted = make(chan struct{}), regexp.MustCompile(`"action":"application.create"`)
	cmd := exec.Command(binary, "api", "audit", "list-events", "--watch", "--interval", "1s", "--output", "json")
	var notes bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = i.folder, i.env, &out, &notes
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for deadline := time.Now().Add(endTimeout); !strings.Contains(out.String(), "session.login"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nothing is watched: %s", &notes)
		}
	}
	i.ok("", "application", "create", "App")
	select {
	case <-out.found:
	case <-time.After(30 * time.Second):
		t.Errorf("it was not seen: %s", &out)
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v: %s", err, &notes)
		}
	case <-time.After(endTimeout):
		_ = cmd.Process.Kill()
		t.Error("it did not end")
	}
	for line := range strings.Lines(out.String()) {
		if strings.Count(out.String(), line) != 1 || !json.Valid([]byte(line)) {
			t.Errorf("twice, or no JSON: %s", line)
		}
	}
}

// A second import changes nothing, and a wrong workout keeps no other from being stored.
func TestWorkoutImport(t *testing.T) {
	t.Parallel()
	i, p := installDemo(t)
	i.login(p)
	const table = "type,start_time,end_time\nrunning,2026-03-01T08:00:00Z,2026-03-01T09:00:00Z\nrowing,2026-03-02T08:00:00+01:00,2026-03-02T09:00:00+01:00\n"
	if err := os.WriteFile(i.path("a.csv"), []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	user := p.said("USER_ID")
	for _, want := range []string{"2 created, 0 updated, 0 refused, 0 unreadable\n", "0 created, 2 updated, 0 refused, 0 unreadable\n"} {
		if out := i.ok("", "workout", "import", "a.csv", "--user", user); out != want {
			t.Errorf("it said %q, want %q", out, want)
		}
	}
	if out := i.ok("", "workout", "import", "a.csv", "--user", user, "--skip", "1"); out != "0 created, 1 updated, 0 refused, 0 unreadable\n" {
		t.Errorf("the rest: %q", out)
	}
	const wrong = table + "yoga,2026-03-03T09:00:00Z,2026-03-03T08:00:00Z\nyoga,today,today\nyoga,2026-03-04T08:00:00Z,2026-03-04T09:00:00Z\n"
	if err := os.WriteFile(i.path("b.csv"), []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	o := i.run("", "workout", "import", "b.csv", "--user", user)
	if o.status != 1 || o.stdout != "1 created, 2 updated, 1 refused, 1 unreadable\n" || !strings.Contains(o.stderr, "line 5: start_time must be") ||
		!strings.Contains(o.stderr, "end_time") || !strings.Contains(o.stderr, "not all workouts are stored") {
		t.Errorf("with wrong ones: %d %s%s", o.status, o.stdout, o.stderr)
	}
	cut := "type,start_time,duration_seconds,external_id\n"
	for n := range 1001 { // more than a batch
		cut += fmt.Sprintf("walking,2026-03-05T08:00:00Z,60,w-%d\n", n)
	}
	if err := os.WriteFile(i.path("c.csv"), []byte(cut+"\"yoga\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o = i.run("", "workout", "import", "c.csv", "--user", user)
	if o.status != 1 || o.stdout != "1001 created, 0 updated, 0 refused, 0 unreadable\n" || !strings.Contains(o.stderr, "go on with --skip 1001") {
		t.Errorf("a file that is cut off: %d %s%s", o.status, o.stdout, o.stderr)
	}
	i.fails(1, "not_found", "workout", "import", "a.csv", "--user", "00000000-0000-4000-8000-000000000000")
	i.fails(2, "give --format", "workout", "import", "a.txt", "--user", user)
	i.fails(2, "needs --user", "workout", "import", "a.csv")
}

// What quickstart prints runs, as serve --dev says it, in a shell with what that printed.
func TestQuickstartRuns(t *testing.T) {
	t.Parallel()
	i, p := installDemo(t)
	said := regexp.MustCompile(`openwearables (quickstart --url \S+)`).FindStringSubmatch(p.stdout.String())
	if said == nil {
		t.Fatalf("serve --dev does not say it: %s", &p.stdout)
	}
	walk := i.ok("", strings.Fields(said[1])...)
	i.env = append(i.env, "EMAIL="+p.said("EMAIL"), "PASSWORD="+p.said("PASSWORD"),
		"OPENWEARABLES_BASE_URL="+p.url, "OPENWEARABLES_API_KEY="+p.said("OPENWEARABLES_API_KEY"))
	out := i.shell("bash", "set -euo pipefail\n"+walk)
	for _, said := range []string{"Profile default calls " + p.url, "\now_live_", "1 created", "running", "\nsecret_", "refresh_token, shown this once", "application.create"} {
		if !strings.Contains(out, said) {
			t.Errorf("%q is not in:\n%s", said, out)
		}
	}
	p.stop()
	if out := i.ok("", "quickstart"); !strings.HasPrefix(out, "# Nothing answers at "+p.url+" yet") || !strings.HasSuffix(out, walk) {
		t.Errorf("without a server: %s", out)
	}
	i.fails(2, "must be the address", "quickstart", "--url", "$(id)")
}

// A profile has one credential: a login with a key leaves no session behind, nor the other
// way round. Who has a key in the shell is told that it goes first.
func TestProfilesHoldOneCredential(t *testing.T) {
	t.Parallel()
	i, p := installDemo(t)
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(i.path("settings"), "openwearables/profiles/default", name))
		return err == nil
	}
	i.login(p)
	o := i.run(p.said("OPENWEARABLES_API_KEY")+"\n", "login", "--url", p.url, "--api-key-file", "-")
	if o.status != 0 || o.stderr != "" || has("session.json") || !has("key") {
		t.Errorf("login with a key: %+v", o)
	}
	i.fails(2, `there is no column "nosuch"; there are `, "user", "list", "--columns", "id,nosuch")
	i.env = append(i.env, "OPENWEARABLES_BASE_URL="+p.url, "OPENWEARABLES_API_KEY="+p.said("OPENWEARABLES_API_KEY"))
	o = i.run(p.said("PASSWORD")+"\n", "login", "--url", p.url, "--email", "dev@example.com", "--password-file", "-")
	if o.status != 0 || !strings.Contains(o.stderr, "export OPENWEARABLES_PROFILE=default") || !has("session.json") || has("key") {
		t.Errorf("login of a developer: %+v", o)
	}
	i.fails(1, "credential_not_allowed", "key", "list")
	i.env = append(i.env, "OPENWEARABLES_PROFILE=default")
	i.ok("", "key", "list")
}

// A logout that the server does not learn of keeps the session, so that it can be said
// again.
func TestLogoutWithoutTheServer(t *testing.T) {
	t.Parallel()
	i, p := installDemo(t)
	i.login(p)
	session := filepath.Join(i.path("settings"), "openwearables/profiles/default/session.json")
	before, err := os.ReadFile(session)
	if err != nil {
		t.Fatal(err)
	}
	p.stop()
	i.fails(4, "the session has not ended, try again", "logout")
	if after, err := os.ReadFile(session); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the session is lost: %v", err)
	}
}
