package openwearables_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
)

// Every example builds in a clean clone, which it leaves as it was, and the commands of its
// page do what the page says.
func TestExamplesDoWhatTheirPagesSay(t *testing.T) {
	t.Parallel()
	root := cleanClone(t)
	before := contents(t, root)
	index, err := os.ReadFile(filepath.Join("examples", "README.md"))
	check(t, err)
	checks := map[string]func(*testing.T, example){
		"backend": tryBackend, "cli": tryCLI, "tokenprovider": tryTokenProvider, "events": tryEvents, "opentelemetry": tryOpenTelemetry,
	}
	folders, err := os.ReadDir("examples")
	check(t, err)
	var examples []example
	bin := t.TempDir()
	for _, f := range folders {
		name := f.Name()
		if !f.IsDir() {
			continue
		}
		if !bytes.Contains(index, []byte("("+name+"/README.md)")) || checks[name] == nil {
			t.Fatalf("examples/README.md or this test lacks %s", name)
		}
		e := example{name, filepath.Join(bin, name), pageCommands(t, name)}
		examples = append(examples, e)
		in, env := root, "GOWORK="
		if _, err := os.Stat(filepath.Join("examples", name, "go.mod")); err == nil { // a module of its own
			in, env = filepath.Join(root, "clients", "go", "examples", name), "GOWORK=off"
		}
		folder, err := filepath.Rel(in, filepath.Join(root, "clients", "go", "examples", name))
		check(t, err)
		goIn(t, in, env, "vet", "./"+folder)
		goIn(t, in, env, "build", "-o", e.program, "./"+folder)
	}
	goIn(t, root, "GOWORK=", "list", "-m", "all")
	after := contents(t, root)
	for name := range after {
		if after[name] != before[name] {
			t.Errorf("a command changes %s", name)
		}
	}
	t.Run("run", func(t *testing.T) {
		for _, e := range examples {
			t.Run(e.name, func(t *testing.T) {
				t.Parallel()
				checks[e.name](t, e)
			})
		}
	})
}

// cleanClone returns a folder with the files that git has or would have of what the examples
// are built from.
func cleanClone(t *testing.T) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard", "--",
		"go.mod", "go.sum", "go.work", "go.work.sum", "clients/go", "gen/openwearables")
	list.Dir = filepath.Join("..", "..")
	out, err := list.Output()
	check(t, err)
	root := t.TempDir()
	for _, name := range strings.Fields(string(out)) {
		raw, err := os.ReadFile(filepath.Join(list.Dir, name))
		if os.IsNotExist(err) {
			continue
		}
		check(t, err)
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700))
		check(t, os.WriteFile(filepath.Join(root, name), raw, 0o600))
	}
	return root
}

func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	check(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		files[path] = string(raw)
		return err
	}))
	return files
}

func goIn(t *testing.T, dir, env string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// example is a built example with the commands of its page.
type example struct {
	name, program string
	commands      []string
}

var shellSnippet = regexp.MustCompile("(?s)```sh\n(.*?)```")

func pageCommands(t *testing.T, name string) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("examples", name, "README.md"))
	check(t, err)
	found := shellSnippet.FindAllSubmatch(page, -1)
	if len(found) != 1 {
		t.Fatalf("the page of %s has %d blocks of commands", name, len(found))
	}
	commands := strings.Split(strings.TrimSpace(string(found[0][1])), "\n")
	if len(commands) != 3 || commands[0] != "go run ./server/cmd/openwearables serve --dev" || bytes.Count(page, []byte("\n")) > 20 {
		t.Fatalf("the page of %s is not short, with three commands: %q", name, commands)
	}
	return commands
}

// running is a program that a command started.
type running struct {
	*exec.Cmd
	out    *buffer
	ended  chan struct{}
	result error
}

// start runs a command of a page: with the built example in the place of go run, this test's
// server in that of the first command, and listen in that of the example's address.
func (e example) start(t *testing.T, command, listen string, env ...string) *running {
	t.Helper()
	goRun := "go run ./clients/go/examples/" + e.name
	command = strings.NewReplacer(goRun, e.program, "GOWORK=off go run .", e.program, "127.0.0.1:9000", listen, "http://localhost:8000", world.url).Replace(command)
	r := &running{Cmd: exec.CommandContext(t.Context(), "sh", "-c", "exec env "+command), out: new(buffer), ended: make(chan struct{})}
	r.Env = append(append(os.Environ(), "OPENWEARABLES_BASE_URL="+world.url, "LISTEN="+listen), env...)
	r.Stdout, r.Stderr = r.out, r.out
	check(t, r.Start())
	go func() {
		defer close(r.ended)
		r.result = r.Wait()
	}()
	t.Cleanup(func() {
		_ = r.Process.Kill()
		<-r.ended
	})
	return r
}

// wait waits until the program ends, and returns what it printed.
func (r *running) wait(t *testing.T) (string, error) {
	t.Helper()
	select {
	case <-r.ended:
		return r.out.text(), r.result
	case <-time.After(time.Minute):
		t.Fatalf("%s does not end", r.Path)
		return "", nil
	}
}

