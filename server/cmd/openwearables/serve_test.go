package main_test

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// printed matches what serve --dev prints about the first developer.
var printed = regexp.MustCompile(`(?s)  email     (\S+)\n  password  (\S+)\n.*\n  curl -X POST (\S+) -d (\S+)=(\S+) -d (\S+)=(\S+)\n`)

func TestServeDevShowsTheFirstDeveloperOnce(t *testing.T) {
	i := install(t)
	p := i.serve("--dev")
	shown := printed.FindStringSubmatch(p.stdout.String())
	if shown == nil {
		t.Fatalf("printed is %q", &p.stdout)
	}
	form := url.Values{shown[4]: {shown[5]}, shown[6]: {shown[7]}}
	res, err := (&http.Client{Timeout: requestTimeout}).PostForm(shown[3], form)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 || !strings.HasPrefix(shown[3], p.url) || form.Get("password") != shown[2] {
		t.Errorf("the printed call answered %d: %q", res.StatusCode, shown[0])
	}
	if status := p.stop(); status != 0 {
		t.Errorf("status %d\n%s", status, &p.stderr)
	}
	again := i.serve("--dev")
	if lines := strings.Count(again.stdout.String(), "\n"); lines != 1 {
		t.Errorf("the second start printed %q", &again.stdout)
	}
	again.login(shown[1], shown[2])
	if entries, err := os.ReadDir(i.folder); err != nil || len(entries) != 1 || entries[0].Name() != "state" {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	// The command that it prints finds the database.
	reset := regexp.MustCompile(`openwearables (developer set-password .*)`).FindStringSubmatch(p.stdout.String())
	if reset == nil {
		t.Fatal("nothing says what to do when the password is lost")
	}
	i.ok("a violet otter in a canyon\n", append(strings.Fields(reset[1]), "--password-stdin")...)
	again.login(shown[1], "a violet otter in a canyon")
	if strings.Contains(p.stderr.String()+again.stderr.String(), shown[2]) {
		t.Error("the password is in the log")
	}
}

// What is in the folder already goes on to be served.
func TestServeDevTakesTheDatabaseOfTheFolder(t *testing.T) {
	t.Parallel()
	i, _ := installWithDeveloper(t)
	if p := i.serve("--dev"); len(p.exports()) > 0 {
		t.Errorf("it made a developer beside the one that there is: %s", &p.stdout)
	}
	if _, err := os.Stat(i.path("state")); err == nil {
		t.Error("it made another place")
	}
}

// A page of a development server, at localhost, and the API must be of one site.
func TestServeDevPrintsLocalhost(t *testing.T) {
	p := install(t).serve("--dev")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(p.url, "http://"))
	if err != nil || p.url != "http://localhost:"+port {
		t.Errorf("printed is %s, want http://localhost:<port>", p.url)
	}
	p.want(200, "GET", "/readyz", "", nil)
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, requestTimeout)
	if err != nil {
		t.Fatalf("it does not listen on 127.0.0.1 any more: %v", err)
	}
	conn.Close()

	if elsewhere := install(t).serve("--dev", "--addr", "127.0.0.2:0"); !strings.HasPrefix(elsewhere.url, "http://127.0.0.2:") {
		t.Errorf("printed is %s, to which localhost does not lead", elsewhere.url)
	}
	if plain := install(t).serve(); !strings.HasPrefix(plain.url, "http://127.0.0.1:") {
		t.Errorf("without --dev, printed is %s", plain.url)
	}
}

// If the port is taken, no developer is created: nobody would see the password.
func TestServeDevCreatesNobodyItCannotShow(t *testing.T) {
	i := install(t)
	taken := install(t).serve("--dev")
	o := i.run("", "serve", "--dev", "--addr", strings.TrimPrefix(taken.url, "http://"))
	if o.status != 1 || !strings.Contains(o.stderr, "address already in use") {
		t.Errorf("ended with %d: %s", o.status, o.stderr)
	}
	if p := i.serve("--dev"); !printed.MatchString(p.stdout.String()) {
		t.Errorf("printed is %q", &p.stdout)
	}
}

