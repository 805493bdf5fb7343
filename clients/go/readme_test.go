package openwearables_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	gotoken "go/token"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
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
	endpoint, err := world.dev.Webhooks.Create(t.Context(), &owv1.CreateWebhookEndpointRequest{Url: "http://127.0.0.1:9/", Kinds: []string{openwearables.WebhookAlertOpened}})
	check(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), programLimit)
	defer cancel()
	env := []string{
		"OPENWEARABLES_BASE_URL=" + world.url, "OPENWEARABLES_API_KEY=" + key,
		"OPENWEARABLES_APP_ID=" + app.Application.GetAppId(), "OPENWEARABLES_APP_SECRET=" + app.Secret.Reveal(),
		"WEBHOOK_SECRET=" + endpoint.Secret.Reveal(),
		"USER_ID=" + p.id, "STATE=" + t.TempDir(), "EMAIL=" + world.email, "PASSWORD=" + world.password,
	}
	snippets := goSnippet.FindAllSubmatch(readme, -1)
	expect := []func(*testing.T, *exec.Cmd){
		prints("export OPENWEARABLES_API_KEY=ow_live_"), prints(p.id), prints("running 5200 m"),
		func(t *testing.T, c *exec.Cmd) { servesTokens(t, c, p.id) }, prints("PASS"),
		prints("signed in as " + world.email), receivesAlerts, prints("openwearables.v1.UserService/ListUsers"), prints("<nil>"),
	}
	if len(snippets) != len(expect) {
		t.Fatalf("%d snippets, %d expectations", len(snippets), len(expect))
	}
	for i, s := range snippets {
		cmd := buildSnippet(ctx, t, fmt.Sprintf("snippet %d", i+1), s[1])
		cmd.Env = append(os.Environ(), env...)
		expect[i](t, cmd)
	}
}

