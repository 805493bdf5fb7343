package auth

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// layers are the files of this package, from the lowest: nouns and ports,
// collaborators, services, composition.
var layers = []string{
	`doc error validate subject change email config network caller principal lastuse overlap application developer key session user userlist page
		signingkey replay refresh rotation minting counts store peers settle device login eventlist keylist webhook setup invitation pairing usersession
		access verification imported mirror requirement adoption`,
	"cache lastuses sessionqueue signer credentials buckets passwords trail replays issuer finder revoker recognizer importedsecrets knownusers mirrors mirrorsyncs",
	"authenticator limiter logins sessions refreshtokens developers operator keys applications users mirrored tokens usersessions audits leaks verifications introspection signing webhooks setups team invitations acceptance pairings imports importedaccounts importedsessions importedpairings importedrows adoptions adopter adoptedtokens",
	"auth",
}

func TestNoFileNamesWhatAHigherLayerDeclares(t *testing.T) {
	layer := map[string]int{}
	for height, files := range layers {
		for _, name := range strings.Fields(files) {
			layer[name+".go"] = height
		}
	}
	home := map[string]string{} // of each name of the package
	files := parseFiles(t)
	for file, parsed := range files {
		if _, ok := layer[file]; !ok {
			t.Errorf("%s is in no layer", file)
		}
		for name := range parsed.Scope.Objects {
			home[name] = file
		}
	}
	for file, parsed := range files {
		for _, used := range parsed.Unresolved { // what other files declare
			if to := home[used.Name]; to != "" && layer[to] > layer[file] {
				t.Errorf("%s names %s, which %s declares in a higher layer", file, used.Name, to)
			}
		}
	}
}

func parseFiles(t *testing.T) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		if files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
