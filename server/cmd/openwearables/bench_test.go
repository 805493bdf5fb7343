package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// benched is an installation that serves, and files with its keys.
type benched struct {
	*installation
	*process
	admin string
	test  string // the secret of the test key, which the file "test" holds
}

// installBenched starts an installation with a test key, a live one, and users.
func installBenched(t *testing.T, users int, flags ...string) benched {
	t.Helper()
	i, password := installWithDeveloper(t)
	p := i.serve(flags...)
	b := benched{i, p, p.login(email, password).access, ""}
	for _, environment := range []string{"live", "test"} {
		b.test = p.want(201, "POST", "/api/v1/api-keys", b.admin, map[string]string{"environment": environment}).str("key")
		i.leakFile(environment, b.test+"\n")
	}
	for n := range users {
		p.want(201, "POST", "/api/v1/users", b.admin, map[string]string{"external_user_id": strconv.Itoa(n)})
	}
	return b
}

// users returns how many users there are.
func (b benched) users() int {
	b.process.t.Helper()
	return int(b.want(200, "GET", "/api/v1/users", b.admin, nil).body["total"].(float64))
}

// bench runs the command with the test key, which must not be shown.
func (b benched) bench(args ...string) outcome {
	b.process.t.Helper()
	o := b.run("", append([]string{"bench", "--url", b.url, "--key-file", "test"}, args...)...)
	if strings.Contains(o.stdout+o.stderr, b.test[8:]) {
		b.process.t.Errorf("the key is shown:\n%s%s", o.stdout, o.stderr)
	}
	return o
}

var benchRow = regexp.MustCompile(`(?m)^ *(\S.*?)  +(\d+)  +(\d+)  +([0-9.]+)  +([0-9.]+)  +([0-9.]+)  +(\d+)  +([0-9.]+) *$`)

// rows returns by the name of a call how many were answered and limited.
func rows(t *testing.T, o outcome) (answered, limited map[string]int) {
	t.Helper()
	answered, limited = make(map[string]int), make(map[string]int)
	for _, row := range benchRow.FindAllStringSubmatch(o.stdout, -1) {
		answered[row[1]], _ = strconv.Atoi(row[3]) // the pattern has digits
		limited[row[1]], _ = strconv.Atoi(row[7])
		if row[3] != "0" && (row[4] == "0.0" || row[6] == "0.00") {
			t.Errorf("a row has no figures: %s", row[0])
		}
	}
	return answered, limited
}

// Each kind of read is made as often as was asked, and nothing is changed.
func TestBenchReads(t *testing.T) {
	t.Parallel()
	b := installBenched(t, 3)
	before := b.want(200, "GET", "/api/v1/audit-events", b.admin, nil)
	o := b.bench("--seconds", "60", "--requests", "50", "--clients", "3")
	answered, _ := rows(t, o)
	if o.status != 0 || o.stderr != "" || len(answered) != 3 {
		t.Fatalf("ended with %d\n%s%s", o.status, o.stdout, o.stderr)
	}
	for _, call := range []string{"list of 20 users", "read of a user", "read over Connect"} {
		if answered[call] != 50 {
			t.Errorf("%s: %d were answered:\n%s", call, answered[call], o.stdout)
		}
	}
	if after := b.want(200, "GET", "/api/v1/audit-events", b.admin, nil); b.users() != 3 || fmt.Sprint(after.body["items"]) != fmt.Sprint(before.body["items"]) {
		t.Errorf("something was changed: %v", after.body)
	}
}

// Without a user there is nothing to read, and it says what to do.
func TestBenchOfAnEmptyInstallation(t *testing.T) {
	t.Parallel()
	o := installBenched(t, 0).bench("--requests", "5", "--seconds", "60")
	if answered, _ := rows(t, o); o.status != 0 || len(answered) != 1 || !strings.Contains(o.stdout, "Not measured: reads of a user, for there is none: --make-users ") {
		t.Errorf("ended with %d\n%s%s", o.status, o.stdout, o.stderr)
	}
}

// Users that it makes are read, and gone at the end.
func TestBenchDeletesTheUsersThatItMade(t *testing.T) {
	t.Parallel()
	b := installBenched(t, 2)
	o := b.bench("--make-users", "40", "--requests", "60", "--seconds", "60")
	answered, _ := rows(t, o)
	if o.status != 0 || answered["creation of a user"] != 40 || answered["read of a user"] != 60 || answered["deletion of a user"] != 40 || b.users() != 2 {
		t.Errorf("ended with %d, %d users are there\n%s%s", o.status, b.users(), o.stdout, o.stderr)
	}
}

// Users that it made are gone, too, after it was interrupted.
func TestInterruptedBenchDeletesItsUsers(t *testing.T) {
	t.Parallel()
	b := installBenched(t, 0, "--limit-key", "1000000")
	var out output
	cmd := exec.CommandContext(t.Context(), binary, "bench", "--url", b.url, "--key-file", "test", "--make-users", "30", "--seconds", "60", "--requests", "1000000")
	cmd.Dir, cmd.Env, cmd.WaitDelay, cmd.Stdout, cmd.Stderr = b.folder, b.env, pipeTimeout, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it makes users", func() bool { return b.users() > 0 })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the status says how it ended
	if status := cmd.ProcessState.ExitCode(); status != 1 || b.users() != 0 || !strings.Contains(out.String(), "openwearables: interrupt signal received") {
		t.Errorf("ended with %d, %d users are left:\n%s", status, b.users(), &out)
	}
}

