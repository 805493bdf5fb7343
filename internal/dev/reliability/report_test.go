package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// TestFullRunGoesOnWhereItWasInterrupted, and forgets nothing that was broken.
func TestFullRunGoesOnWhereItWasInterrupted(t *testing.T) {
	folder := t.TempDir()
	commit := "one"
	begin := func() *report {
		r := &report{root: folder, commit: commit, tier: "full", kept: filepath.Join(folder, "rows.json")}
		if err := r.load(); err != nil {
			t.Fatal(err)
		}
		return r
	}
	one := func(name string, on stack.Shape, result, measured string) row {
		return row{Name: name, On: on.Name, Result: result, Measured: measured}
	}
	for _, next := range []row{
		one("soak", stack.PG3, proved, "first"),
		one("kill", stack.PG1, broken, "1 broken"),
		one("kill", stack.PG1, failed, "nothing"),
		one("kill", stack.PG1, proved, "second"),
		one("kill", stack.PG1, proved, "third"),
		one("single-use", stack.PG1, proved, "fourth"),
	} {
		if err := begin().add(next); err != nil {
			t.Fatal(err)
		}
	}
	r := begin()
	var told []string
	for _, row := range r.rows {
		told = append(told, row.told())
	}
	if want := []string{"fourth", "third; run again after (BROKEN: 1 broken); run again after (ERROR: nothing)", "first"}; !slices.Equal(told, want) {
		t.Errorf("kept %q, not %q", told, want)
	}
	if r.broken() || len(r.rows) == everything() {
		t.Error("three rows are broken, or all that there is")
	}
	if err := begin().add(one("kill", stack.PG1, broken, "fifth")); err != nil || !begin().broken() {
		t.Errorf("a later break does not count: %v", err)
	}
	if text := begin().table(); !strings.Contains(text, "fifth; run again after") {
		t.Errorf("the table does not tell:\n%s", text)
	}
	if commit = "another"; len(begin().rows) != 0 {
		t.Error("the rows of another commit are kept")
	}
	commit += dirty
	if err := begin().add(one("kill", stack.PG1, proved, "sixth")); err != nil || len(begin().rows) != 0 {
		t.Errorf("the rows of no commit are kept: %v", err)
	}
}
