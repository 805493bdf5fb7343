package openwearables_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
)

// processRole is the variable that makes the test binary one of the processes that
// share a store.
const processRole = "OPENWEARABLES_TEST_ROLE"

// job is what such a process reads from its standard input.
type job struct {
	Base, Path, User string
	HangAt           string // the moment at which the process blocks until it is killed
	Count            int    // if not 0, the process counts up in the file of the path
}

// runProcess reads a job, makes a call when it reads a second line, and prints ok or
// the error. It returns the exit code.
func runProcess(string) int {
	var j job
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &j)
	}
	if err != nil {
		fmt.Println("job:", err)
		return 1
	}
	fmt.Println("ready")
	if j.Count > 0 {
		return runCounter(j, in)
	}
	if _, err := in.ReadString('\n'); err != nil {
		return 1
	}
	store := &hangingStore{openwearables.FileStore(j.Path), j.HangAt}
	c, err := openwearables.New(j.Base, openwearables.WithStore(store))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := c.Users.Get(ctx, j.User); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ok")
	return 0
}

// hangingStore blocks for ever at one moment of the refresh.
type hangingStore struct {
	openwearables.Store
	at string
}

func (s *hangingStore) hang(moment string) {
	if s.at == moment {
		fmt.Println("hanging")
		select {}
	}
}

func (s *hangingStore) Lock(ctx context.Context) (func(), error) {
	unlock, err := s.Store.(openwearables.Locker).Lock(ctx)
	s.hang("locked")
	return func() {
		s.hang("unlocking")
		unlock()
	}, err
}

func (s *hangingStore) Load(ctx context.Context) ([]byte, error) {
	raw, err := s.Store.Load(ctx)
	s.hang("loaded")
	return raw, err
}

func (s *hangingStore) Save(ctx context.Context, record, expected []byte) (bool, error) {
	s.hang("received")
	ok, err := s.Store.Save(ctx, record, expected)
	s.hang("saved")
	return ok, err
}

// childLimit is how long a child process may live.
const childLimit = 2 * time.Minute

// child is a running process.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Reader
	stdin io.WriteCloser
}

func spawn(t *testing.T, j job) *child {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), childLimit)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), processRole+"=caller")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(in).Encode(j); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd, bufio.NewReader(out), in}
	if line := c.line(); line != "ready" {
		t.Fatalf("a process says %q", line)
	}
	return c
}

// begin starts the job of a process that is ready.
func (c *child) begin() { _, _ = io.WriteString(c.stdin, "go\n") }

func (c *child) line() string {
	line, _ := c.lines.ReadString('\n')
	return strings.TrimSpace(line)
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// Eight processes share one file, and the one that refreshes is killed at each of six
// moments. The server issues exactly one new pair, no process loses the session, and
// all finish within five seconds of the kill.
func TestProcessesRecoverFromAKilledLockHolder(t *testing.T) {
	for _, moment := range []string{"locked", "loaded", "sent", "received", "saved", "unlocking"} {
		t.Run(moment, func(t *testing.T) {
			proxy, base := newProxy(t)
			p := newPerson(t)
			path := filepath.Join(t.TempDir(), "session.json")
			if _, err := openwearables.FileStore(path).Save(t.Context(), storedRecord(t, base, p.pair, expired), nil); err != nil {
				t.Fatal(err)
			}
			if moment == "sent" {
				proxy.Rules(faultproxy.Rule{Method: "RefreshToken", Fault: faultproxy.HoldAnswer, Times: 1})
			}
			holder := spawn(t, job{Base: base, Path: path, User: p.id, HangAt: moment})
			var others []*child
			for range 7 {
				others = append(others, spawn(t, job{Base: base, Path: path, User: p.id}))
			}
			holder.begin()
			if moment == "sent" {
				eventually(t, "the refresh held", func() bool { return proxy.Report().Held == 1 })
			} else if line := holder.line(); line != "hanging" {
				t.Fatalf("the holder says %q", line)
			}
			for _, o := range others {
				o.begin()
			}
			time.Sleep(300 * time.Millisecond)
			holder.kill()
			killed := time.Now()
			for _, o := range others {
				if line := o.line(); line != "ok" {
					t.Errorf("a process says %q", line)
				}
				if err := o.cmd.Wait(); err != nil {
					t.Error(err)
				}
			}
			if took := time.Since(killed); took > 5*time.Second {
				t.Errorf("recovered in %v", took)
			}
			proxy.Release()
			r := proxy.Report()
			if r.Rotated != 1 {
				t.Errorf("%d new pairs, want 1: %+v", r.Rotated, r.Log)
			}
			keys := map[string]bool{}
			for _, seen := range r.Log {
				if seen.Method == "RefreshToken" {
					keys[seen.Key] = true
				}
			}
			if len(keys) != 1 {
				t.Errorf("%d operations, want 1", len(keys))
			}
			after := newClient(t, base, openwearables.WithStore(openwearables.FileStore(path)), openwearables.AsProcess())
			if _, err := after.Users.Get(t.Context(), p.id); err != nil {
				t.Errorf("the session is lost: %v", err)
			}
		})
	}
}

// Eight processes that share one file refresh once.
func TestEightProcessesShareOneRefresh(t *testing.T) {
	proxy, base := newProxy(t)
	p := newPerson(t)
	path := filepath.Join(t.TempDir(), "session.json")
	if _, err := openwearables.FileStore(path).Save(t.Context(), storedRecord(t, base, p.pair, expired), nil); err != nil {
		t.Fatal(err)
	}
	var all []*child
	for range 8 {
		all = append(all, spawn(t, job{Base: base, Path: path, User: p.id}))
	}
	for _, c := range all {
		c.begin()
	}
	for _, c := range all {
		if line := c.line(); line != "ok" {
			t.Errorf("a process says %q", line)
		}
		_ = c.cmd.Wait()
	}
	if r := proxy.Report(); r.Requests["RefreshToken"] != 1 || r.Rotated != 1 {
		t.Errorf("%d refreshes, %d new pairs, want 1", r.Requests["RefreshToken"], r.Rotated)
	}
}
