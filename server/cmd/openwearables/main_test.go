package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// binary is the program, built once. server is the program that serves: with the
// race detector if the tests have it.
var (
	binary, server string
	serverFlags    []string
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	if database := os.Getenv(bareVariable); database != "" {
		return serveBare(database)
	}
	folder, err := os.MkdirTemp("", "ow")
	if err == nil {
		defer os.RemoveAll(folder)
		binary, err = build(folder, "-trimpath")
		server = binary
	}
	if err == nil && serverFlags != nil {
		server, err = build(filepath.Join(folder, "raced"), serverFlags...)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return pgtest.Main{M: m}.Run()
}

// Limits of waits.
const (
	buildTimeout = 10 * time.Minute
	endTimeout   = 10 * time.Second // for the process to exit
	pipeTimeout  = 5 * time.Second  // for the output of an ended process
)

func build(folder string, flags ...string) (string, error) {
	to := filepath.Join(folder, "openwearables")
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", append(append([]string{"build", "-buildvcs=false", "-o", to}, flags...), ".")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return to, nil
}

// installation is a folder in which the program runs.
type installation struct {
	t      testing.TB
	folder string
	env    []string // the environment of the test, without the variables of the program
}

func install(t testing.TB) *installation {
	t.Helper()
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OPENWEARABLES_") })
	folder := t.TempDir()
	env = append(env, "GORACE=atexit_sleep_ms=0", // else every exit takes a second
		"XDG_STATE_HOME="+filepath.Join(folder, "state"))
	return &installation{t: t, folder: folder, env: env}
}

func (i *installation) path(name string) string { return filepath.Join(i.folder, name) }

// server returns the command that serves on a free port.
func (i *installation) server(args ...string) *exec.Cmd {
	cmd := exec.Command(server, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = i.folder, i.env, pipeTimeout
	return cmd
}

// outcome is the result of a finished run.
type outcome struct {
	status         int
	stdout, stderr string
}

// run runs the program until it exits, for at most a minute.
func (i *installation) run(stdin string, args ...string) outcome {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = i.folder, i.env, pipeTimeout
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited || ctx.Err() != nil {
		i.t.Fatalf("%q did not run to its end: %v\n%s", args, err, &stderr)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// ok runs the program, which must succeed and print nothing on standard error.
// It returns standard output.
func (i *installation) ok(stdin string, args ...string) string {
	i.t.Helper()
	o := i.run(stdin, args...)
	if o.status != 0 || o.stderr != "" {
		i.t.Fatalf("%q ended with %d\n%s%s", args, o.status, o.stdout, o.stderr)
	}
	return o.stdout
}

// process is a running server.
type process struct {
	t              testing.TB
	cmd            *exec.Cmd
	stdout, stderr output
	url            string
	ready          time.Duration // from its start until it is ready
	ended          chan struct{} // closed after its exit
}

var readyLine = regexp.MustCompile(`(?m)^openwearables is ready on (https?://\S+) \(reference: \S+/docs\)$`)

// serve starts the server on a free port and returns when it is ready.
func (i *installation) serve(args ...string) *process {
	i.t.Helper()
	return i.serveLogging(nil, args...)
}

// serveLogging is serve with the log in a file or pipe, unless that is nil.
func (i *installation) serveLogging(to *os.File, args ...string) *process {
	i.t.Helper()
	p := &process{t: i.t, cmd: i.server(args...), ended: make(chan struct{})}
	p.stdout.found, p.stdout.wanted = make(chan struct{}), readyLine
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if to != nil {
		p.cmd.Stderr = to
	}
	begun := time.Now()
	if err := p.cmd.Start(); err != nil {
		i.t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // the tests check the state of the process
	}()
	i.t.Cleanup(func() {
		p.kill()
		if stderr := p.stderr.String(); strings.Contains(stderr, "DATA RACE") {
			i.t.Errorf("the server has a data race:\n%s", stderr)
		}
	})
	select {
	case <-p.stdout.found:
	case <-p.ended:
		i.t.Fatalf("%q ended with %v\n%s", args, p.cmd.ProcessState, &p.stderr)
	case <-time.After(30 * time.Second):
		i.t.Fatalf("%q is not ready\n%s", args, &p.stderr)
	}
	p.ready = time.Since(begun)
	p.url = readyLine.FindStringSubmatch(p.stdout.String())[1]
	return p
}

// logs reports whether the text is in the log, or comes into it within 10 seconds: the
// server writes its lines a little later.
func (p *process) logs(text string) bool {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if strings.Contains(p.stderr.String(), text) {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// kill kills the process, unless it has ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	select {
	case <-p.ended:
	case <-time.After(endTimeout):
		p.t.Errorf("the process did not end within %v of its kill", endTimeout)
	}
}

// stop sends SIGTERM and returns the exit status.
func (p *process) stop() int {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	return p.wait()
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits up to endTimeout for the exit and returns its status, which is -1
// after a signal.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(endTimeout):
		p.t.Fatalf("the process did not end within %v\n%s", endTimeout, &p.stderr)
	}
	return p.cmd.ProcessState.ExitCode()
}

// output keeps what a process prints, and closes found when wanted matches it.
// It is safe for concurrent use.
type output struct {
	mu     sync.Mutex
	text   []byte
	wanted *regexp.Regexp
	found  chan struct{}
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, b...)
	if o.wanted != nil && o.wanted.Match(o.text) {
		o.wanted = nil
		close(o.found)
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}
