package leak

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/credential"
)

// sample is a report with a finding of every kind and place, one of them twice, and
// a problem.
func sample(t *testing.T) (Report, map[Kind]string) {
	t.Helper()
	secrets, r := mint(t), newRepo(t)
	r.commit("old file", secrets[RefreshToken])
	r.commit("old file", "")
	r.git("commit", "-q", "--allow-empty", "-m", "use "+secrets[TestKey])
	t.Chdir(r.folder)
	write(t, r.folder, "sub/a:b", "x"+secrets[LiveKey]+secrets[LiveKey])
	write(t, r.folder, "sub/c", credential.Mint(credential.AppID)+inBase64(secrets[ApplicationSecret]))
	return scan(t, secrets, Options{Paths: []string{"sub", "sub/c", "missing"}, History: true}), secrets
}

func TestTextSaysWhereWhatAndWhatToDo(t *testing.T) {
	r, _ := sample(t)
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`sub/a:b:1:2: live API key ow_live_[0-9a-z]{4}, fingerprint [0-9a-f]{16}`,
		`sub/a:b:1:46: live API key ow_live_.*`,
		`sub/c:1:29: application secret in base64, beside app_[0-9a-z]{24}, fingerprint .*`,
		`sub: commit [0-9a-f]{40}: old file:1:1: refresh token of session [0-9a-f-]{36}, fingerprint .*`,
		`sub: message of commit [0-9a-f]{40}: test API key ow_test_.*`,
		`live API key\n    Delete it with DELETE /api/v1/api-keys/{id}; .*`,
		`application secret\n    Rotate it without an overlap, with POST /api/v1/applications/{app_id}/rotate-secret.*`,
		`refresh token\n    End its session with POST /api/v1/auth/revoke .*`,
		`End the credential first: .*`,
		`not scanned: missing: no such file or directory`,
		`6 credentials in \d+ files and \d+ objects of git, \d+\.\d MB; 1 not scanned`,
	} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).Match(b.Bytes()) {
			t.Errorf("%s is not in:\n%s", line, &b)
		}
	}
}

func TestJSONHasTheReport(t *testing.T) {
	r, _ := sample(t)
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var read Report
	d := json.NewDecoder(&b)
	d.DisallowUnknownFields()
	if err := d.Decode(&read); err != nil {
		t.Fatal(err)
	}
	for i := range r.Findings {
		r.Findings[i].length = 0
	}
	if fmt.Sprintf("%+v", read) != fmt.Sprintf("%+v", r) || len(read.Findings) != 6 || len(read.Problems) != 1 {
		t.Errorf("%+v\n%+v", read, r)
	}
	b.Reset()
	empty := scan(t, nil, Options{Paths: []string{Stdin}, Stdin: strings.NewReader("")})
	if err := empty.WriteJSON(&b); err != nil || !strings.Contains(b.String(), `"findings": [],`) || !strings.Contains(b.String(), `"problems": [],`) {
		t.Errorf("%v %s", err, &b)
	}
}

func TestSARIFHasWhatCodeScanningNeeds(t *testing.T) {
	r, _ := sample(t)
	var b bytes.Buffer
	if err := r.WriteSARIF(&b); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	d := json.NewDecoder(&b)
	d.DisallowUnknownFields()
	if err := d.Decode(&log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.HasSuffix(log.Schema, "sarif-2.1.0.json") || len(log.Runs) != 1 || len(log.Runs[0].Results) != 6 {
		t.Fatalf("%+v", log)
	}
	run := log.Runs[0]
	if i := run.Invocations; len(i) != 1 || i[0].Successful || len(i[0].Notifications) != 1 || run.ColumnKind != "unicodeCodePoints" {
		t.Errorf("%+v", run)
	}
	var uris []string
	hashes := map[string]bool{}
	for _, result := range run.Results {
		if rule := run.Tool.Driver.Rules[result.RuleIndex]; rule.ID != result.RuleID || rule.ShortDescription.Text == "" || rule.Help.Text == "" {
			t.Errorf("%s: %+v", result.RuleID, rule)
		}
		where := result.Locations[0].Physical
		uris = append(uris, where.Artifact.URI)
		hash := result.Fingerprints["primaryLocationLineHash"]
		if result.Level != "error" || result.Message.Text == "" || hash == "" || hashes[where.Artifact.URI+hash] {
			t.Errorf("%+v", result)
		}
		hashes[where.Artifact.URI+hash] = true
		if at := where.Region; at.StartLine < 1 || at.StartColumn < 1 || at.EndColumn < at.StartColumn+44 {
			t.Errorf("%s is at %+v", where.Artifact.URI, at)
		}
	}
	slices.Sort(uris)
	if !regexp.MustCompile(`^\.git/objects/[0-9a-f]{2}/[0-9a-f]{38} old%20file sub/a:b sub/a:b sub/c sub/c$`).MatchString(strings.Join(uris, " ")) {
		t.Errorf("the files are %q", uris)
	}
	if got := uri(filepath.Join("/", "x y", "ü")); got != "file:///x%20y/%C3%BC" {
		t.Errorf("an absolute path is %s", got)
	}
	if got := uri("a:b"); got != "./a:b" { // else a would be the scheme
		t.Errorf("a colon becomes %s", got)
	}
}

// The rules for other scanners match secrets and nothing longer.
func TestRulesForOtherScanners(t *testing.T) {
	gitleaks := regexp.MustCompile(`(?m)^id = "openwearables-(.*)"\ndescription = ".*"\nregex = '''(.*)'''\nkeywords = \["(.*)"\]$`)
	trufflehog := regexp.MustCompile(`(?m)^  - name: openwearables-(.*)\n    keywords:\n      - (.*)\n    regex:\n      secret: '(.*)'$`)
	for name, rules := range map[string][][]string{
		"gitleaks": gitleaks.FindAllStringSubmatch(GitleaksRules(), -1), "trufflehog": trufflehog.FindAllStringSubmatch(TruffleHogDetectors(), -1),
	} {
		if len(rules) != len(kinds) {
			t.Fatalf("%s has %d rules", name, len(rules))
		}
		for _, rule := range rules {
			pattern, keyword := rule[2], rule[3]
			if name == "trufflehog" {
				pattern, keyword = keyword, pattern
			}
			matches := regexp.MustCompile(pattern)
			for range 100 {
				secrets := mint(t)
				for kind, secret := range secrets {
					for _, text := range []string{secret, "k='" + secret + "'", "url?k%3D" + secret + "&", "\r\n" + secret + "\r\n"} {
						found := matches.FindString(text)
						if kind == Kind(rule[1]) && (found != secret || !strings.Contains(text, keyword)) || kind != Kind(rule[1]) && found != "" {
							t.Fatalf("%s finds %d characters of a %s with the rule of a %s", name, len(found), kind, rule[1])
						}
					}
					if matches.MatchString(secret+"0") || matches.MatchString(secret[:len(secret)-1]) {
						t.Fatalf("%s takes what is longer or shorter for a %s", name, kind)
					}
				}
			}
		}
	}
}