// run runs a command that ends and returns what it printed.
func (e example) run(t *testing.T, command, listen string, env ...string) string {
	t.Helper()
	out, err := e.start(t, command, listen, env...).wait(t)
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	return out
}

// serve starts an example that listens and returns it with its address.
func (e example) serve(t *testing.T, env ...string) (*running, string) {
	t.Helper()
	listen := freeAddress(t)
	r := e.start(t, e.commands[1], listen, env...)
	if !accepts(t, listen, r.ended) {
		t.Fatalf("it does not listen: %s", r.out.text())
	}
	return r, listen
}

// ask sends a request and returns the status and the body of the answer.
func ask(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	check(t, err)
	for pair := range slices.Chunk(header, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	res, err := http.DefaultClient.Do(req)
	check(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	check(t, err)
	return res, string(raw)
}

func tryBackend(t *testing.T, e example) {
	proxy, base := newProxy(t)
	user := newPerson(t).id
	_, key := newKey(t)
	r, listen := e.serve(t, "OPENWEARABLES_BASE_URL="+base, "OPENWEARABLES_API_KEY="+key)
	if out := e.run(t, e.commands[2], listen, "USER_ID="+user); !strings.Contains(out, `"stored":1`) {
		t.Errorf("the upload of the page prints %s", out)
	}
	at := "http://" + listen + "/users/" + user + "/workouts"
	if _, body := ask(t, "GET", at+"?from=2026-03-01&to=2026-03-31", ""); !strings.Contains(body, `"2026-03-01T08:00:00Z"`) {
		t.Errorf("read back: %s", body)
	}
	for body, want := range map[string]struct {
		status int
		says   string
	}{
		`{`:  {400, "JSON array"},
		`[]`: {200, `"stored":0`},
		`[{"id":"run-2","start":"2026-03-01T08:00:00Z","end":"2026-03-01T09:00:00Z"}]`: {200, `"Field":"type"`},
	} {
		if res, got := ask(t, "POST", at, body); res.StatusCode != want.status || !strings.Contains(got, want.says) {
			t.Errorf("%s is answered %d %s", body, res.StatusCode, got)
		}
	}
	if res, got := ask(t, "GET", at+"?from=May&to=June", ""); res.StatusCode != 422 || !strings.Contains(got, "start_date") {
		t.Errorf("wrong dates are answered %d %s", res.StatusCode, got)
	}
	if res, got := ask(t, "GET", strings.Replace(at, user, "4b4c7b0e-0000-4000-8000-000000000000", 1)+"?from=2026-03-01&to=2026-03-31", ""); res.StatusCode != 404 {
		t.Errorf("an unknown user is answered %d %s", res.StatusCode, got)
	}
	proxy.Rules(faultproxy.Rule{Method: "ListWorkouts", Fault: faultproxy.Answer, Status: 503, Code: "unavailable", Headers: map[string]string{"Retry-After": "100"}})
	if res, got := ask(t, "GET", at+"?from=2026-03-01&to=2026-03-31", ""); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("an outage is answered %d %s", res.StatusCode, got)
	}
	proxy.Rules(faultproxy.Rule{Method: "UpsertWorkouts", Fault: faultproxy.HoldAnswer, Times: 1})
	last := make(chan int, 1)
	go func() {
		res, _ := ask(t, "POST", at, `[{"id":"run-3","type":"running","start":"2026-03-03T08:00:00Z","end":"2026-03-03T08:30:00Z"}]`)
		last <- res.StatusCode
	}()
	eventually(t, "the upload is held", func() bool { return proxy.Report().Held == 1 })
	check(t, r.Process.Signal(syscall.SIGTERM))
	eventually(t, "it stops", func() bool { return strings.Contains(r.out.text(), "stopping") })
	proxy.Release()
	if status := <-last; status != 200 {
		t.Errorf("a request that runs when the service is stopped is answered %d", status)
	}
	out, err := r.wait(t)
	if err != nil || !strings.Contains(out, `"openwearables: attempt"`) || secrets.MatchString(out) {
		t.Errorf("it ends with %v: %s", err, out)
	}
}

func tryCLI(t *testing.T, e example) {
	proxy, base := newProxy(t)
	id, _ := newKey(t)
	path := filepath.Join(t.TempDir(), "session.json")
	env := []string{"OPENWEARABLES_BASE_URL=" + base, "SESSION_FILE=" + path, "EMAIL=" + world.email}
	fails := func(command, says string, more ...string) {
		t.Helper()
		if out, err := e.start(t, command, "", append(env, more...)...).wait(t); err == nil || !strings.Contains(out, says) {
			t.Errorf("%s: %v: %s", command, err, out)
		}
	}
	fails(e.commands[2], "nobody is signed in")
	fails(e.commands[1], "password", "PASSWORD=wrong")
	fails(e.program, "usage")
	if out := e.run(t, e.commands[1], "", append(env, "PASSWORD="+world.password)...); !strings.Contains(out, "signed in as "+world.email) {
		t.Errorf("login: %s", out)
	}
	if out := e.run(t, e.commands[2], "", env...); !strings.Contains(out, id) {
		t.Errorf("keys: %s", out)
	}
	raw, err := os.ReadFile(path)
	check(t, err)
	var record map[string]any
	check(t, json.Unmarshal(raw, &record))
	for _, member := range []string{"saved_at", "expires_at"} { // as a day later
		record[member] = record[member].(float64) - 24*60*60*1000
	}
	raw, err = json.Marshal(record)
	check(t, err)
	check(t, os.WriteFile(path, raw, 0o600))
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if out, err := e.start(t, e.commands[2], "", env...).wait(t); err != nil || !strings.Contains(out, id) {
				t.Errorf("two runs at once: %v: %s", err, out)
			}
		})
	}
	both.Wait()
	if n := proxy.Report().Requests["RefreshToken"]; n != 1 {
		t.Errorf("two runs send %d refreshes", n)
	}
	proxy.Rules(faultproxy.Rule{Method: "*", Fault: faultproxy.Reset})
	fails(e.commands[2], "you are still signed in")
	proxy.Rules()
	e.run(t, e.program+" logout", "", env...)
	fails(e.commands[2], "nobody is signed in")
}

