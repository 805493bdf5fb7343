package rules

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The longest function and file of hand-written code, in lines.
const (
	maxFunction = 80
	maxFile     = 400
)

// generated is what no hand wrote: these folders and files have no limit.
var generated = []string{"gen/", "/gen/", "/Generated/", "/Golden/", ".gen.go", ".pb.go"}

// TestLimits holds every hand-written source file of the repository to the
// limits. Functions of TypeScript are counted by its linter, which reads the
// language; its files are counted here.
func TestLimits(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	files := sources(t, root)
	if len(files) < 100 {
		t.Fatalf("only %d source files found", len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range excesses(file, text) {
			t.Error(v)
		}
	}
}

// TestExceededLimits shows that the limits bite.
func TestExceededLimits(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("\n", n) }
	for _, c := range []struct {
		file, text string
		want       int
	}{
		{"a.go", "package a\n\nfunc f() {" + lines(maxFunction-1) + "}\n", 0},
		{"a.go", "package a\n\nfunc f() {" + lines(maxFunction) + "}\n", 1},
		{"a.go", "package a\n\nvar f = func() {" + lines(maxFunction) + "}\n", 1},
		{"a.go", "package a\n" + lines(maxFile), 1},
		{"a.ts", lines(maxFile), 0},
		{"a.ts", lines(maxFile + 1), 1},
		{"a.swift", "struct A {\n  func f() {\n" + lines(maxFunction-2) + "  }\n}\n", 0},
		{"a.swift", "struct A {\n  func f() {\n" + lines(maxFunction) + "  }\n}\n", 1},
		{"a.swift", "struct A {\n  public init(\n    _ a: Int\n  ) {\n" + lines(maxFunction) + "  }\n}\n", 1},
	} {
		if found := excesses(c.file, []byte(c.text)); len(found) != c.want {
			t.Errorf("%s of %d lines: %q, want %d", c.file, strings.Count(c.text, "\n"), found, c.want)
		}
	}
}

// sources lists the hand-written source files that git tracks or would track,
// relative to root.
func sources(t *testing.T, root string) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.go", "*.ts", "*.mjs", "*.swift", "*.py", "*.sh")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	return slices.DeleteFunc(strings.Fields(string(out)), func(file string) bool {
		_, err := os.Stat(filepath.Join(root, file))
		return err != nil || slices.ContainsFunc(generated, func(part string) bool {
			return strings.HasPrefix(file, part) || part != "gen/" && strings.Contains(file, part)
		})
	})
}

// excesses names what is longer than its limit in one file.
func excesses(file string, text []byte) []string {
	var found []string
	if n := bytes.Count(text, []byte("\n")); n > maxFile {
		found = append(found, fmt.Sprintf("%s has %d lines, more than %d: give each noun a file of its own", file, n, maxFile))
	}
	for _, f := range functions(file, text) {
		if f.lines > maxFunction {
			found = append(found, fmt.Sprintf("%s:%d: a function of %d lines, more than %d", file, f.start, f.lines, maxFunction))
		}
	}
	return found
}

// function is where a function begins and how many lines it has, both ends
// included.
type function struct{ start, lines int }

func functions(file string, text []byte) []function {
	switch filepath.Ext(file) {
	case ".go":
		return goFunctions(file, text)
	case ".swift":
		return swiftFunctions(text)
	default:
		return nil
	}
}

func goFunctions(file string, text []byte) []function {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil // the compiler says so
	}
	var found []function
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			start := set.Position(n.Pos()).Line
			found = append(found, function{start, set.Position(n.End()).Line - start + 1})
		}
		return true
	})
	return found
}

// swiftFunctions relies on the formatter, which closes a function with a brace at
// the indentation of the line that begins it.
func swiftFunctions(text []byte) []function {
	var found []function
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		code := strings.TrimLeft(line, " ")
		if !strings.Contains(code, "func ") && !strings.Contains(code, "init(") || strings.HasPrefix(code, "//") || strings.HasSuffix(code, "}") {
			continue
		}
		end := line[:len(line)-len(code)] + "}"
		for j := i + 1; j < len(lines); j++ {
			if lines[j] == end {
				found = append(found, function{i + 1, j - i + 1})
				break
			}
			if rest := strings.TrimLeft(lines[j], " "); rest != "" && len(lines[j])-len(rest) < len(line)-len(code) {
				break // a declaration without a body
			}
		}
	}
	return found
}
