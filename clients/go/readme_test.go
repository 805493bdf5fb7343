package openwearables_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// programLimit is the time limit of all programs that a test builds and runs.
const programLimit = 5 * time.Minute

var goSnippet = regexp.MustCompile("(?s)```go\n(.*?)```")

// Every Go code block of the README is a program that compiles and does what the text
// says.
func TestReadmeProgramsDoWhatTheTextSays(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	p := newPerson(t)
	_, key := newKey(t)
	app, err := world.dev.Applications.Create(t.Context(), "readme")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), programLimit)
	defer cancel()
	env := []string{
		"OPENWEARABLES_BASE_URL=" + world.url, "OPENWEARABLES_API_KEY=" + key,
		"OPENWEARABLES_APP_ID=" + app.Application.GetAppId(), "OPENWEARABLES_APP_SECRET=" + app.Secret.Reveal(),
		"USER_ID=" + p.id, "STATE=" + t.TempDir(), "EMAIL=" + world.email, "PASSWORD=" + world.password,
	}
	snippets := goSnippet.FindAllSubmatch(readme, -1)
	expect := []func(*testing.T, *exec.Cmd){
		prints(p.id), func(t *testing.T, c *exec.Cmd) { servesTokens(t, c, p.id) },
		prints("signed in as " + world.email), prints("<nil>"),
	}
	if len(snippets) != len(expect) {
		t.Fatalf("%d snippets, %d expectations", len(snippets), len(expect))
	}
	for i, s := range snippets {
		source := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(source, s[1], 0o600); err != nil {
			t.Fatal(err)
		}
		program := strings.TrimSuffix(source, ".go")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, source).CombinedOutput(); err != nil {
			t.Fatalf("snippet %d: %v\n%s", i+1, err, out)
		}
		cmd := exec.CommandContext(ctx, program)
		cmd.Env = append(os.Environ(), env...)
		expect[i](t, cmd)
	}
}

func prints(want string) func(*testing.T, *exec.Cmd) {
	return func(t *testing.T, c *exec.Cmd) {
		t.Helper()
		if out, err := c.CombinedOutput(); err != nil || !bytes.Contains(out, []byte(want)) {
			t.Errorf("%v: prints %q, want %q", err, out, want)
		}
	}
}

// servesTokens checks that the pair that the backend returns is a session.
func servesTokens(t *testing.T, c *exec.Cmd, user string) {
	t.Helper()
	listen := startListening(t, c)
	provider := func(ctx context.Context, _ openwearables.TokenRequest) (pair openwearables.TokenPair, err error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+listen+"/ow-token", nil)
		if err != nil {
			return pair, err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return pair, err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return pair, err
		}
		return pair, json.Unmarshal(body, &pair)
	}
	app := newClient(t, world.url, openwearables.WithTokenProvider(provider))
	if u, err := app.Users.Get(t.Context(), user); err != nil || u.GetId() != user {
		t.Errorf("with the backend's pair: %v", err)
	}
}

// startListening starts a program that listens on $LISTEN and returns the address.
// If another process takes the port first, it tries another port.
func startListening(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	for range 3 {
		listen := freeAddress(t)
		attempt := exec.CommandContext(t.Context(), c.Path)
		attempt.Env, attempt.Stderr = append(c.Env, "LISTEN="+listen), os.Stderr
		if err := attempt.Start(); err != nil {
			t.Fatal(err)
		}
		exited := make(chan struct{})
		go func() {
			_ = attempt.Wait()
			close(exited)
		}()
		t.Cleanup(func() {
			_ = attempt.Process.Kill()
			<-exited
		})
		if accepts(t, listen, exited) {
			return listen
		}
	}
	t.Fatal("the program ends before it listens")
	return ""
}

// accepts waits until a connection to the address succeeds, or exited is closed.
func accepts(t *testing.T, listen string, exited <-chan struct{}) (up bool) {
	t.Helper()
	eventually(t, "the program listens or ends", func() bool {
		select {
		case <-exited:
			return true
		default:
		}
		conn, err := net.DialTimeout("tcp", listen, time.Second)
		if err == nil {
			up = true
			_ = conn.Close()
		}
		return up
	})
	return up
}

// freeAddress returns an address of loopback that the system gives to nobody: the
// host is one of 16 million, where there are so many.
func freeAddress(t *testing.T) string {
	t.Helper()
	host := "127.0.0.1"
	if runtime.GOOS == "linux" {
		host = fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	}
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// An empty module that uses this package builds connect, protobuf and nothing of
// the server, and needs the sums of nothing else when it is tidied.
func TestUsersOfThePackageGetNothingOfTheServer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), programLimit)
	defer cancel()
	dir := t.TempDir()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/openwearables/openwearables"
	write := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("mod", "init", "example.com/empty")
	write("go.sum", sums)
	run("mod", "edit", "-replace", module+"="+root, "-require", module+"@v0.0.0")
	write("main.go", []byte("package main\n\nimport ow \""+module+"/clients/go\"\n\nfunc main() { _, _ = ow.New(\"https://api.example.com\") }\n"))
	run("mod", "tidy")
	run("vet", "./...")
	allowed := []string{"connectrpc.com/connect", "google.golang.org/protobuf", module + "/clients/go", module + "/gen/openwearables/", "example.com/empty"}
	for _, p := range strings.Fields(run("list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./...")) {
		if !beginsWithAny(p, allowed) {
			t.Errorf("builds %s", p)
		}
	}
	tidied, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	allowed = append(allowed, "github.com/google/go-cmp ") // for the tests of protobuf
	for line := range strings.Lines(string(tidied)) {
		if !beginsWithAny(line, allowed) {
			t.Errorf("needs the sum of %s", line)
		}
	}
}

func beginsWithAny(s string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}
