package openwearables_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The tests run the server as a program. If they imported it, go mod tidy in a
// module that uses this package would fetch all of the server's dependencies.
const (
	serverProgram = "github.com/openwearables/openwearables/server/cmd/openwearables"
	buildLimit    = 10 * time.Minute
	startLimit    = time.Minute
	stopLimit     = 30 * time.Second
)

// buildFlags are the build flags of the server: -race if the tests have it.
var buildFlags []string

// limits are the server's rate limits. The tests raise them out of reach.
var limits = strings.Fields(`key developer user address login login-account
	refresh refresh-session exchange exchange-user exchange-refused verify verify-refused
	ingest public pairing pairings`)

// testServer is a running server with one developer.
type testServer struct {
	url, email, password string

	program, database string
	process           *serverProcess
}

// startServer builds the server in folder, creates a developer and serves on a free
// port.
func startServer(folder string) (*testServer, error) {
	program := filepath.Join(folder, "openwearables")
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	defer cancel()
	args := append([]string{"build", "-buildvcs=false", "-o", program}, buildFlags...)
	if out, err := exec.CommandContext(ctx, "go", append(args, serverProgram)...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the server: %w\n%s", err, out)
	}
	database := "--database=sqlite:" + filepath.Join(folder, "test.db")
	s := &testServer{
		email: "dev@example.com", password: "Q" + strings.ToLower(rand.Text()), program: program, database: database,
	}
	if err := s.createDeveloper(s.email); err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "serve", "--addr=127.0.0.1:0", "--log-level=error", "--alert-interval=200ms", "--webhook-allow-private-networks", database)
	for _, name := range limits {
		cmd.Args = append(cmd.Args, "--limit-"+name+"=1000000")
	}
	cmd.Env, cmd.Stderr = serverEnv(), os.Stderr
	out, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = w
	s.process, err = startProcess(cmd)
	_ = w.Close()
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	if s.url, err = readURL(out); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// readServerSource lists the folders that the server is built from, so that go test
// does not reuse a cached result when the server has changed: it compares the files
// and folders that were opened while tests ran.
var readServerSource = sync.OnceValue(func() error {
	root := filepath.Join("..", "..")
	for _, folder := range []string{"server", "internal", "gen"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ fs.DirEntry, err error) error {
			if path == filepath.Join(root, "internal", "dev") {
				return fs.SkipDir // the server contains nothing of it
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
})

// serverEnv returns the environment without variables that configure the server.
func serverEnv() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OPENWEARABLES_") })
	return append(env, "GORACE=atexit_sleep_ms=0")
}

// createDeveloper creates a developer with the password of the first one.
func (s *testServer) createDeveloper(email string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program, "developer", "create", s.database, "--email="+email, "--password-stdin")
	cmd.Env, cmd.Stdin = serverEnv(), strings.NewReader(s.password+"\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("create a developer: %w\n%s", err, out)
	}
	return nil
}

var readyLine = regexp.MustCompile(`ready on (http://\S+) `)

// readURL returns the URL that a server prints after it has bound its port. It goes on
// reading, so that the server never blocks on its output.
func readURL(out *os.File) (string, error) {
	_ = out.SetReadDeadline(time.Now().Add(startLimit))
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	ready := readyLine.FindStringSubmatch(line)
	if ready == nil {
		return "", errors.Join(fmt.Errorf("the server says %q", line), err, out.Close())
	}
	_ = out.SetReadDeadline(time.Time{})
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		_ = out.Close()
	}()
	return ready[1], nil
}

// stop ends the server and returns the error of its exit, such as that of a data race
// that was detected.
func (s *testServer) stop() error {
	_ = s.process.Signal(syscall.SIGTERM)
	select {
	case <-s.process.ended:
		return s.process.err
	case <-time.After(stopLimit):
		_ = s.process.Kill()
		return fmt.Errorf("the server did not end within %v of SIGTERM", stopLimit)
	}
}

// serverProcess is the program of a testServer.
type serverProcess struct {
	*os.Process
	ended chan struct{} // closed once err is set
	err   error
}

// startProcess starts a program that on Linux ends when this process does, even if that is
// killed.
func startProcess(cmd *exec.Cmd) (*serverProcess, error) {
	tieToParent(cmd)
	c := &serverProcess{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel ties the program to the thread that starts it
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		c.Process = cmd.Process
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.ended)
		}
	}()
	return c, <-started
}
