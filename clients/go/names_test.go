package openwearables_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// nameRow is a row of clients/testdata/names.json.
type nameRow struct {
	Of, Name, Go, TypeScript, Swift, Why string
}

// The names of this package are those of the table that all SDKs share: each reason, kind,
// event, predicate and call is in it, with its value, and nothing in it is missing here.
func TestNamesAreThoseOfEverySDK(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "names.json"))
	check(t, err)
	var rows []nameRow
	check(t, json.Unmarshal(raw, &rows))
	declared := exported(t)
	tabled, seen := map[string]bool{}, map[nameRow]bool{}
	for _, r := range rows {
		id := nameRow{Of: r.Of, Name: r.Name}
		if seen[id] || r.Name == "" || r.Why == "" && (r.Go == "" || r.TypeScript == "" || r.Swift == "") {
			t.Errorf("there are two of it, or it does not say why a language lacks it: %+v", r)
		}
		seen[id] = true
		if r.Go == "" {
			continue
		}
		tabled[r.Go] = true
		value, ok := declared[r.Go]
		if !ok {
			t.Errorf("there is no %s: %+v", r.Go, r)
		}
		if valued := slices.Contains([]string{"kind", "reason", "event"}, r.Of); valued && value != r.Name {
			t.Errorf("%s is %q: %+v", r.Go, value, r)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		service, _, isMethod := strings.Cut(name, ".")
		for _, prefix := range []string{"Kind", "Reason", "Event", "Is"} {
			tail := strings.TrimPrefix(name, prefix)
			if tail != name && tail != "" && 'A' <= tail[0] && tail[0] <= 'Z' && !isMethod && !tabled[name] && !slices.Contains([]string{"KindOf", "EventType"}, name) {
				t.Errorf("clients/testdata/names.json lacks %s", name)
			}
		}
		if isMethod && services()[service] && !tabled[name] {
			t.Errorf("clients/testdata/names.json lacks %s", name)
		}
	}
}

// services returns the services of a client.
func services() map[string]bool {
	names := map[string]bool{}
	client := reflect.TypeFor[openwearables.Client]()
	for i := range client.NumField() {
		if f := client.Field(i); f.IsExported() {
			names[f.Name] = true
		}
	}
	return names
}

// exported returns what the package exports, methods and fields as Type.Name, with the
// values of constants that are text.
func exported(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	check(t, err)
	names := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, parser.SkipObjectResolution)
		check(t, err)
		for _, d := range parsed.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[receiver(d)+d.Name.Name] = ""
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					exportedSpec(names, spec)
				}
			}
		}
	}
	maps.DeleteFunc(names, func(name, _ string) bool {
		of, member, isMember := strings.Cut(name, ".")
		return !ast.IsExported(of) || isMember && !ast.IsExported(member)
	})
	return names
}

func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	if p, ok := of.(*ast.StarExpr); ok {
		of = p.X
	}
	if id, ok := of.(*ast.Ident); ok {
		return id.Name + "."
	}
	return "_." // of a generic type, none of which is exported
}

func exportedSpec(names map[string]string, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		names[s.Name.Name] = ""
		if fields, ok := s.Type.(*ast.StructType); ok {
			for _, f := range fields.Fields.List {
				for _, name := range f.Names {
					names[s.Name.Name+"."+name.Name] = ""
				}
			}
		}
	case *ast.ValueSpec:
		for i, name := range s.Names {
			names[name.Name] = ""
			if i < len(s.Values) {
				if text, ok := s.Values[i].(*ast.BasicLit); ok {
					names[name.Name], _ = strconv.Unquote(text.Value)
				}
			}
		}
	}
}
