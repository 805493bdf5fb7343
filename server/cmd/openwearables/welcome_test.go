package main_test

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// setupLine matches what serve prints while there is no developer.
var setupLine = regexp.MustCompile(`(?m)^first developer: open http://localhost:(\d+)/setup#(\w{26}) \(works once, for 24 hours, until a restart\)$`)

func TestServePrintsTheSetupAddress(t *testing.T) {
	i := install(t)
	p := i.serve()
	shown := setupLine.FindStringSubmatch(p.stdout.String())
	if shown == nil || !strings.HasSuffix(p.url, ":"+shown[1]) || strings.Count(p.stdout.String(), "\n") != 2 {
		t.Fatalf("printed is %q", &p.stdout)
	}
	p.stop()
	if !strings.Contains(p.stderr.String(), "openwearables developer create") {
		t.Errorf("nobody can log in and the log does not say so: %q", &p.stderr)
	}
	again := i.serve()
	next := setupLine.FindStringSubmatch(again.stdout.String())
	if next == nil || next[2] == shown[2] {
		t.Fatalf("after a restart, printed is %q", &again.stdout)
	}
	in := map[string]string{"token": shown[2], "email": "ada@example.com", "password": "a violet otter in a canyon"}
	again.want(401, "POST", "/api/v1/setup", "", in)
	in["token"] = next[2]
	again.want(200, "POST", "/api/v1/setup", "", in)
	again.want(401, "POST", "/api/v1/setup", "", in)
	again.login(in["email"], in["password"])
	again.stop()
	last := i.serve()
	if strings.Count(last.stdout.String(), "\n") != 1 {
		t.Errorf("with a developer, printed is %q", &last.stdout)
	}
	for _, token := range []string{shown[2], next[2]} {
		if strings.Contains(p.stderr.String()+again.stderr.String(), token) {
			t.Error("a setup token is in the log")
		}
	}
}

// An address that means all of the machine's is not one that a browser opens.
func TestSetupAddressOfAllAddresses(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "[::]:0"} {
		p := install(t).serve("--addr", addr, "--insecure-http")
		if shown := setupLine.FindStringSubmatch(p.stdout.String()); shown == nil || !strings.HasSuffix(p.url, ":"+shown[1]) {
			t.Errorf("on %s, printed is %q", addr, &p.stdout)
		}
		p.stop()
	}
}

// The command still makes the first developer, at once, and the address is over.
func TestDeveloperCreateEndsTheSetup(t *testing.T) {
	i := install(t)
	p := i.serve()
	token := setupLine.FindStringSubmatch(p.stdout.String())[2]
	i.ok("a violet otter in a canyon\n", "developer", "create", "--email", "ada@example.com", "--password-stdin")
	p.want(401, "POST", "/api/v1/setup", "", map[string]string{
		"token": token, "email": "eve@example.com", "password": "a violet otter in a canyon",
	})
	p.login("ada@example.com", "a violet otter in a canyon")
}

var exportLine = regexp.MustCompile(`(?m)^export (\w+)=(\S+)$`)

// exports returns the variables that serve --dev prints.
func (p *process) exports() map[string]string {
	all := map[string]string{}
	for _, line := range exportLine.FindAllStringSubmatch(p.stdout.String(), -1) {
		all[line[1]] = line[2]
	}
	return all
}

func TestServeDevMakesSomethingToLookAt(t *testing.T) {
	i := install(t)
	p := i.serve("--dev")
	shown := p.exports()
	names := slices.Sorted(maps.Keys(shown))
	if got := strings.Join(names, " "); got != "EMAIL OPENWEARABLES_API_KEY OPENWEARABLES_APP_ID OPENWEARABLES_APP_SECRET OPENWEARABLES_BASE_URL PASSWORD USER_ID" {
		t.Fatalf("exported are %s", got)
	}
	if !strings.Contains(p.stdout.String(), "openwearables developer set-password --email "+shown["EMAIL"]) {
		t.Error("nothing says what to do when the password is lost")
	}
	if url := shown["OPENWEARABLES_BASE_URL"]; !strings.HasPrefix(url, "http://localhost:") || strings.HasSuffix(url, ":0") {
		t.Errorf("the base URL is %s", url)
	}
	p.login(shown["EMAIL"], shown["PASSWORD"])
	p.want(200, "POST", "/api/v1/users/"+shown["USER_ID"]+"/token", "", map[string]string{"app_id": shown["OPENWEARABLES_APP_ID"], "app_secret": shown["OPENWEARABLES_APP_SECRET"]})
	day := 24 * time.Hour
	now := time.Now().UTC()
	types := map[string]int{}
	a := p.want(200, "GET", "/api/v1/users/"+shown["USER_ID"]+"/events/workouts?limit=100&start_date="+now.Add(-28*day).Format(time.DateOnly)+
		"&end_date="+now.Add(day).Format(time.DateOnly), shown["OPENWEARABLES_API_KEY"], nil)
	for _, item := range a.body["data"].([]any) {
		workout := item.(map[string]any)
		types[workout["type"].(string)]++
		if start, err := time.Parse(time.RFC3339, workout["start_time"].(string)); err != nil || start.After(now) {
			t.Errorf("a workout of %v", workout["start_time"])
		}
	}
	if types["running"] != 12 || len(types) != 6 || types["cycling"] != 4 {
		t.Errorf("the last four weeks have %v", types)
	}
	p.stop()
	again := i.serve("--dev")
	for name, value := range shown {
		if strings.Contains(again.stdout.String(), value) {
			t.Errorf("%s is shown twice", name)
		}
		if name != "EMAIL" && name != "USER_ID" && name != "OPENWEARABLES_APP_ID" && name != "OPENWEARABLES_BASE_URL" && strings.Contains(p.stderr.String()+again.stderr.String(), value) {
			t.Errorf("%s is in the log", name)
		}
	}
}