// buildSnippet builds a block of Go, which must be formatted, and returns the command that
// runs it.
func buildSnippet(ctx context.Context, t *testing.T, name string, code []byte) *exec.Cmd {
	t.Helper()
	if formatted, err := format.Source(code); err != nil || !bytes.Equal(formatted, code) {
		t.Errorf("%s is not formatted: %v", name, err)
	}
	source, build := filepath.Join(t.TempDir(), "main.go"), []string{"build", "-o"}
	if bytes.Contains(code, []byte("testing.T")) {
		source, build = strings.TrimSuffix(source, ".go")+"_test.go", []string{"test", "-c", "-o"}
	}
	if err := os.WriteFile(source, code, 0o600); err != nil {
		t.Fatal(err)
	}
	program := strings.TrimSuffix(source, ".go")
	if out, err := exec.CommandContext(ctx, "go", append(build, program, source)...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return exec.CommandContext(ctx, program)
}

// guideBlock matches a block of Go of a guide, and its name.
var guideBlock = regexp.MustCompile("(?ms)^```go (\\w+)\n(.*?)^```$")

// Every block of Go in server/docs is a program that does what its page says.
func TestGuidesProgramsDoWhatTheTextSays(t *testing.T) {
	guides, err := filepath.Glob("../../server/docs/*.md")
	if err != nil || len(guides) == 0 {
		t.Fatalf("%d guides, %v", len(guides), err)
	}
	p := newPerson(t)
	_, key := newKey(t)
	start := time.Now().Add(-time.Hour)
	_, err = world.dev.Workouts.Upsert(t.Context(), p.id, &owv1.WorkoutInput{
		ExternalId: "guide", Type: owv1.WorkoutTypeRunning, Source: &owv1.WorkoutSource{Provider: "guide"},
		StartTime: timestamppb.New(start), EndTime: timestamppb.New(start.Add(time.Minute)), DistanceMeters: new(5200.0),
	})
	check(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), programLimit)
	defer cancel()
	expect := map[string]string{"backend read": "5200 m", "backend errors": "there is no such user", "gateway verify": "true valid key:"}
	for _, guide := range guides {
		text, err := os.ReadFile(guide)
		check(t, err)
		for _, block := range guideBlock.FindAllSubmatch(text, -1) {
			name := strings.TrimSuffix(filepath.Base(guide), ".md") + " " + string(block[1])
			want, ok := expect[name]
			if !ok {
				t.Errorf("%s: nobody says what it prints", name)
				continue
			}
			delete(expect, name)
			cmd := buildSnippet(ctx, t, name, block[2])
			cmd.Env = append(os.Environ(), "OPENWEARABLES_BASE_URL="+world.url, "OPENWEARABLES_API_KEY="+key, "USER_ID="+p.id)
			prints(want)(t, cmd)
		}
	}
	if len(expect) > 0 {
		t.Errorf("there are no blocks %q", slices.Sorted(maps.Keys(expect)))
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

// receivesAlerts checks that the program prints an alert that is sent to it, and answers
// so that it is not sent again. It is sent to the newest endpoint.
func receivesAlerts(t *testing.T, c *exec.Cmd) {
	t.Helper()
	ctx, out := t.Context(), new(buffer)
	c.Stdout = out
	listen := startListening(t, c)
	for endpoint, err := range world.dev.Webhooks.List(ctx) {
		check(t, err)
		_, err = world.dev.Webhooks.Update(ctx, &owv1.UpdateWebhookEndpointRequest{Id: endpoint.GetId(), Url: new("http://" + listen + "/alerts")})
		check(t, err)
		defer func() { check(t, world.dev.Webhooks.Delete(ctx, endpoint.GetId())) }()
		tried, err := world.dev.Webhooks.Test(ctx, endpoint.GetId())
		check(t, err)
		if tried.GetLastStatus() != http.StatusNoContent || tried.GetState() != "delivered" {
			t.Errorf("a test message: %v", tried)
		}
		break
	}
	key, err := world.dev.Keys.Create(ctx, &owv1.CreateKeyRequest{})
	check(t, err)
	check(t, world.dev.Audit.ReportCredential(ctx, key.Secret))
	eventually(t, "the program prints the alert", func() bool {
		return strings.Contains(out.text(), " alert.opened leak_reported key:"+key.Key.GetId()+" ")
	})
	res, err := http.Post("http://"+listen+"/alerts", "application/json", strings.NewReader("{}"))
	check(t, err)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("what nobody signed is answered with %d", res.StatusCode)
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
		attempt.Stdout = c.Stdout
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

var inCode = regexp.MustCompile("`([^`]+)`")

// The page names every call of a client and every function of the package, in its tables,
// and none that does not exist.
func TestReadmeNamesEveryMethod(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	named, calls := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(string(readme)) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		for _, code := range inCode.FindAllStringSubmatch(line, -1) {
			named[regexp.MustCompile(`^[\w.]+`).FindString(code[1])] = true
			named[regexp.MustCompile(`With\w+`).FindString(code[1])] = true
		}
	}
	client := reflect.TypeFor[*openwearables.Client]()
	types := map[string]reflect.Type{"Client": client}
	for i := range client.Elem().NumField() {
		if f := client.Elem().Field(i); f.IsExported() {
			types[f.Name] = f.Type
		}
	}
	for name, of := range types {
		for i := range of.NumMethod() {
			calls[name+"."+of.Method(i).Name] = true
		}
	}
	for _, printing := range []string{"String", "GoString", "Format"} {
		delete(calls, "Client."+printing)
	}
	for name := range named {
		if service, _, ok := strings.Cut(name, "."); ok && types[service] != nil && !calls[name] && types[strings.TrimPrefix(name, "Client.")] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(calls)), packageFunctions(t)) {
		if !named[name] {
			t.Errorf("README.md does not name %s", name)
		}
	}
}

// packageFunctions returns the exported functions of the package.
func packageFunctions(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.IsExported() && f.Name.Name != "KindOf" {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}
