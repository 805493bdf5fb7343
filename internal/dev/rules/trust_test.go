package rules

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../../.."

// page returns a page of the folder server.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "server", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tableRow matches a row of a table in Markdown, but for the line below its head.
var tableRow = regexp.MustCompile(`(?m)^\| *([^-\n].*?) *\|$`)

// tableRows returns the cells of the rows of all tables of a page, heads included.
func tableRows(text string) (rows [][]string) {
	for _, m := range tableRow.FindAllStringSubmatch(text, -1) {
		cells := strings.Split(m[1], "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

// evidence is what a cell may cite: a test or a proof, in backquotes, or a page.
var (
	cited   = regexp.MustCompile("`([^`]+)`")
	linked  = regexp.MustCompile(`\[[^]]+\]\(([^)#]*)(#[^)]*)?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	goTest  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	swift   = regexp.MustCompile(`\bfunc (test\w+)\(`)
	titled  = regexp.MustCompile(`(?s)\b(?:test|scenario)\(\s*("[^"]+")`)
	proof   = regexp.MustCompile(`name: "([a-z-]+)"`)
)

// everyTest returns the names of all tests of the repository: Go's and Swift's as they
// are, TypeScript's in double quotes, and proofs after the word proof.
func everyTest(t *testing.T) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	for _, of := range []struct {
		pattern string
		name    *regexp.Regexp
		prefix  string
	}{
		{"*_test.go", goTest, ""},
		{"*Tests.swift", swift, ""},
		{"*.test.ts", titled, ""},
		{"internal/dev/reliability/proofs.go", proof, "proof "},
	} {
		before := len(all)
		for _, file := range tracked(t, root, of.pattern) {
			text, err := os.ReadFile(filepath.Join(root, file))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range of.name.FindAllStringSubmatch(string(text), -1) {
				all[of.prefix+m[1]] = true
			}
		}
		if len(all) < before+10 {
			t.Fatalf("only %d tests found in %s", len(all)-before, of.pattern)
		}
	}
	return all
}

// checkLink reports a link to a file that is not there, or to a heading that it has not.
func checkLink(t *testing.T, where string, link []string) {
	t.Helper()
	path := filepath.Join(root, "server", link[1])
	text, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	if link[2] == "" {
		return
	}
	for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
		if "#"+strings.ReplaceAll(strings.ToLower(m[1]), " ", "-") == link[2] {
			return
		}
	}
	t.Errorf("%s: %s has no heading %s", where, link[1], link[2])
}

// TestThreatsNameTheirTests checks that each defence of the threat model is followed by
// tests that there are.
func TestThreatsNameTheirTests(t *testing.T) {
	known := everyTest(t)
	rows, attacks := 0, false
	for _, row := range tableRows(page(t, "THREATS.md")) {
		if row[0] == "attack" || row[0] == "key" {
			attacks = row[0] == "attack"
			continue
		}
		if !attacks {
			continue
		}
		rows++
		names := cited.FindAllStringSubmatch(row[2], -1)
		if len(names) == 0 {
			t.Errorf("%q is shown by no test", row[0])
		}
		for _, name := range names {
			if !known[name[1]] {
				t.Errorf("%q: there is no test %s", row[0], name[1])
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d defences", rows)
	}
}

// decision matches the ids of gaps before the reason for which they stay.
var decision = regexp.MustCompile(`(?m)^- \*\*([^*]+)\*\*: .{20}`)

// documentation are the sections of the ASVS that ask for a page.
var documentation = []string{"2.1", "5.1", "6.1", "7.1", "8.1", "11.1", "13.1", "14.1", "15.1", "16.1"}

// TestASVSIsAnswered checks that each requirement of levels 1 and 2 has exactly one row,
// with its level, and one of: tests that there are; a page, where a page is asked for; a
// gap, for which there is a reason; or that it does not apply. Each has a sentence.
func TestASVSIsAnswered(t *testing.T) {
	ids, err := os.ReadFile("testdata/asvs-5.0.0.txt")
	if err != nil {
		t.Fatal(err)
	}
	levels := make(map[string]string)
	for line := range strings.Lines(string(ids)) {
		id, level, _ := strings.Cut(strings.TrimSpace(line), " ")
		levels[id] = level
	}
	if len(levels) != 253 {
		t.Fatalf("%d requirements", len(levels))
	}
	known, answered := everyTest(t), make(map[string]bool)
	table, reasons, _ := strings.Cut(page(t, "ASVS.md"), "\n## Gaps\n")
	var gaps, decided []string
	for _, row := range tableRows(table) {
		if len(row) != 5 || row[0] == "id" {
			continue
		}
		id := row[0]
		switch {
		case levels[id] == "":
			t.Errorf("%s is no requirement of levels 1 and 2", id)
		case answered[id]:
			t.Errorf("%s has two rows", id)
		case row[1] != levels[id]:
			t.Errorf("%s is of level %s, not %s", id, levels[id], row[1])
		}
		answered[id] = true
		if row[4] == "gap" {
			gaps = append(gaps, id)
		}
		for _, wrong := range wrongAnswer(t, row, known) {
			t.Errorf("%s: %s", id, wrong)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(levels)) {
		if !answered[id] {
			t.Errorf("%s has no row", id)
		}
	}
	if !strings.Contains(table, fmt.Sprintf("%d gaps", len(gaps))) {
		t.Errorf("the page does not say that it has %d gaps", len(gaps))
	}
	for _, m := range decision.FindAllStringSubmatch(reasons, -1) {
		decided = append(decided, strings.Split(m[1], ", ")...)
	}
	if !slices.Equal(decided, gaps) {
		t.Errorf("there are reasons for the gaps %q, and not for %q", decided, gaps)
	}
}

// wrongAnswer says what is wrong with a row: id, level, whether it applies, a sentence,
// and what shows it.
func wrongAnswer(t *testing.T, row []string, known map[string]bool) (wrong []string) {
	id, applies, why, shown := row[0], row[2], row[3], row[4]
	if len(why) < 10 || !strings.HasSuffix(why, ".") {
		wrong = append(wrong, "it has no sentence")
	}
	if applies == "no" || shown == "gap" {
		if applies != "yes" && applies != "no" || applies == "no" && shown != "—" {
			wrong = append(wrong, "a gap applies, and what does not apply is shown by —")
		}
		return wrong
	}
	names, links := cited.FindAllStringSubmatch(shown, -1), linked.FindAllStringSubmatch(shown, -1)
	section := id[:strings.LastIndexByte(id, '.')]
	if applies != "yes" || len(names) == 0 && (len(links) == 0 || !slices.Contains(documentation, section)) {
		wrong = append(wrong, "it is shown by no test")
	}
	for _, name := range names {
		if !known[name[1]] {
			wrong = append(wrong, "there is no test "+name[1])
		}
	}
	for _, link := range links {
		checkLink(t, id, link)
	}
	return wrong
}

// changed matches what makes, removes or renames a table.
var changed = regexp.MustCompile(`CREATE (?:/\*[^*]*\*/ )?(?:VIRTUAL )?TABLE (\w+)|DROP TABLE (\w+)|ALTER TABLE (\w+) RENAME TO (\w+)`)

// TestPrivacyNamesEveryTable checks that the page on privacy has a row for each table of
// both databases, and for none that there is not.
func TestPrivacyNamesEveryTable(t *testing.T) {
	tables := map[string]bool{"migrations": true}
	for _, file := range tracked(t, root, "internal/store/migrations/*.sql") {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range changed.FindAllStringSubmatch(string(text), -1) {
			delete(tables, m[2]+m[3])
			if made := m[1] + m[4]; made != "" {
				tables[made] = true
			}
		}
	}
	named := make(map[string]bool)
	for _, row := range tableRows(page(t, "PRIVACY.md")) {
		if len(row) != 5 || row[0] == "table" {
			continue
		}
		for _, name := range cited.FindAllStringSubmatch(row[0], -1) {
			if named[name[1]] {
				t.Errorf("%s has two rows", name[1])
			}
			named[name[1]] = true
			if !tables[name[1]] {
				t.Errorf("%s is no table", name[1])
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if !named[name] {
			t.Errorf("%s has no row: say what of a person it holds, for how long, and who reads it", name)
		}
	}
}

// dangerous are packages that the product does without, each with the folders where it may
// be: those that start programs, read memory as they like, fill in templates, read formats
// that choose types, or hold hashes and ciphers that are broken.
var dangerous = map[string][]string{
	"os/exec": {"internal/leak/"}, // git, for openwearables scan --history
	"unsafe":  {"gen/", "clients/go/filelock_windows.go"},
	"C":       nil, "plugin": nil, "text/template": nil, "html/template": nil, "encoding/gob": nil,
	"encoding/xml": {"internal/workoutfile/"}, // Apple Health, for openwearables workout import
	"net/smtp":     nil, "math/rand": nil, "crypto/md5": nil, "crypto/des": nil, "crypto/rc4": nil,
	"crypto/sha1": {"internal/redis/"}, // the protocol names scripts by it
}

var imported = regexp.MustCompile(`(?m)^(?:import)?\s+(?:[\w.]+ )?"([^"]+)"$`)

// TestDangerousPackagesStayOut holds the product to that. Its tests, its workshop and its
// examples may do as they like.
func TestDangerousPackagesStayOut(t *testing.T) {
	seen := 0
	for _, file := range tracked(t, root, "*.go") {
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "internal/dev/") || strings.HasPrefix(file, "clients/go/examples/") ||
			strings.HasPrefix(file, "clients/swift/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(text), "\nfunc ")
		for _, m := range imported.FindAllStringSubmatch(head, -1) {
			seen++
			where, is := dangerous[m[1]]
			if is && !slices.ContainsFunc(where, func(folder string) bool { return strings.HasPrefix(file, folder) }) {
				t.Errorf("%s imports %s", file, m[1])
			}
		}
	}
	if seen < 500 {
		t.Errorf("only %d imports found", seen)
	}
}