// Where there is no room for all of it, the developer can still log in.
func TestServeDevWithoutRoom(t *testing.T) {
	p := install(t).serve("--dev", "--quota-workouts", "1")
	if !printed.MatchString(p.stdout.String()) || len(p.exports()) > 0 {
		t.Errorf("printed is %q", &p.stdout)
	}
	p.stop()
	if !strings.Contains(p.stderr.String(), "create them by the API") {
		t.Errorf("the log says %q", &p.stderr)
	}
}

// With --empty, a development server starts as an installation does.
func TestServeDevMayBeEmpty(t *testing.T) {
	p := install(t).serve("--dev", "--empty")
	shown := setupLine.FindStringSubmatch(p.stdout.String())
	if shown == nil || len(p.exports()) > 0 || strings.Contains(p.stdout.String(), "password") {
		t.Fatalf("printed is %q", &p.stdout)
	}
	a := p.want(200, "POST", "/api/v1/setup", "", map[string]string{
		"token": shown[2], "email": "ada@example.com", "password": "a violet otter in a canyon",
	})
	if users := p.want(200, "GET", "/api/v1/users", a.str("access_token"), nil); len(users.body["items"].([]any)) > 0 {
		t.Errorf("there are users: %v", users.body)
	}
	if o := install(t).run("", "serve", "--empty", "--addr", "127.0.0.1:0"); o.status != 2 || !strings.Contains(o.stderr, "--empty goes with --dev") {
		t.Errorf("without --dev it ended with %d: %s", o.status, o.stderr)
	}
}

// A development server may have access tokens that end while one looks.
func TestServeDevTakesSeconds(t *testing.T) {
	p := install(t).serve("--dev", "--access-token-ttl", "2s")
	shown := p.exports()
	access := p.login(shown["EMAIL"], shown["PASSWORD"]).access
	eventually(t, "the access token has ended", func() bool {
		return p.call("GET", "/api/v1/auth/me", access, nil).status == 401
	})
	o := install(t).run("", "serve", "--access-token-ttl", "2s", "--addr", "127.0.0.1:0")
	if o.status != 1 || !strings.Contains(o.stderr, "with --dev from 1s") {
		t.Errorf("without --dev it ended with %d: %s", o.status, o.stderr)
	}
}

// What the README says to paste runs, with the lines that serve --dev prints.
func TestReadmesWalkRuns(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the walk needs %s: install it", tool)
		}
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, walk, _ := strings.Cut(string(readme), "```sh\napi=http://localhost:8000")
	walk, _, found := strings.Cut(walk, "\n```")
	if !found {
		t.Fatal("README.md has no walk")
	}
	i := install(t)
	p := i.serve("--dev")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", "api="+p.url+walk)
	cmd.Dir, cmd.Env = i.folder, i.env
	for name, value := range p.exports() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"type":"running"`) || !strings.Contains(string(out), `"refresh_token":"rt_`) || strings.Contains(string(out), `"detail"`) {
		t.Errorf("the walk ended with %v:\n%s", err, out)
	}
}

// Without the dashboard there is no page at a setup address.
func TestSetupWithoutTheDashboard(t *testing.T) {
	p := install(t).serve("--dashboard=false")
	shown := regexp.MustCompile(`(?m)^first developer: POST http://localhost:\d+/api/v1/setup with the token (\w{26}) \(works once`).FindStringSubmatch(p.stdout.String())
	if shown == nil || strings.Contains(p.stdout.String(), "#") {
		t.Fatalf("printed is %q", &p.stdout)
	}
	p.want(404, "GET", "/setup", "", nil)
	p.want(200, "POST", "/api/v1/setup", "", map[string]string{
		"token": shown[1], "email": "ada@example.com", "password": "a violet otter in a canyon",
	})
}