// At a limit no call is made before the time that the answer names: at most one of each
// client is turned away, and the rest is not measured.
func TestBenchKeepsToALimit(t *testing.T) {
	t.Parallel()
	b := installBenched(t, 1, "--limit-key", "30")
	o := b.bench("--requests", "20", "--clients", "4", "--seconds", "20")
	answered, limited := rows(t, o)
	if o.status != 0 || answered["list of 20 users"] != 20 || answered["read of a user"] != 9 || limited["read of a user"] < 1 || limited["read of a user"] > 4 {
		t.Errorf("ended with %d\n%s%s", o.status, o.stdout, o.stderr)
	}
	for _, said := range []string{"Not measured: read over Connect.\n", strconv.Itoa(limited["read of a user"]) + " requests were limited", "--limit-key"} {
		if !strings.Contains(o.stdout, said) {
			t.Errorf("%q is not said in\n%s", said, o.stdout)
		}
	}
}

// A wrong answer ends it, and what is given wrong is told.
func TestBenchRefusals(t *testing.T) {
	t.Parallel()
	b := installBenched(t, 1)
	narrow := b.want(201, "POST", "/api/v1/api-keys", b.admin, map[string]any{"environment": "test", "scopes": []string{"users:read"}}).str("key")
	b.leakFile("narrow", narrow)
	b.leakFile("two", narrow+"\n"+narrow)
	b.leakFile("ended", narrow[:len(narrow)-36]+"000000000000000000000000000000000000")
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(elsewhere.Close)
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"", 2, "bench needs --url and --key-file"},
		{"--url " + b.url, 2, "bench needs --url and --key-file"},
		{"now", 2, `bench takes no argument "now"`},
		{"--none", 2, "-none; see openwearables bench --help"},
		{"--url " + b.url + " --key-file test --seconds 61", 2, "--seconds 61 must be 1 to 60"},
		{"--url " + b.url + " --key-file test --clients 0", 2, "--clients 0 must be 1 to 64"},
		{"--url " + b.url + " --key-file test --requests 1000001", 2, "--requests 1000001 must be 1 to 1000000"},
		{"--url " + b.url + " --key-file test --make-users 1001", 2, "--make-users 1001 must be 0 to 1000"},
		{"--url " + b.url + " --key-file test --clients many", 2, "must be a whole number"},
		{"--url ftp://a.example --key-file test", 1, `--url "ftp://a.example" must be the address of an installation`},
		{"--url http://user:word@a.example --key-file test", 1, `--url "..." must be`},
		{"--url " + b.url + " --key-file missing", 1, "--key-file: open missing: no such file"},
		{"--url " + b.url + " --key-file live", 1, "--key-file live has a live key"},
		{"--url " + b.url + " --key-file two", 1, "--key-file two must hold one API key that begins with ow_test_"},
		{"--url " + b.url + " --key-file ended", 1, "--key-file ended must hold one API key"},
		{"--url " + b.url + " --key-file narrow --make-users 5", 1, "POST /api/v1/users was answered 403: "},
		{"--url " + elsewhere.URL + " --key-file test", 1, "GET /api/v1/users?limit=20 was answered 404"},
		{"--url http://127.0.0.1:1 --key-file test", 1, "connection refused"},
	} {
		o := b.run("", append([]string{"bench"}, strings.Fields(c.args)...)...)
		if o.status != c.status || !strings.Contains(o.stderr, c.says) {
			t.Errorf("%s: ended with %d, want %d and %q\n%s%s", c.args, o.status, c.status, c.says, o.stdout, o.stderr)
		}
		if strings.Contains(o.stdout+o.stderr, narrow[8:]) || strings.Contains(o.stderr, "word") {
			t.Errorf("%s: a secret is shown:\n%s%s", c.args, o.stdout, o.stderr)
		}
	}
	if b.users() != 1 {
		t.Errorf("%d users are there", b.users())
	}
}

// The help names every flag, and the page for operators does so too.
func TestBenchHelp(t *testing.T) {
	i := install(t)
	i.env = append(i.env, "OPENWEARABLES_ANYTHING=1") // concerns no installation
	help := i.ok("", "bench", "--help")
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for line := range strings.Lines(help) {
		if rest, ok := strings.CutPrefix(line, "  --"); ok {
			shown = append(shown, strings.Fields(rest)[0])
			if !strings.Contains(string(page), "`--"+strings.Fields(rest)[0]+"`") {
				t.Errorf("server/README.md does not name --%s", strings.Fields(rest)[0])
			}
		}
	}
	if want := strings.Fields("clients key-file make-users requests seconds url"); !slices.Equal(shown, want) {
		t.Errorf("shown are %q", shown)
	}
}
