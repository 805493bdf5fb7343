package rules

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// permitted is every arrow between packages of the modules in go.work: of these
// packages, a package may import what stands in the first line that matches it,
// and nothing if none does. A pattern that ends in "/..." also matches what is
// below. Tests may import more.
var permitted = []struct{ from, to string }{
	{"clients/go/...", "clients/go/... gen/..."},
	{"gen/...", "gen/..."},

	{"server/cmd/...", "server server/control server/operator server/remote internal/commandline"},
	{"server/remote", "clients/go gen/openwearables/... gen/openapi internal/commandline internal/privatefile internal/workoutfile"},
	{"internal/workoutfile", "gen/openwearables/..."},
	{"server/operator", "server server/control internal/auth internal/cluster internal/credential internal/importer internal/leak internal/load internal/privatefile internal/store"},
	{"server/rest", "server/call gen/openapi internal/alert internal/audit internal/auth internal/event internal/installation internal/jsonbody internal/problem internal/usage"},
	{"server/rpc", "server/call gen/openwearables/... internal/alert internal/audit internal/auth internal/event internal/installation internal/problem internal/usage"},
	{"server/call", "internal/auth internal/problem"},
	{"server/front", "server/rest server/rpc server/call gen/... internal/alert internal/auth internal/credential internal/event internal/failpoint internal/gateway internal/installation internal/jsonbody internal/policy internal/problem internal/ratelimit internal/tracing internal/usage"},
	{"server/control", "internal/auth internal/privatefile internal/problem"},
	{"server", "server/control server/front internal/alert internal/audit internal/auth internal/cluster internal/credential internal/event internal/failpoint internal/gateway internal/installation internal/policy internal/privatefile internal/problem internal/ratelimit internal/store internal/tracing internal/upstream internal/usage internal/webhook"},

	{"internal/store/...", "internal/store/... internal/alert internal/auth internal/cluster internal/event internal/installation internal/audit internal/credential internal/ratelimit internal/failpoint internal/privatefile internal/problem internal/tracing internal/usage internal/webhook"},
	{"internal/event", "internal/auth internal/audit internal/problem"},
	{"internal/alert", "internal/auth internal/audit internal/problem"},
	{"internal/usage", "internal/auth internal/credential internal/problem"},
	{"internal/installation", "internal/auth"},
	{"internal/policy", "internal/auth"},
	{"internal/webhook", "internal/auth internal/credential internal/problem"},
	{"internal/upstream", "internal/auth internal/problem"},
	{"internal/gateway", "internal/auth internal/audit internal/problem internal/upstream"},
	{"internal/auth", "internal/credential internal/audit internal/ratelimit internal/failpoint internal/problem"},
	{"internal/cluster", "internal/privatefile internal/ratelimit internal/redis internal/tracing"},
	{"internal/leak", "internal/credential"},
	{"internal/importer", "internal/auth internal/credential"},

	{"internal/dev/release/...", "internal/dev/release/..."},
	{"internal/dev/service", "internal/dev/childproc"},
	{"internal/dev/provenance", "internal/dev/service"},
	{"internal/dev/bench", "internal/load internal/auth internal/credential internal/usage internal/dev/provenance internal/dev/service internal/dev/childproc gen/openwearables/..."},
	{"internal/dev/pgtest", "internal/dev/service internal/dev/childproc"},
	{"internal/dev/pgserve", "internal/dev/pgtest"},
	{"internal/dev/redistest", "internal/dev/service"},
	{"internal/dev/swiftgen/...", "internal/dev/swiftgen/..."},
	{"internal/dev/tsgen/...", "internal/dev/tsgen/..."},
	{"internal/dev/conformance/...", "internal/dev/conformance/... clients/go/... gen/... server/..."},
}

// forbidden is what a package must not reach by any way through packages of this
// module. A pattern after "!" excepts what it matches.
var forbidden = []struct{ from, to string }{
	{"server/... clients/go/... gen/... internal/... !internal/dev/...", "internal/dev/..."},
	{"clients/go/...", "internal/... server/..."},
	{"server/front", "internal/store/... database/sql/..."},
	{"server/rest", "server/rpc internal/store/... database/sql/..."},
	{"server/rpc", "server/rest internal/store/... database/sql/..."},
	{"internal/auth", "internal/store/... gen/... server/... net/http/... database/sql/..."},
	{"internal/event", "internal/store/... gen/... server/... net/http/... database/sql/..."},
	{"internal/alert", "internal/store/... gen/... server/... net/http/... database/sql/..."},
	{"internal/usage", "internal/store/... gen/... server/... net/http/... database/sql/..."},
	{"internal/installation", "internal/store/... gen/... server/... net/http/... database/sql/..."},
	{"internal/policy", "internal/store/... gen/... server/... net/http/... database/sql/..."},
	{"internal/webhook", "internal/store/... gen/... server/... database/sql/..."},
	{"internal/upstream internal/gateway", "internal/store/... gen/... server/... database/sql/..."},
	{"internal/credential", "net/http/... database/sql/..."},
	{"internal/leak", "net/http/... database/sql/..."},
	{"internal/importer", "internal/store/... server/... net/http/..."},
	{"internal/load", "net/http/... database/sql/..."},
}

