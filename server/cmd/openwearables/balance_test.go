package main_test

import (
	"context"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startProxy starts Caddy with the file of deploy and these nodes, and returns a client
// whose requests all go to it.
func startProxy(t *testing.T, nodes ...*process) *http.Client {
	t.Helper()
	caddy, err := exec.LookPath("caddy")
	if err != nil {
		t.Fatal("there is no caddy: run internal/dev/tools/system.sh")
	}
	i := install(t)
	var upstreams []string
	for _, n := range nodes {
		upstreams = append(upstreams, strings.TrimPrefix(n.url, "http://"))
	}
	socket := i.path("s")
	text := readText(t, deploy+"compose/Caddyfile")
	for from, to := range map[string]string{
		"node1:8000 node2:8000 node3:8000": strings.Join(upstreams, " "), "\n:8000 {": "\nhttp:// {\n\tbind unix/" + socket,
	} {
		if strings.Count(text, from) != 1 {
			t.Fatalf("the Caddyfile has not one %q", from)
		}
		text = strings.Replace(text, from, to, 1)
	}
	cmd := exec.Command(caddy, "run", "--adapter", "caddyfile", "--config", i.put("Caddyfile", text, 0o600))
	cmd.Dir, cmd.Env = i.folder, append(i.env, "HOME="+i.folder)
	var log output
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	client := &http.Client{Timeout: requestTimeout, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
	}}
	t.Cleanup(client.CloseIdleConnections)
	eventually(t, "the proxy answers for a node", func() bool {
		res, err := client.Get("http://proxy/livez")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == 200
	})
	return client
}

// A node that is told to stop drains: no request of anybody fails, since the proxy
// leaves it while its port is still open.
func TestProxyLeavesANodeThatDrains(t *testing.T) {
	t.Parallel()
	serve := func(limit string) *process {
		return install(t).serve("--drain-delay", "4s", "--trusted-proxies", "127.0.0.1", "--limit-address", limit)
	}
	first, second := serve("1000000"), serve("1000001") // which tells their answers apart
	client := startProxy(t, first, second)
	first.signal(syscall.SIGTERM)
	inRow, longest, answered := 0, 0, 0 // of the second node, while the first takes connections
	for deadline := time.Now().Add(requestTimeout); !over(first) && time.Now().Before(deadline); answered++ {
		open := !refuses(first)
		res, err := client.Get("http://proxy/api/v1/users")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 401 { // as without a proxy
			t.Fatalf("request %d was answered with %d", answered, res.StatusCode)
		}
		if inRow++; res.Header.Get("X-RateLimit-Limit") != "1000001" || !open {
			inRow = 0
		}
		longest = max(longest, inRow)
	}
	if longest < 10 {
		t.Errorf("the proxy did not leave the node: of %d answers %d in a row came from the other", answered, longest)
	}
	if status := first.wait(); status != 0 {
		t.Errorf("the node ended with %d", status)
	}
}

// over reports whether the process has ended.
func over(p *process) bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}
