package rules

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReviewsAreOfFiles holds that what CONTRIBUTING says of reviews is of files that there
// are, and that it explains whom CODEOWNERS asks.
func TestReviewsAreOfFiles(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	_, section, _ := strings.Cut(read("CONTRIBUTING.md"), "\n## Review\n")
	section, _, _ = strings.Cut(section, "\n## ")
	paths := 0
	for _, row := range tableRows(section) {
		for _, path := range cited.FindAllStringSubmatch(row[0], -1) {
			paths++
			if _, err := os.Stat(filepath.Join(root, path[1])); err != nil {
				t.Error(err)
			}
		}
	}
	if paths < 10 {
		t.Errorf("only %d paths found", paths)
	}
	for line := range strings.Lines(read(".github/CODEOWNERS")) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		for _, owner := range fields[1:] {
			if !strings.Contains(section, "`"+owner+"`") {
				t.Errorf("CONTRIBUTING does not say who %s is", owner)
			}
		}
		if len(fields) < 2 || fields[0] != "*" {
			t.Errorf("CODEOWNERS gives %q to %q: the maintainers have everything", fields[0], fields[1:])
		}
	}
}

// TestWorkflowsMakeTargets holds that the workflows run targets of the Makefile, and
// nothing that a developer could not run.
func TestWorkflowsMakeTargets(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):`).FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, m[1])
	}
	workflows, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
	if err != nil || len(workflows) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	for _, file := range workflows {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		made := regexp.MustCompile(`run: make (.*)`).FindAllStringSubmatch(string(text), -1)
		if len(made) == 0 {
			t.Errorf("%s makes nothing", file)
		}
		matrix := regexp.MustCompile(`(?m)^ +target: \[(.*)\]$`).FindStringSubmatch(string(text))
		for _, m := range made {
			for _, target := range strings.Fields(strings.ReplaceAll(m[1], "${{ matrix.target }}", "")) {
				if !slices.Contains(targets, target) {
					t.Errorf("%s makes %s, which the Makefile has not", file, target)
				}
			}
		}
		if matrix == nil {
			continue
		}
		for target := range strings.SplitSeq(matrix[1], ", ") {
			if !slices.Contains(targets, target) {
				t.Errorf("%s makes %s, which the Makefile has not", file, target)
			}
		}
	}
}