// homes are the packages that alone may import a library, in tests too.
var homes = []struct{ library, home string }{
	{"github.com/uptrace/bun/...", "internal/store/..."},
	{"go.opentelemetry.io/otel/...", "internal/tracing"},
}

// imports are the import paths of one package and of its tests, of whatever
// build; the module's own are relative to it.
type imports struct{ code, tests []string }

func TestArrows(t *testing.T) {
	packages := modulePackages(t, filepath.Join("..", "..", ".."))
	for _, in := range []string{"internal/dev/rules", "clients/go", "gen/openwearables/v1"} {
		if _, ok := packages[in]; !ok {
			t.Fatalf("%d packages found, and not %s", len(packages), in)
		}
	}
	for _, v := range violations(packages) {
		t.Error(v)
	}
}

// The rules bite: each of these is what they are there to refuse.
func TestRefusedArrows(t *testing.T) {
	for _, c := range []struct {
		want     string // the package that is named, or "" where all is well
		packages map[string]imports
	}{
		{"", map[string]imports{
			"server/cmd/openwearables": {code: []string{"server", "server/operator", "os"}},
			"server/operator":          {code: []string{"server", "internal/store"}},
			"server":                   {code: []string{"server/front", "internal/store", "net/http"}},
			"server/front":             {code: []string{"server/rest", "server/rpc", "server/call", "internal/auth", "net/http"}},
			"server/rest":              {code: []string{"gen/openapi", "internal/auth", "internal/event", "net/http"}},
			"server/rpc":               {code: []string{"gen/openwearables/v1", "internal/auth", "connectrpc.com/connect"}},
			"internal/store":           {code: []string{"internal/auth", "internal/event", "github.com/uptrace/bun/dialect/sqlitedialect", "database/sql"}},
			"internal/event":           {code: []string{"internal/auth"}},
			"internal/auth":            {code: []string{"internal/credential", "net/netip"}, tests: []string{"internal/store", "net/http"}},
			"clients/go":               {code: []string{"gen/openwearables/v1"}, tests: []string{"server", "internal/dev/pgtest"}},
			"internal/dev/pgtest":      {code: []string{"internal/dev/childproc", "database/sql"}},
		}},
		{"server/cmd/openwearables", map[string]imports{"server/cmd/openwearables": {code: []string{"internal/store"}}}},
		{"server", map[string]imports{"server": {code: []string{"server/rest"}}}},
		{"server/front", map[string]imports{"server/front": {code: []string{"server"}}}},
		{"server/call", map[string]imports{"server/call": {code: []string{"server/front"}}}},
		{"server/front", map[string]imports{"server/front": {code: []string{"internal/store"}}}},
		{"server/front", map[string]imports{"server/front": {code: []string{"server/call"}}, "server/call": {code: []string{"database/sql"}}}},
		{"server", map[string]imports{"server": {code: []string{"server/front"}}, "server/front": {code: []string{"internal/dev/childproc"}}}},
		{"clients/go", map[string]imports{"clients/go": {code: []string{"clients/go/internal/proxy"}}, "clients/go/internal/proxy": {code: []string{"internal/dev/childproc"}}}},
		{"internal/auth", map[string]imports{"internal/auth": {code: []string{"internal/credential"}}, "internal/credential": {code: []string{"internal/dev/redistest"}}}},
		{"server/control", map[string]imports{"server/control": {code: []string{"server"}}}},
		{"server/operator", map[string]imports{"server/operator": {code: []string{"server/front"}}}},
		{"server/rest", map[string]imports{"server/rest": {code: []string{"server/rpc"}}}},
		{"server/rest", map[string]imports{"server/rest": {code: []string{"internal/store"}}}},
		{"server/rpc", map[string]imports{"server/rpc": {code: []string{"server/rest"}}}},
		{"server/rpc", map[string]imports{"server/rpc": {code: []string{"server/call"}}, "server/call": {code: []string{"database/sql"}}}},
		{"internal/store", map[string]imports{"internal/store": {code: []string{"gen/openapi"}}}},
		{"internal/store", map[string]imports{"internal/store": {code: []string{"server"}}}},
		{"internal/event", map[string]imports{"internal/event": {code: []string{"internal/store"}}}},
		{"internal/auth", map[string]imports{"internal/auth": {code: []string{"internal/event"}}}},
		{"internal/auth", map[string]imports{"internal/auth": {code: []string{"net/http"}}}},
		{"internal/auth", map[string]imports{"internal/auth": {code: []string{"database/sql/driver"}}}},
		{"internal/auth", map[string]imports{"internal/auth": {code: []string{"internal/audit"}}, "internal/audit": {code: []string{"net/http/httptest"}}}},
		{"internal/credential", map[string]imports{"internal/credential": {code: []string{"internal/auth"}}}},
		{"internal/usage", map[string]imports{"internal/usage": {tests: []string{"github.com/uptrace/bun"}}}},
		{"server", map[string]imports{"server": {code: []string{"github.com/uptrace/bun"}}}},
		{"server/front", map[string]imports{"server/front": {code: []string{"go.opentelemetry.io/otel/trace"}}}},
		{"clients/go", map[string]imports{"clients/go": {code: []string{"internal/auth"}}}},
		{"clients/go", map[string]imports{"clients/go": {code: []string{"server"}}}},
		{"gen/openapi", map[string]imports{"gen/openapi": {code: []string{"internal/auth"}}}},
		{"internal/novel", map[string]imports{"internal/novel": {code: []string{"internal/auth"}}}},
	} {
		found := violations(c.packages)
		if c.want == "" && len(found) > 0 {
			t.Errorf("refused: %q", found)
		}
		if c.want != "" && (len(found) == 0 || !strings.HasPrefix(found[0], c.want+" ")) {
			t.Errorf("%v: %q", c.packages, found)
		}
	}
}

