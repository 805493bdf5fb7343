package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/provenance"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

func result(name string, on stack.Shape, result, measured string) row {
	return row{Name: name, On: on.Name, Result: result, Measured: measured, Sizes: "3 of a|b"}
}

// The page keeps the rows of earlier runs with their commits, and tells of a commit's
// own rows that were broken.
func TestFullRunReplacesItsRows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	run := func(commit string, rows ...row) *report {
		r := &report{page: file, commit: provenance.Commit{Name: commit}, tier: "full"}
		for _, one := range rows {
			if err := r.add(one); err != nil {
				t.Fatal(err)
			}
		}
		return r
	}
	const older, newer = "2026-01-01 10:00 bbb", "2026-01-02 09:00 aaa"
	run(older, result("soak", stack.PG3, proved, "first"), result("kill", stack.PG1, broken, "1 broken (a)"))
	run(older, result("kill", stack.PG1, failed, "nothing\nat all"))
	run(older, result("kill", stack.PG1, proved, "second"))
	r := run(older, result("kill", stack.PG1, proved, "third | fourth"))
	const told = "third / fourth; run again after (BROKEN: 1 broken (a)); run again after (ERROR: nothing at all)"
	want := func(commits string, lines ...string) {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "\n"+commits+" The last run was on ") {
			t.Errorf("the page does not say %q", commits)
		}
		for _, line := range lines {
			if !slices.Contains(strings.Split(string(text), "\n"), line) {
				t.Errorf("the page has no line %q", line)
			}
		}
	}
	want("All rows are of the commit "+older+".",
		"| soak | PG x3 | proved | 3 of a/b | first | "+older+" |",
		"| kill | PG x1 | proved | 3 of a/b | "+told+" | "+older+" |",
		"| usage | SQLite | not yet run |  |  |  |")
	if r.broken() || len(r.rows) != 1 || !strings.Contains(r.table(), "fourth; run again after") {
		t.Errorf("the last run tells\n%s", r.table())
	}
	if r := run(newer, result("kill", stack.PG1, broken, "fifth")); !r.broken() {
		t.Error("a break is none")
	}
	want("The rows are of commits from "+older+" to "+newer+": a row of an older commit says what held at that commit, not since.",
		"| soak | PG x3 | proved | 3 of a/b | first | "+older+" |",
		"| kill | PG x1 | BROKEN | 3 of a/b | fifth | "+newer+" |")
}

// A row of what is no proof any more is dropped; a page that cannot be read is no page
// without rows.
func TestPageIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	begin := "# Reliability\n\nX. The last run was on a machine.\n\n| " + strings.Join(columns, " | ") + " |\n|---|---|---|---|---|---|\n"
	read := func(text string) (page, error) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return readPage(file)
	}
	p, err := read(begin + "| gone | SQLite | proved | 1 | 2 | 3 |\n| soak | PG x9 | proved | 1 | 2 | 3 |\n| soak | SQLite | proved | 1 | 2 | 3 |\n\n| x |\n")
	if err != nil || len(p.rows) != 1 || p.rows[0].Name != "soak" || p.machine != "a machine" {
		t.Errorf("read %+v, %v", p, err)
	}
	if p, err := readPage(filepath.Join(t.TempDir(), "none")); err != nil || len(p.rows) > 0 {
		t.Errorf("no page is %+v, %v", p, err)
	}
	for _, bad := range []string{"# Reliability\n", begin + "| soak | SQLite | proved | 1 | 2 |\n"} {
		if p, err := read(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, p)
		}
	}
}

// The page of the repository is one that the next run goes on with, and has a row for
// each proof.
func TestCommittedPage(t *testing.T) {
	file := filepath.Join("..", "..", "..", filepath.FromSlash(pageFile))
	p, err := readPage(file)
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "again.md")
	if err := p.write(again); err != nil {
		t.Fatal(err)
	}
	committed, err1 := os.ReadFile(file)
	written, err2 := os.ReadFile(again)
	if err1 != nil || err2 != nil || string(committed) != string(written) {
		t.Errorf("the proofs have changed since the page was written: run GOWORK=off go run . -page in this folder (%v, %v)", err1, err2)
	}
}