func tryTokenProvider(t *testing.T, e example) {
	proxy, base := newProxy(t)
	p := newPerson(t)
	app, err := world.dev.Applications.Create(t.Context(), "example")
	check(t, err)
	env := []string{"OPENWEARABLES_BASE_URL=" + base, "OPENWEARABLES_APP_ID=" + app.Application.GetAppId(), "OPENWEARABLES_APP_SECRET=" + app.Secret.Reveal(), "USER_ID=" + p.id}
	_, listen := e.serve(t, env...)
	at := "http://" + listen + "/ow-token"
	var pair openwearables.TokenPair
	res, body := ask(t, "POST", at, "", "Cookie", "session=demo")
	check(t, json.Unmarshal([]byte(body), &pair))
	c := newClient(t, world.url, openwearables.WithStore(openwearables.MemoryStore()))
	check(t, c.SignIn(t.Context(), pair))
	if u, err := c.Users.Get(t.Context(), p.id); err != nil || u.GetId() != p.id || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("with the pair: %v", err)
	}
	if out := e.run(t, e.commands[2], listen); !strings.Contains(out, `"refresh_token"`) {
		t.Errorf("the command of the page prints %s", out)
	}
	if res, body := ask(t, "POST", at, ""); res.StatusCode != 401 {
		t.Errorf("without a login: %d %s", res.StatusCode, body)
	}
	if res, body := ask(t, "POST", at, "", "Cookie", "session=demo", "Sec-Fetch-Site", "cross-site"); res.StatusCode != 403 {
		t.Errorf("from a page of another site: %d %s", res.StatusCode, body)
	}
	proxy.Rules(faultproxy.Rule{
		Method: "*", Fault: faultproxy.Answer, Status: 429, Code: "resource_exhausted", Reason: "rate_limited", Headers: map[string]string{"Retry-After": "100"},
	})
	if res, body := ask(t, "POST", at, "", "Cookie", "session=demo"); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("beyond a limit: %d %s", res.StatusCode, body)
	}
}

func tryEvents(t *testing.T, e example) {
	p := newPerson(t)
	id, key := newKey(t)
	env := []string{"OPENWEARABLES_API_KEY=" + key, "USER_ID=" + p.id, "EVERY=50ms"}
	r := e.start(t, e.commands[1], "", env...)
	says := func(text string, times int) {
		t.Helper()
		eventually(t, "it says "+text, func() bool { return strings.Count(r.out.text(), text) >= times })
	}
	says("signed in", 1)
	e.run(t, e.commands[2], "", env...)
	says("signed in", 2)
	_, err := world.dev.Keys.Rotate(t.Context(), id, time.Hour)
	check(t, err)
	says("the API key was rotated: replace it", 1)
	check(t, r.Process.Signal(syscall.SIGTERM))
	out, err := r.wait(t)
	if err != nil || secrets.MatchString(out) || strings.Count(out, "was rotated") != 1 {
		t.Errorf("it ends with %v: %s", err, out)
	}
}

func tryOpenTelemetry(t *testing.T, e example) {
	_, key := newKey(t)
	out := e.run(t, e.commands[2], "", "OPENWEARABLES_API_KEY="+key)
	spans := regexp.MustCompile(`trace (\w+)  span (\w+)  parent (\w+)  (.*)\n`).FindAllStringSubmatch(out, -1)
	if len(spans) != 2 {
		t.Fatalf("it prints %s", out)
	}
	call, work := spans[0], spans[1]
	if call[1] != work[1] || call[3] != work[2] || !strings.HasSuffix(call[4], "/openwearables.v1.UserService/ListUsers") || work[4] != "nightly report" {
		t.Errorf("the request is not below the work: %s", out)
	}
}
