package release_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/openwearables/openwearables/server"
)

// goes runs the Go command in a folder outside of every repository. The address of this one
// leads it to the remote, and it has a module cache of its own, since nobody fetches a
// version twice. The modules of others come from the usual cache, as far as it has them.
func (tr tree) goes(remote, folder string, args ...string) string {
	tr.t.Helper()
	settings := "[url \"file://" + remote + "\"]\n\tinsteadOf = https://github.com/openwearables/openwearables\n"
	if err := os.WriteFile(tr.path("gitconfig"), []byte(settings), 0o600); err != nil {
		tr.t.Fatal(err)
	}
	usual := strings.Fields(tr.ok("go", "env", "GOMODCACHE", "GOPROXY"))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := tr.command(ctx, "go", args...)
	cmd.Dir = folder
	// Built as the release is, so that packages of others are in the build cache.
	cmd.Env = append(cmd.Env, "GOWORK=off", "GOENV=off", "GOAMD64=v1", "GOEXPERIMENT=", "CGO_ENABLED=0",
		"GOFLAGS=-trimpath -modcacherw -ldflags=-s -ldflags=-w", "GOBIN="+tr.path("bin"), "GOMODCACHE="+tr.path("modules"),
		"GOPROXY=file://"+usual[0]+"/cache/download,"+usual[1], "GOPRIVATE=github.com/openwearables", "GONOSUMDB=*",
		"GIT_CONFIG_GLOBAL="+tr.path("gitconfig"), "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		tr.t.Fatalf("go %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// app is a program on the SDK, which says the version of that, and whether a call that was
// given up fails.
const app = `package main

import (
	"context"
	"fmt"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

func main() {
	ow, err := openwearables.New("http://127.0.0.1:1", openwearables.WithAPIKey("ow_live_x"))
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = ow.Users.Get(ctx, "x")
	fmt.Println(openwearables.Version, err != nil)
}
`

// wantGoInstall checks that the tags are what "go install" and "go get" look for, for those
// who have no clone.
func (tr tree) wantGoInstall(remote string) {
	tr.t.Helper()
	const module = "github.com/openwearables/openwearables"
	tr.goes(remote, tr.t.TempDir(), "install", module+"/server/cmd/openwearables@latest")
	if out := tr.ok(tr.path("bin/openwearables"), "version"); out != "openwearables "+server.Version+"\n" {
		tr.t.Errorf("go install makes %q", out)
	}
	folder := tr.t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "main.go"), []byte(app), 0o600); err != nil {
		tr.t.Fatal(err)
	}
	tr.goes(remote, folder, "mod", "init", "example.com/app")
	tr.goes(remote, folder, "get", module+"/clients/go@latest", module+"/clients/go/oauth2@latest")
	if out := tr.goes(remote, folder, "run", "."); out != server.Version+" true\n" {
		tr.t.Errorf("an app on the SDK says %q", out)
	}
	for _, name := range []string{"clients/go", "clients/go/oauth2", "gen/openwearables"} {
		if out := tr.goes(remote, folder, "list", "-m", module+"/"+name); out != module+"/"+name+" v"+server.Version+"\n" {
			tr.t.Errorf("an app gets %q", out)
		}
	}
	if out := tr.goes(remote, folder, "list", "-m", "all"); strings.Contains(out, module+" ") {
		tr.t.Errorf("an app gets the server:\n%s", out)
	}
}

// wantInstallScript checks that the script of README installs what was released.
func (tr tree) wantInstallScript(folder string) {
	tr.t.Helper()
	files := http.FileServer(http.Dir(tr.path(folder)))
	mux := http.NewServeMux()
	for _, path := range []string{"/latest/download/", "/download/v" + server.Version + "/"} {
		mux.Handle(path, http.StripPrefix(path, files))
	}
	web := httptest.NewServer(mux)
	defer web.Close()
	for _, args := range [][]string{nil, {"--version", server.Version}} {
		to := tr.t.TempDir()
		out := tr.ok("sh", append([]string{"server/deploy/install.sh", "--from", web.URL, "--to", to, "--signers", tr.path("signers")}, args...)...)
		head := strings.TrimSpace(tr.ok("git", "rev-parse", "HEAD"))
		if !strings.HasPrefix(out, "openwearables "+server.Version+" of "+head+"\n") {
			tr.t.Errorf("install.sh %q: %s", args, out)
		}
		tr.ok("cmp", filepath.Join(to, "openwearables"), tr.path("openwearables_"+server.Version+"_linux_amd64/openwearables"))
	}
}
