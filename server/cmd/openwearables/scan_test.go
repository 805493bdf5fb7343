package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// leakFile writes a file into the folder of the installation.
func (i *installation) leakFile(name, text string) {
	i.t.Helper()
	if err := os.WriteFile(i.path(name), []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}
}

// What the server made is found, told by what the server shows, and ends by what
// the report says.
func TestScanFindsWhatTheServerMade(t *testing.T) {
	t.Parallel()
	i, password := installWithDeveloper(t)
	p := i.serve()
	admin := p.login(email, password)
	key := p.want(201, "POST", "/api/v1/api-keys", admin.access, nil)
	app := p.want(201, "POST", "/api/v1/applications", admin.access, map[string]string{"name": "a"})
	i.leakFile("leaked.json", `{"key": "`+key.str("key")+`",`+"\n"+`"app": "`+app.str("app_id")+`", "secret": "`+app.str("app_secret")+`",`+"\n"+
		`"refresh": "`+admin.refresh+`", "access": "`+admin.access+`"}`)
	o := i.run("", "scan", "leaked.json")
	if o.status != 1 || o.stderr != "openwearables: 3 credentials were found\n" {
		t.Errorf("ended with %d: %s", o.status, o.stderr)
	}
	for _, secret := range []string{key.str("key"), app.str("app_secret"), admin.refresh, admin.access} {
		if strings.Contains(o.stdout, secret[16:]) {
			t.Errorf("a secret is printed:\n%s", o.stdout)
		}
	}
	for _, line := range []string{
		"leaked.json:1:10: live API key " + key.str("key_prefix") + ", fingerprint ", "leaked.json:2:51: application secret, beside " + app.str("app_id") + ", fingerprint ",
		"leaked.json:3:13: refresh token of session ", "DELETE /api/v1/api-keys/{id}", "POST /api/v1/applications/{app_id}/rotate-secret", "POST /api/v1/auth/revoke", "POST /api/v1/credentials/report",
	} {
		if !strings.Contains(o.stdout, line) {
			t.Errorf("%q is not in:\n%s", line, o.stdout)
		}
	}
	p.want(200, "DELETE", "/api/v1/api-keys/"+key.str("id"), admin.access, nil)
	p.want(401, "GET", "/api/v1/users", key.str("key"), nil)
	p.want(200, "POST", "/api/v1/applications/"+app.str("app_id")+"/rotate-secret", admin.access, nil)
	p.want(204, "POST", "/api/v1/auth/revoke", "", map[string]string{"refresh_token": admin.refresh})
	p.want(401, "GET", "/api/v1/api-keys", admin.access, nil)

	// What the server keeps in files holds no secret, and an ended one may be left out.
	p.stop()
	fingerprints := regexp.MustCompile(`fingerprint ([0-9a-f]{16})`).FindAllStringSubmatch(o.stdout, -1)
	ended := []string{fingerprints[0][1], fingerprints[1][1], fingerprints[2][1]}
	if said := i.ok("", "scan", ".", "--ended", strings.Join(ended, ",")); !strings.Contains(said, "0 credentials in ") || !strings.Contains(said, "; 3 left out by --ended") {
		t.Errorf("after their end: %s", said)
	}
}

func TestScanEndsWithAStatusForEachOutcome(t *testing.T) {
	t.Parallel()
	i, password := installWithDeveloper(t)
	p := i.serve()
	secret := p.login(email, password).refresh
	p.stop()
	i.env = append(i.env, "OPENWEARABLES_ANYTHING=1") // concerns no installation
	i.leakFile("clean", "nothing\n")
	i.leakFile("-clean", "nothing\n")
	i.leakFile("leaked", secret)
	i.leakFile("allowed", secret+" # openwearables:allow\n")
	for _, c := range []struct {
		args   string
		stdin  string
		status int
		stdout string // said there
		stderr string // all of it
	}{
		{"clean", "", 0, "0 credentials in 1 file, 0.0 MB\n", ""},
		{"allowed", "", 0, "0 credentials in 1 file, 0.0 MB; 1 left out by openwearables:allow\n", ""},
		{"-", "nothing", 0, "0 credentials in 1 file", ""},
		{"-- -clean", "", 0, "0 credentials in 1 file", ""},
		{"-", secret, 1, "-:1:1: refresh token of session ", "openwearables: 1 credential was found\n"},
		{"leaked missing", "", 1, "not scanned: missing: no such file or directory\n", "openwearables: 1 credential was found\n"},
		{"clean missing", "", 2, "; 1 not scanned\n", "openwearables: nothing was found, but not everything could be scanned\n"},
		{"clean --history", "", 2, "not a git repository", "openwearables: nothing was found, but not everything could be scanned\n"},
		{"", "", 2, "", "openwearables: scan needs a path; see openwearables scan --help\n"},
		{"clean --format xml", "", 2, "", "openwearables: --format \"xml\" must be text, json or sarif\n"},
		{"clean --none", "", 2, "", "openwearables: flag provided but not defined: -none; see openwearables scan --help\n"},
		{"--rules semgrep", "", 2, "", "openwearables: --rules: there are no rules for \"semgrep\": must be gitleaks or trufflehog\n"},
		{"--rules gitleaks clean", "", 2, "", "openwearables: --rules takes no path\n"},
		{"clean --ended " + secret, "", 2, "", "openwearables: --ended takes fingerprints of 16 hexadecimal digits, as scan prints them, and no credentials\n"},
		{"--help", "", 0, "  --format format\n", ""},
		{"--rules gitleaks", "", 0, "id = \"openwearables-live-key\"\n", ""},
		{"--rules trufflehog", "", 0, "  - name: openwearables-live-key\n", ""},
	} {
		o := i.run(c.stdin, append([]string{"scan"}, strings.Fields(c.args)...)...)
		if o.status != c.status || !strings.Contains(o.stdout, c.stdout) || o.stderr != c.stderr {
			t.Errorf("scan %s: %d\n%s%s", strings.ReplaceAll(c.args, secret, "..."), o.status, o.stdout, o.stderr)
		}
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	unwritten := exec.CommandContext(t.Context(), binary, "scan", "clean")
	unwritten.Dir, unwritten.Env, unwritten.Stdout = i.folder, i.env, full
	if err := unwritten.Run(); unwritten.ProcessState.ExitCode() != 2 {
		t.Errorf("a report that cannot be written: %v", err)
	}
	for _, format := range []string{"json", "sarif"} {
		if o := i.run("", "scan", "--format", format, "leaked", "missing"); o.status != 1 || !json.Valid([]byte(o.stdout)) || strings.Contains(o.stdout, secret) {
			t.Errorf("%s: %d\n%s%s", format, o.status, o.stdout, o.stderr)
		}
	}
}

func TestScanOfAHistoryNeedsGit(t *testing.T) {
	t.Parallel()
	i := install(t)
	cmd := exec.CommandContext(t.Context(), "git", "init", "-q", i.folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if said := i.ok("", "scan", ".", "--history"); !strings.Contains(said, "0 credentials in ") {
		t.Errorf("an empty repository: %s", said)
	}
	i.env = append(i.env, "PATH="+t.TempDir())
	if o := i.run("", "scan", "--history", "."); o.status != 2 || !strings.Contains(o.stderr, "--history needs git") || o.stdout != "" {
		t.Errorf("without git: %d\n%s%s", o.status, o.stdout, o.stderr)
	}
}
