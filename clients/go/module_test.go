package openwearables_test

import (
	"archive/zip"
	"context"
	gover "go/version"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

const ownModules = "github.com/openwearables/openwearables/"

// consumer is the module of an app, which gets its dependencies as every app does: from
// a module proxy. The proxy is a folder with this repository's modules as they are now.
type consumer struct {
	dir, proxy string
	env        []string
}

func newConsumer(t *testing.T) *consumer {
	t.Helper()
	c := &consumer{dir: t.TempDir(), proxy: t.TempDir()}
	c.publish(t, "gen/openwearables")
	c.publish(t, "clients/go", "clients/go/oauth2/", "clients/go/examples/opentelemetry/")
	c.publish(t, "clients/go/oauth2")
	downloaded, configured := goEnv(t, "GOMODCACHE"), goEnv(t, "GOPROXY")
	c.env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -modcacherw -trimpath", "GONOSUMDB=*", "GOMODCACHE="+t.TempDir(),
		"GOPROXY=file://"+c.proxy+",file://"+downloaded+"/cache/download,"+configured)
	c.run(t, "mod", "init", "example.com/app")
	return c
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// publish puts a module of this repository into the proxy, in this version: the files below
// folder that git has or would have, except those of the modules within it.
func (c *consumer) publish(t *testing.T, folder string, except ...string) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard", "--", folder)
	list.Dir = filepath.Join("..", "..")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range strings.Fields(string(out)) {
		raw, err := os.ReadFile(filepath.Join(list.Dir, name))
		within := func(module string) bool { return strings.HasPrefix(name, module) }
		if slices.ContainsFunc(except, within) || os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(name, folder+"/")] = raw
	}
	c.add(t, ownModules+folder, "v"+openwearables.Version, files)
}

// add puts a version of a module into the proxy.
func (c *consumer) add(t *testing.T, module, version string, files map[string][]byte) {
	t.Helper()
	dir := filepath.Join(c.proxy, module, "@v")
	check(t, os.MkdirAll(dir, 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "list"), []byte(version+"\n"), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, version+".info"), []byte(`{"Version":"`+version+`"}`), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, version+".mod"), files["go.mod"], 0o600))
	f, err := os.Create(filepath.Join(dir, version+".zip"))
	check(t, err)
	defer f.Close()
	z := zip.NewWriter(f)
	for name, content := range files {
		w, err := z.Create(path.Join(module+"@"+version, name))
		check(t, err)
		_, err = w.Write(content)
		check(t, err)
	}
	check(t, z.Close())
}

func (c *consumer) write(t *testing.T, name, content string) {
	t.Helper()
	check(t, os.WriteFile(filepath.Join(c.dir, name), []byte(content), 0o600))
}

