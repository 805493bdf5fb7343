package main_test

import (
	"crypto/rand"
	"net"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestHealthAsksTheServer(t *testing.T) {
	t.Parallel()
	i := install(t)
	p := i.serve()
	u, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--addr", u.Host}, {"--addr", ":" + u.Port()}, {"--addr", u.Host, "--ready"}} {
		if out := i.ok("", append([]string{"health", "--insecure-http"}, args...)...); out != "ok\n" {
			t.Errorf("%v: %q", args, out)
		}
	}
	if status := p.stop(); status != 0 {
		t.Errorf("the server ended with %d", status)
	}
	if o := i.run("", "health", "--addr", u.Host); o.status != 1 || !strings.Contains(o.stderr, "refused") {
		t.Errorf("of a server that is gone: %d %s", o.status, o.stderr)
	}
	if o := i.run("", "health", "--addr", "127.0.0.1:0"); o.status != 1 || !strings.Contains(o.stderr, "with the port that the server has") {
		t.Errorf("without a port: %d %s", o.status, o.stderr)
	}
}

// What listens and does not answer is not alive, and is not waited for.
func TestHealthDoesNotWait(t *testing.T) {
	t.Parallel()
	o := install(t).run("", "health", "--addr", silent(t))
	if o.status != 1 || !strings.Contains(o.stderr, "/livez did not answer within 3s") {
		t.Errorf("ended with %d: %s", o.status, o.stderr)
	}
}

func TestHealthSpeaksTLSAndTheProxyProtocol(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.certify()
	args := []string{
		"--tls-cert", "cert.pem", "--tls-key", "key.pem", "--trusted-proxies", "127.0.0.0/8", "--client-address", "proxy-protocol",
	}
	p := i.serve(args...)
	u, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	i.ok("", append([]string{"health", "--addr", u.Host}, args...)...)
	if o := i.run("", "health", "--addr", u.Host, "--tls-cert", "cert.pem", "--tls-key", "key.pem"); o.status != 1 {
		t.Errorf("without the header that the server requires: %d %s", o.status, o.stdout)
	}
}

// silent returns the address of a listener that takes connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// A database that does not answer holds a start up, which says so.
func TestSlowStartSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	i := install(t)
	i.env = append(i.env, "OPENWEARABLES_SECRET="+rand.Text()+rand.Text())
	cmd := i.server("--database", "postgres://u@"+silent(t)+"/d?sslmode=disable&connect_timeout=20")
	log := &output{found: make(chan struct{}), wanted: regexp.MustCompile(`"step":"opening the database`)}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}()
	select {
	case <-log.found:
	case <-time.After(endTimeout):
		t.Errorf("the log says %s", log)
	}
}
