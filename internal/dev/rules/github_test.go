package rules

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCodeownersFit holds that each line of CODEOWNERS is of files that there are.
func TestCodeownersFit(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	text, err := os.ReadFile(filepath.Join(root, ".github", "CODEOWNERS"))
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		lines++
		if len(fields) < 2 || !strings.HasPrefix(fields[1], "@") {
			t.Errorf("%q names nobody", fields[0])
		}
		if _, err := os.Stat(filepath.Join(root, strings.Trim(fields[0], "/"))); fields[0] != "*" && err != nil {
			t.Errorf("%s fits no file: %v", fields[0], err)
		}
	}
	if lines < 5 {
		t.Errorf("only %d lines found", lines)
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