// run runs a go command in the app's module.
func (c *consumer) run(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// An app that uses the SDK gets two modules of others with it, keeps its own versions of
// what the server uses too, builds nothing of the server, and tests itself without one.
func TestAppKeepsItsOwnVersions(t *testing.T) {
	t.Parallel()
	c := newConsumer(t)
	pinned := map[string]string{
		"github.com/jackc/pgx/v5": "v5.7.2", "github.com/redis/go-redis/v9": "v9.7.0", "google.golang.org/grpc": "v1.70.0",
	}
	imports := "import (\n\tow \"" + ownModules + "clients/go\"\n\towv1 \"" + ownModules + "gen/openwearables/v1\"\n"
	for module, version := range pinned { // only the version counts, so what they hold is not theirs
		c.add(t, module, version, map[string][]byte{"go.mod": []byte("module " + module + "\n"), "a.go": []byte("package a\n")})
		c.run(t, "mod", "edit", "-require", module+"@"+version)
		imports += "\t_ \"" + module + "\"\n"
	}
	c.write(t, "main.go", "package main\n\n"+imports+")\n\nvar _ *owv1.User\n\nfunc main() { _, _ = ow.New(\"https://api.example.com\") }\n")
	c.write(t, "main_test.go", testOfAnApp)
	c.run(t, "mod", "tidy")
	c.run(t, "test", "-vet=off", "./...")
	modules := map[string]string{}
	for line := range strings.Lines(c.run(t, "list", "-m", "all")) {
		module, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		modules[module] = version
	}
	for module, version := range pinned {
		if modules[module] != version {
			t.Errorf("%s is %s, and the app wants %s", module, modules[module], version)
		}
		delete(modules, module)
	}
	for _, expected := range []string{
		"example.com/app", ownModules + "clients/go", ownModules + "gen/openwearables", "connectrpc.com/connect", "google.golang.org/protobuf",
		"github.com/google/go-cmp", "github.com/golang/protobuf", // of protobuf
	} {
		if _, ok := modules[expected]; !ok {
			t.Errorf("%s is not among the modules", expected)
		}
		delete(modules, expected)
	}
	if len(modules) > 0 {
		t.Errorf("the app also gets %v", modules)
	}
}

// An app in an empty folder gets the SDK and its oauth2 by one command each, which needs
// nothing that its go.mod does not come to say, and no newer Go than the page claims. Its
// tests run against the fake.
func TestAppInAnEmptyFolder(t *testing.T) {
	t.Parallel()
	c := newConsumer(t)
	c.run(t, "get", ownModules+"clients/go@latest")
	c.run(t, "get", ownModules+"clients/go/oauth2@latest")
	c.write(t, "main.go", programWithOAuth2)
	c.write(t, "main_test.go", testOfAnApp)
	c.run(t, "mod", "tidy")
	for _, command := range []string{"vet", "build", "test"} {
		c.run(t, command, "-mod=readonly", "./...")
	}
	readme, err := os.ReadFile("README.md")
	check(t, err)
	needs := strings.TrimSpace(c.run(t, "list", "-m", "-f", "{{.GoVersion}}", ownModules+"clients/go"))
	if claim := "It needs Go " + strings.TrimSuffix(needs, ".0") + "."; !strings.Contains(string(readme), claim) {
		t.Errorf("README.md does not say %q", claim)
	}
	for line := range strings.Lines(c.run(t, "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.GoVersion}}{{end}}{{end}}", "./...")) {
		if _, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok && gover.Compare("go"+version, "go"+needs) > 0 {
			t.Errorf("%s needs a newer Go", line)
		}
	}
}

// An app gets the SDK from a clone by the commands of the page.
func TestAppOfAClone(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	check(t, err)
	clone, err := filepath.Abs(filepath.Join("..", ".."))
	check(t, err)
	c := &consumer{dir: t.TempDir(), env: append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CLONE="+clone)}
	c.run(t, "mod", "init", "example.com/app")
	for _, block := range shellSnippet.FindAllSubmatch(readme, -1) {
		if script := string(block[1]); strings.HasPrefix(script, "go mod edit -replace") {
			cmd := exec.CommandContext(t.Context(), "sh", "-ec", script)
			cmd.Dir, cmd.Env = c.dir, c.env
			out, err := cmd.CombinedOutput()
			check(t, err)
			if len(out) > 0 {
				t.Errorf("it prints %s", out)
			}
		}
	}
	c.write(t, "main.go", string(goSnippet.FindSubmatch(readme)[1]))
	c.run(t, "mod", "tidy")
	c.run(t, "vet", "./...")
}

const programWithOAuth2 = `package main

import (
	"context"
	"fmt"

	ow "github.com/openwearables/openwearables/clients/go"
	owoauth2 "github.com/openwearables/openwearables/clients/go/oauth2"
	"golang.org/x/oauth2"
)

func main() {
	c, err := ow.New("https://api.example.com", ow.WithStore(ow.MemoryStore()))
	if err != nil {
		panic(err)
	}
	fmt.Println(oauth2.NewClient(context.Background(), owoauth2.TokenSource(context.Background(), c)) != nil)
}
`

const testOfAnApp = `package main

import (
	"testing"

	ow "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/openwearablestest"
)

func TestAgainstTheFake(t *testing.T) {
	s := openwearablestest.NewServer()
	defer s.Close()
	c, err := ow.New(s.URL, ow.WithAPIKey(s.NewAPIKey()))
	if err != nil {
		t.Fatal(err)
	}
	id := s.NewUser("u-1")
	s.Fail(1, openwearablestest.Fault{Drop: true}, "GetUser")
	if u, err := c.Users.Get(t.Context(), id); err != nil || u.GetExternalUserId() != "u-1" {
		t.Error(u, err)
	}
	s.Fail(3, openwearablestest.Fault{Status: 503}, "GetUser")
	if _, err := c.Users.Get(t.Context(), id); !ow.IsUnavailable(err) {
		t.Error(err)
	}
}
`
