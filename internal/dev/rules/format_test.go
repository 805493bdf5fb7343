package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// formatting are functions that take a format, each with its place among the arguments: of
// the standard library, and every one of the product with a parameter of that name.
var formatting = map[string]int{
	"fmt.Printf": 0, "fmt.Sprintf": 0, "fmt.Errorf": 0, "fmt.Fprintf": 1, "fmt.Appendf": 1,
	"fmt.Scanf": 0, "fmt.Sscanf": 1, "fmt.Fscanf": 1,
	"log.Printf": 0, "log.Fatalf": 0, "log.Panicf": 0,
}

// formats are the formats of one folder of Go files.
type formats struct {
	takes     map[string]int
	constants map[string]bool
}

// TestFormatsAreWrittenInTheSource checks that each format of the product is a constant, so
// that no input is one.
func TestFormatsAreWrittenInTheSource(t *testing.T) {
	set, folders := token.NewFileSet(), make(map[string][]*ast.File)
	for _, file := range tracked(t, root, "*.go") {
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "internal/dev/") {
			continue
		}
		parsed, err := parser.ParseFile(set, filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		folders[filepath.Dir(file)] = append(folders[filepath.Dir(file)], parsed)
	}
	seen := 0
	for _, files := range folders {
		of := formats{takes: make(map[string]int), constants: make(map[string]bool)}
		for _, file := range files {
			ast.Inspect(file, of.collect)
		}
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				if format := of.formatOf(n); format != nil {
					seen++
					if !of.constant(format) {
						t.Errorf("%s: a format that is made while the program runs: write a constant, with %%s for what changes", set.Position(format.Pos()))
					}
				}
				return true
			})
		}
	}
	if seen < 200 {
		t.Errorf("only %d formats found", seen)
	}
}

// collect takes up the constants and the functions that take a format.
func (f formats) collect(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GenDecl:
		for _, spec := range n.Specs {
			if value, is := spec.(*ast.ValueSpec); is && n.Tok == token.CONST {
				for _, name := range value.Names {
					f.constants[name.Name] = true
				}
			}
		}
	case *ast.FuncDecl:
		f.take(n.Name, n.Type)
	case *ast.AssignStmt:
		name, _ := n.Lhs[0].(*ast.Ident)
		if function, is := n.Rhs[0].(*ast.FuncLit); is && name != nil {
			f.take(name, function.Type)
		}
	}
	return true
}

func (f formats) take(name *ast.Ident, of *ast.FuncType) {
	at := 0
	for _, parameter := range of.Params.List {
		for _, p := range parameter.Names {
			if p.Name == "format" {
				f.takes[name.Name] = at
			}
			at++
		}
	}
}

// formatOf returns the format of a call, and nil of what takes none.
func (f formats) formatOf(n ast.Node) ast.Expr {
	call, _ := n.(*ast.CallExpr)
	if call == nil {
		return nil
	}
	at, takes := 0, false
	switch function := call.Fun.(type) {
	case *ast.Ident:
		at, takes = f.takes[function.Name]
	case *ast.SelectorExpr:
		from, _ := function.X.(*ast.Ident)
		if from != nil {
			at, takes = formatting[from.Name+"."+function.Sel.Name]
		}
		if !takes {
			at, takes = f.takes[function.Sel.Name]
		}
	}
	if !takes || at >= len(call.Args) {
		return nil
	}
	return call.Args[at]
}

// constant tells whether a format is a literal, a constant or of these; or the parameter
// that the callers of the function fill in.
func (f formats) constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.Ident:
		return e.Name == "format" || f.constants[e.Name]
	case *ast.BinaryExpr:
		return f.constant(e.X) && f.constant(e.Y)
	}
	return false
}
