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
