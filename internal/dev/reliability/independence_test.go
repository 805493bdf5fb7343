package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestNothingIsSharedWithTheServer: of the product's module, the launchers of
// PostgreSQL and Redis and the name of the commit alone are imported, and those not by
// what records and judges.
func TestNothingIsSharedWithTheServer(t *testing.T) {
	const module = "github.com/openwearables/openwearables/"
	workshop := map[string]bool{module + "internal/dev/service": true, module + "internal/dev/childproc": true, module + "internal/dev/provenance": true}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			own := strings.HasPrefix(name, module+"internal/dev/reliability/")
			judges := filepath.Dir(path) == "check" || filepath.Dir(path) == "record"
			if strings.HasPrefix(name, module) && !own && (judges || !workshop[name]) {
				t.Errorf("%s imports %s", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