func TestServePrintsOneLine(t *testing.T) {
	i, _ := installWithDeveloper(t)
	p := i.serve()
	p.want(200, "GET", "/readyz", "", nil)
	if strings.Count(p.stdout.String(), "\n") != 1 {
		t.Errorf("printed is %q", &p.stdout)
	}
	if status := p.stop(); status != 0 || strings.Count(p.stdout.String(), "\n") != 1 {
		t.Errorf("status %d, printed is %q", status, &p.stdout)
	}
}

func TestServeRefusesADatabaseInUse(t *testing.T) {
	i := install(t)
	first := i.serve()
	o := i.run("", "serve", "--addr", "127.0.0.1:0")
	if o.status != 1 || !strings.Contains(o.stderr, "another openwearables process is using this database") {
		t.Errorf("the second ended with %d: %s", o.status, o.stderr)
	}
	if o := i.run("", "migrate"); o.status != 1 || !strings.Contains(o.stderr, "another openwearables process") {
		t.Errorf("migrate ended with %d: %s", o.status, o.stderr)
	}
	first.want(200, "GET", "/readyz", "", nil)
}

// A killed server leaves its socket behind, which disturbs neither the next
// start nor the commands.
func TestServeStartsAfterAKill(t *testing.T) {
	i := install(t)
	i.serve().kill()
	if _, err := os.Stat(i.path("openwearables.db.sock")); err != nil {
		t.Fatalf("the kill left no socket: %v", err)
	}
	i.ok("", "developer", "list")
	p := i.serve()
	p.want(200, "GET", "/readyz", "", nil)
	i.ok("", "developer", "list")
	for _, name := range []string{"openwearables.db", "openwearables.db.secret", "openwearables.db.sock", "openwearables.db-wal"} {
		if info, err := os.Stat(i.path(name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	p := install(t).serve()
	hold(t, p)
	p.signal(syscall.SIGTERM)
	eventually(t, "it drains", func() bool { return refuses(p) })
	eventually(t, "it has ended", func() bool {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	if w := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !w.Signaled() || w.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", p.cmd.ProcessState)
	}
}

// The log has one JSON line for each request, and no secret.
func TestLogIsOneLineARequest(t *testing.T) {
	i, password := installWithDeveloper(t)
	p := i.serve("--log-level", "debug")
	tokens := p.login(email, password)
	key := p.want(201, "POST", "/api/v1/api-keys", tokens.access, nil).str("key")
	p.want(200, "GET", "/api/v1/users", key, nil)
	p.want(404, "GET", "/nowhere?access_token="+key, "", nil)
	p.want(401, "GET", "/api/v1/users", key+"x", nil)
	p.want(401, "POST", "/api/v1/auth/login", "", map[string]string{"email": email, "password": password + "x"})
	p.want(422, "POST", "/api/v1/auth/refresh", "", map[string]any{"refresh_token": []string{tokens.refresh}})
	refreshed := p.want(200, "POST", "/api/v1/auth/refresh", "", map[string]string{"refresh_token": tokens.refresh})
	p.stop()
	requests := 0
	for lines := bufio.NewScanner(strings.NewReader(p.stderr.String())); lines.Scan(); {
		var line map[string]any
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Errorf("%q is no JSON: %v", lines.Text(), err)
		}
		if line["msg"] == "request" {
			requests++
		}
	}
	if requests != 8 {
		t.Errorf("%d lines for 8 requests:\n%s", requests, &p.stderr)
	}
	for name, secret := range map[string]string{
		"password": password, "access token": tokens.access, "refresh token": tokens.refresh, "key": key,
		"new refresh token": refreshed.str("refresh_token"), "new access token": refreshed.str("access_token"),
	} {
		if strings.Contains(p.stderr.String(), secret) {
			t.Errorf("the %s is in the log", name)
		}
	}
}
