package main_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/childproc"
)

const (
	benchClients = 16
	benchSlice   = 500 * time.Millisecond
)

// target is one kind of request to a server in a process of its own.
type target struct {
	name    string
	pid     int
	conns   []*benchConn
	request []byte

	requests int64
	took     time.Duration
	cpu      time.Duration // of the server
}

// benchConn is a connection that is kept alive.
type benchConn struct {
	net.Conn
	r *bufio.Reader
}

// BenchmarkServed measures the reads that a server answers to 16 clients, each with a
// connection that is kept alive, and holds them against servers which do nothing else.
// All take turns, so that what else runs on the machine hits them alike: an iteration
// is one turn of each. A binary that BENCH_BEFORE names takes part, to compare with.
func BenchmarkServed(b *testing.B) {
	i, password := installWithDeveloper(b)
	targets := i.benchTargets(b, password)
	for _, t := range targets {
		t.slice(b) // warms up
		t.requests, t.took, t.cpu = 0, 0, 0
	}
	for b.Loop() {
		for _, t := range targets {
			t.slice(b)
		}
	}
	by := make(map[string]*target)
	for _, t := range targets {
		by[t.name] = t
		b.ReportMetric(t.rate(), t.name+"/s")
		b.ReportMetric(float64(t.cpu.Microseconds())/float64(t.requests), t.name+"-cpu-µs")
	}
	ratio := func(name, of string) {
		if by[name] != nil {
			b.ReportMetric(by[name].rate()/by[of].rate(), name+"/"+of)
		}
	}
	for _, end := range []string{"", "-before"} {
		ratio("rest"+end, "bare")
		ratio("rest"+end, "bare-read")
		ratio("connect"+end, "bare-connect")
		ratio("verify"+end, "bare-verify")
	}
	ratio("forward-auth", "bare")
}

func (t *target) rate() float64 { return float64(t.requests) / t.took.Seconds() }

// benchTargets starts the servers, one after the other on the same database where two
// are ours.
func (i *installation) benchTargets(b *testing.B, password string) (all []*target) {
	b.Helper()
	p := i.serve()
	admin := p.login(email, password).access
	key := p.want(201, "POST", "/api/v1/api-keys", admin, nil).str("key")
	user := p.want(201, "POST", "/api/v1/users", admin, map[string]any{"first_name": "Ann", "email": "a@example.com"}).str("id")
	p.stop()

	credential := "Authorization: Bearer " + key + "\r\n"
	get := func(path, header string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1.0\r\n" + header + "\r\n"
	}
	body := fmt.Sprintf(`{"id":%q}`, user)
	connect := func(header string) string {
		return fmt.Sprintf("POST /openwearables.v1.UserService/GetUser HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1.0\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s", len(body), header, body)
	}
	verify := func(header string) string {
		body := fmt.Sprintf(`{"credential":%q}`, key)
		return fmt.Sprintf("POST /openwearables.v1.CredentialService/VerifyCredential HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1.0\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s", len(body), header, body)
	}
	database := i.path("openwearables.db")
	const policy = "rules:\n  - {methods: [GET], path: '/users/{id}', allow: [key], scope: users:read}\n"
	ours := func(binary, end string, args ...string) {
		folder := b.TempDir()
		for _, file := range []string{"", ".secret"} {
			data, err := os.ReadFile(database + file)
			if err == nil {
				err = os.WriteFile(filepath.Join(folder, "openwearables.db"+file), data, 0o600)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(folder, "policy.yaml"), []byte(policy), 0o600); err != nil {
			b.Fatal(err)
		}
		cmd := exec.Command(binary, append([]string{"serve", "--addr", "127.0.0.1:0", "--limit-key", "1000000000", "--limit-verify", "1000000000"}, args...)...)
		cmd.Dir, cmd.Env = folder, i.env
		server := serveForBench(b, cmd)
		all = append(all, server.target(b, "rest"+end, get("/api/v1/users/"+user, credential)),
			server.target(b, "connect"+end, connect(credential)), server.target(b, "verify"+end, verify(credential)))
		if len(args) > 0 {
			all = append(all, server.target(b, "forward-auth", get("/forward-auth", credential+
				"X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /users/"+user+"\r\nX-Forwarded-Host: localhost\r\n")))
		}
	}
	ours(binary, "", "--trusted-proxies", "127.0.0.1", "--forward-auth-policy", "policy.yaml")
	if before := os.Getenv("BENCH_BEFORE"); before != "" {
		ours(before, "-before")
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(i.env, bareVariable+"="+database)
	server := serveForBench(b, cmd)
	return append(all, server.target(b, "bare", get("/constant/"+user, "")),
		server.target(b, "bare-read", get("/read/"+user, "")), server.target(b, "bare-connect", connect("")),
		server.target(b, "bare-verify", verify("")))
}

// benchServer is a server in a process of its own, which logs to a file.
type benchServer struct {
	pid  int
	addr string
}

func serveForBench(b *testing.B, cmd *exec.Cmd) benchServer {
	b.Helper()
	log := filepath.Join(b.TempDir(), "log")
	p, err := childproc.Serve(cmd, syscall.SIGTERM, log, "is ready on")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.End(syscall.SIGTERM, endTimeout) })
	text, err := os.ReadFile(log)
	if err != nil {
		b.Fatal(err)
	}
	return benchServer{p.ID(), strings.TrimPrefix(readyLine.FindStringSubmatch(string(text))[1], "http://")}
}

func (s benchServer) target(b *testing.B, name, request string) *target {
	b.Helper()
	t := &target{name: name, pid: s.pid, request: []byte(request)}
	for range benchClients {
		conn, err := dialer.Dial("tcp", s.addr)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		t.conns = append(t.conns, &benchConn{conn, bufio.NewReader(conn)})
	}
	return t
}

// slice sends requests on all connections for the time of a slice.
func (t *target) slice(b *testing.B) {
	b.Helper()
	var done atomic.Int64
	var running sync.WaitGroup
	begun, cpu := time.Now(), cpuTime(t.pid)
	for _, c := range t.conns {
		running.Go(func() {
			for time.Since(begun) < benchSlice {
				if err := c.exchange(t.request); err != nil {
					b.Errorf("%s: %v", t.name, err)
					return
				}
				done.Add(1)
			}
		})
	}
	running.Wait()
	t.took += time.Since(begun)
	t.cpu += cpuTime(t.pid) - cpu
	if t.requests += done.Load(); b.Failed() {
		b.FailNow()
	}
}

// exchange sends the request and reads its answer, which must be 200.
func (c *benchConn) exchange(request []byte) error {
	if err := c.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return err
	}
	if _, err := c.Write(request); err != nil {
		return err
	}
	length := -1
	for first := true; ; first = false {
		line, err := c.r.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")):
			return fmt.Errorf("answered with %q", line)
		case len(line) == 2:
			if length < 0 {
				return errors.New("the answer has no length")
			}
			_, err := c.r.Discard(length)
			return err
		}
		if name, value, _ := bytes.Cut(line, []byte(": ")); string(name) == "Content-Length" {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
}

// cpuTime returns the processor time that a process has used, to a hundredth of a
// second; 0 where the system does not tell.
func cpuTime(pid int) (t time.Duration) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	for _, ticks := range fields[11:13] { // utime and stime
		n, _ := strconv.ParseInt(ticks, 10, 64)
		t += time.Duration(n) * 10 * time.Millisecond
	}
	return t
}