// violations names what the rules refuse, in the order of the packages.
func violations(packages map[string]imports) []string {
	var found []string
	for _, from := range slices.Sorted(maps.Keys(packages)) {
		p := packages[from]
		for _, to := range p.code {
			if isOwn(to) && !matchesAny(rule(from), to) {
				found = append(found, fmt.Sprintf("%s imports %s: no arrow leads there", from, to))
			}
		}
		for _, to := range append(slices.Clone(p.code), p.tests...) {
			for _, h := range homes {
				if matches(h.library, to) && !matches(h.home, from) {
					found = append(found, fmt.Sprintf("%s imports %s: only %s may", from, to, h.home))
				}
			}
		}
		found = append(found, reached(packages, from)...)
	}
	return found
}

// rule is the patterns of what from may import.
func rule(from string) string {
	for _, r := range permitted {
		if matches(r.from, from) {
			return r.to
		}
	}
	return ""
}

// reached names what from must not reach and does, by the shortest way.
func reached(packages map[string]imports, from string) []string {
	var never string
	for _, r := range forbidden {
		if matchesAny(r.from, from) {
			never += " " + r.to
		}
	}
	var found []string
	way := map[string]string{from: from}
	for queue := []string{from}; never != "" && len(queue) > 0; queue = queue[1:] {
		for _, to := range packages[queue[0]].code {
			if way[to] != "" {
				continue
			}
			way[to] = way[queue[0]] + " -> " + to
			if matchesAny(never, to) {
				found = append(found, way[to]+": must not be reached")
			}
			queue = append(queue, to)
		}
	}
	return found
}

// isOwn reports whether an import path is of these modules: its top level is given.
func isOwn(p string) bool {
	return matchesAny("clients/... gen/... internal/... server/...", p)
}

// matchesAny reports whether p matches one of the patterns and none after "!".
func matchesAny(patterns, p string) bool {
	matched := false
	for _, pattern := range strings.Fields(patterns) {
		except, excepted := strings.CutPrefix(pattern, "!")
		if excepted && matches(except, p) {
			return false
		}
		matched = matched || !excepted && matches(pattern, p)
	}
	return matched
}

func matches(pattern, p string) bool {
	folder, below := strings.CutSuffix(pattern, "/...")
	return p == folder || below && strings.HasPrefix(p, folder+"/")
}

// modulePackages reads the imports of every Go file of the modules below root. It
// reads them in this process, so that a cached result of this test is not taken
// for that of other files.
func modulePackages(t *testing.T, root string) map[string]imports {
	t.Helper()
	prefix := modulePath(t, root) + "/"
	packages := map[string]imports{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(root, file, d.Name())
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		p := packages[filepath.ToSlash(folder)]
		for _, spec := range parsed.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			to = strings.TrimPrefix(to, prefix)
			if strings.HasSuffix(file, "_test.go") {
				p.tests = append(p.tests, to)
			} else {
				p.code = append(p.code, to)
			}
		}
		packages[filepath.ToSlash(folder)] = p
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder, p := range packages {
		slices.Sort(p.code)
		slices.Sort(p.tests)
		packages[folder] = imports{slices.Compact(p.code), slices.Compact(p.tests)}
	}
	return packages
}

// enter skips what the go command skips: hidden folders, fixtures, modules that go.work
// does not name.
func enter(root, folder, name string) error {
	if folder == root {
		return nil
	}
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(folder, "go.mod")); err != nil {
		return nil
	}
	work, err := os.ReadFile(filepath.Join(root, "go.work"))
	if err != nil {
		return err
	}
	inside, err := filepath.Rel(root, folder)
	if err != nil || !strings.Contains(string(work), "\n\t./"+filepath.ToSlash(inside)+"\n") {
		return cmp.Or(err, filepath.SkipDir)
	}
	return nil
}

func modulePath(t *testing.T, root string) string {
	t.Helper()
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(mod), "\n")
	name, ok := strings.CutPrefix(line, "module ")
	if !ok {
		t.Fatalf("go.mod begins with %q", line)
	}
	return name
}
