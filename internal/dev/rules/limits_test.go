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
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The longest function and file of hand-written code, in lines, and the longest
// line of a page, in characters.
const (
	maxFunction = 80
	maxFile     = 400
	maxLine     = 200
)

// generated is what no hand wrote: these folders and files have no limit.
var generated = []string{"gen/", "/gen/", "/Generated/", "/Golden/", "/golden/", "/src/schema/", ".gen.go", ".pb.go"}

// TestLimits holds every hand-written source file of the repository to the
// limits.
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

// TestPages holds the lines of the pages that people read to their limit. The
// reliability trials write RELIABILITY.md.
func TestPages(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	pages := tracked(t, root, "*.md")
	if len(pages) < 5 {
		t.Fatalf("only %d pages found", len(pages))
	}
	for _, page := range pages {
		if page == "server/RELIABILITY.md" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if n := utf8.RuneCountInString(line); n > maxLine {
				t.Errorf("%s:%d: a line of %d characters, more than %d", page, i+1, n, maxLine)
			}
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
		{"a.ts", "export async function f(\n  a: A,\n): B {\n" + lines(maxFunction-4) + "}\n", 0},
		{"a.ts", "export async function f(\n  a: A,\n): B {\n" + lines(maxFunction) + "}\n", 1},
		{"a.ts", "test(\"a\", async () => {\n" + lines(maxFunction) + "});\n", 1},
		{"a.ts", "class A {\n  f() {\n" + lines(maxFunction) + "  }\n}\n", 1},
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

// tracked lists the files that git tracks or would track and that match the
// patterns, relative to root.
func tracked(t *testing.T, root string, patterns ...string) []string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"ls-files", "--cached", "--others", "--exclude-standard", "--"}, patterns...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	return slices.DeleteFunc(strings.Fields(string(out)), func(file string) bool {
		_, err := os.Stat(filepath.Join(root, file))
		return err != nil // it was removed and not committed yet
	})
}

// sources lists the hand-written source files.
func sources(t *testing.T, root string) []string {
	t.Helper()
	files := tracked(t, root, "*.go", "*.ts", "*.mjs", "*.swift", "*.py", "*.sh")
	return slices.DeleteFunc(files, func(file string) bool {
		return slices.ContainsFunc(generated, func(part string) bool {
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
		return indentedFunctions(text, swiftFunction)
	case ".ts", ".mjs":
		return indentedFunctions(text, typeScriptFunction)
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

// The lines that begin a function of more than one line.
var (
	swiftFunction      = regexp.MustCompile(`^ *[^/ ].*\b(func |init\()|^ *(func |init\()`)
	typeScriptFunction = regexp.MustCompile(`\bfunction\b|=> \{$|^ *(async |static |get |set )*[\w$#]+\(.*\{$`)
	typeScriptBlock    = regexp.MustCompile(`^ *(if|for|while|switch|catch)\b`)
)

// indentedFunctions relies on the formatter, which closes a function with a brace at
// the indentation of the line that begins it.
func indentedFunctions(text []byte, begins *regexp.Regexp) []function {
	var found []function
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if !begins.MatchString(line) || typeScriptBlock.MatchString(line) || strings.HasSuffix(line, "}") {
			continue
		}
		indent := len(line) - len(strings.TrimLeft(line, " "))
		for j := i + 1; j < len(lines); j++ {
			code := strings.TrimLeft(lines[j], " ")
			if at := len(lines[j]) - len(code); code == "" || at > indent {
				continue
			} else if at == indent && code[0] == '}' {
				found = append(found, function{i + 1, j - i + 1})
				break
			} else if at < indent || code[0] != ')' {
				break // a declaration without a body
			}
		}
	}
	return found
}
