package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/openwearables/openwearables/internal/dev/childproc"
)

// gate is a proxy that asks the server before it forwards to a service. The one without a
// name is the server itself, asked as a proxy would.
type gate struct {
	t       testing.TB
	name    string
	network string
	address string
	from    net.Addr // of its clients; nil: as it comes
	service *service
	running func() error // says how the proxy ended, if it did
}

// passed is the answer to a request that was sent to a gate.
type passed struct {
	status int
	reason string // of a refusal
	header http.Header
	saw    http.Header // what the service got; nil if it was not reached
}

// ask sends a request as it stands, with the lines of its header, and reads the answer.
func (g gate) ask(method, path string, lines ...string) passed {
	g.t.Helper()
	if g.name == "" { // as the least that a proxy does
		lines = append(lines, "X-Forwarded-Method: "+method, "X-Forwarded-Uri: "+path, "X-Forwarded-Host: proxy")
		method, path = "GET", "/forward-auth"
	}
	before, _ := g.service.requests()
	conn := g.dial()
	defer conn.Close()
	_, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n%s\r\n", method, path, strings.Join(append(lines, ""), "\r\n"))
	if err != nil {
		g.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		g.t.Fatalf("%s: %s %s: %v", g.name, method, path, err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	p := passed{status: res.StatusCode, header: res.Header}
	var refusal struct{ Reason string }
	if n, last := g.service.requests(); n > before {
		p.saw = last
	} else if json.Unmarshal(body, &refusal) == nil {
		p.reason = refusal.Reason
	}
	return p
}

func (g gate) dial() net.Conn {
	g.t.Helper()
	conn, err := (&net.Dialer{Timeout: dialer.Timeout, LocalAddr: g.from}).Dial(g.network, g.address)
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(requestTimeout))
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return conn
}

// service is what stands behind the proxies. It remembers what it was sent last. Safe for
// concurrent use.
type service struct {
	*httptest.Server
	received chan struct{} // the first event of a stream, so that the second is sent

	mu   sync.Mutex
	n    int
	last http.Header // with the URI, the host and the length of the body as Seen-Uri, Seen-Host and Seen-Bytes
}

func newService(t testing.TB) *service {
	s := &service{received: make(chan struct{})}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	s.mu.Lock()
	s.n, s.last = s.n+1, r.Header.Clone()
	s.last.Set("Seen-Uri", r.RequestURI)
	s.last.Set("Seen-Host", r.Host)
	s.last.Set("Seen-Bytes", strconv.FormatInt(n, 10))
	s.mu.Unlock()
	if r.URL.RawQuery != "stream" {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, "data: first\n\n") // an error shows in the test
	w.(http.Flusher).Flush()
	select {
	case <-s.received:
		_, _ = io.WriteString(w, "data: second\n\n")
	case <-r.Context().Done():
	}
}

func (s *service) requests() (n int, last http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n, s.last
}

// answersExtAuthz is what the log says of the listener that Envoy asks.
var answersExtAuthz = regexp.MustCompile(`"msg":"answering ext_authz","addr":"([^"]+)"`)

// envoyBinary returns the path of Envoy, which make installs for the tests.
func envoyBinary(t testing.TB) string {
	t.Helper()
	found, err := filepath.Glob(repository + "/.cache/envoy/lib/*/site-packages/envoy/_bin/envoy")
	if err != nil || len(found) != 1 {
		t.Fatal("there is no Envoy: run make tools")
	}
	path, err := filepath.Abs(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// traefikBinary returns the path of Traefik, which make installs for the tests.
func traefikBinary(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs(repository + "/.cache/traefik/bin/traefik")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal("there is no Traefik: run make tools")
	}
	return path
}

// gates starts the proxies with the files of deploy before the server, and returns them
// with the server itself. Those that ask by the request line need a policy that says so.
func gates(t testing.TB, p *process, s *service, byRequestLine bool) []gate {
	t.Helper()
	server, behind := strings.TrimPrefix(p.url, "http://"), strings.TrimPrefix(s.URL, "http://")
	port := func(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }
	if byRequestLine {
		return []gate{startEnvoy(t, s, "envoy over http", "envoy-http.yaml", map[string]string{
			"port_value: 8000": "port_value: " + port(server), "port_value: 9000": "port_value: " + port(behind),
		})}
	}
	if !p.logs("answering ext_authz") {
		t.Fatalf("the server does not answer ext_authz: %s", &p.stderr)
	}
	checks := answersExtAuthz.FindStringSubmatch(p.stderr.String())[1]
	return []gate{
		{t: t, network: "tcp", address: server, service: s},
		startGate(t, s, "nginx", "nginx.conf", map[string]string{
			"server 127.0.0.1:8000;": "server " + server + ";", "listen 8080;": "listen unix:SOCKET;",
			"proxy_pass http://127.0.0.1:9000;": "proxy_pass http://" + behind + ";",
		}, "nginx", "-e", "stderr", "-c"),
		startGate(t, s, "caddy", "Caddyfile", map[string]string{
			"forward_auth 127.0.0.1:8000": "forward_auth " + server, "\n:8080 {": "\nhttp:// {\n\tbind unix/SOCKET",
			"reverse_proxy 127.0.0.1:9000": "reverse_proxy " + behind,
		}, "caddy", "run", "--adapter", "caddyfile", "--config"),
		startEnvoy(t, s, "envoy", "envoy.yaml", map[string]string{
			"port_value: 8001": "port_value: " + port(checks), "port_value: 9000": "port_value: " + port(behind),
		}),
		startTraefik(t, s, server, behind),
	}
}

// startTraefik starts Traefik, on a port as Envoy.
func startTraefik(t testing.TB, s *service, server, behind string) gate {
	t.Helper()
	text := replaceOnce(t, "traefik-routes.yaml", map[string]string{"127.0.0.1:8000/": server + "/", "- url: http://127.0.0.1:9000": "- url: http://" + behind})
	routes := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(routes, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address := sharedPort(t)
	g := startGate(t, s, "traefik", "traefik.yaml", map[string]string{
		"address: :8080": "address: " + address + "\n    reusePort: true", "filename: traefik-routes.yaml": "filename: " + routes,
	}, traefikBinary(t), "--configfile").onPort(address)
	// It listens before it has read its routes.
	eventually(t, "traefik has its routes", func() bool { return g.ask("GET", "/status").status != 404 })
	return g
}

// onPort returns a gate that listens on a port, to which its clients come from another
// address than the proxy has, which the server trusts. It waits until the gate listens.
func (g gate) onPort(address string) gate {
	g.t.Helper()
	g.network, g.address, g.from = "tcp", address, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}
	g.await()
	return g
}

// startEnvoy starts Envoy on a port, since it does not know who its clients on a socket
// are. The port is bound before it is named: Envoy shares it.
func startEnvoy(t testing.TB, s *service, name, file string, replace map[string]string) gate {
	t.Helper()
	address := sharedPort(t)
	_, port, _ := net.SplitHostPort(address) // it is one
	replace["address: 0.0.0.0, port_value: 8080"] = "address: 127.0.0.1, port_value: " + port
	return startGate(t, s, name, file, replace, envoyBinary(t), "--disable-hot-restart", "--concurrency", "1", "-l", "warning", "-c").onPort(address)
}

// sharedPort binds a port for the time of the test, without listening, so that a process
// that shares it can listen there and no other one.
func sharedPort(t testing.TB) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) }) // of a socket that nothing was written to
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port)
}

// nginxMain is what the file of deploy for nginx is included into.
const nginxMain = `daemon off;
master_process off;
pid FOLDER/pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path FOLDER/body;
	proxy_temp_path FOLDER/proxy;
	fastcgi_temp_path FOLDER/fastcgi;
	uwsgi_temp_path FOLDER/uwsgi;
	scgi_temp_path FOLDER/scgi;
	include FOLDER/nginx.conf;
}
`

// startGate starts a proxy with a file of deploy, whose last argument is its path, in which
// addresses are replaced. It listens on a socket, which needs no port.
func startGate(t testing.TB, s *service, name, file string, replace map[string]string, command ...string) gate {
	t.Helper()
	folder, err := os.MkdirTemp("", "ow") // a short path, for the socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) }) // of the system's temporary files
	path, err := exec.LookPath(command[0])
	if err != nil && command[0] == "nginx" {
		path, err = exec.LookPath("/usr/sbin/nginx") // which is in the path of root alone
	}
	if err != nil {
		t.Fatalf("there is no %s: run internal/dev/tools/system.sh", command[0])
	}
	socket := filepath.Join(folder, "s")
	for from, to := range replace {
		replace[from] = strings.Replace(to, "SOCKET", socket, 1)
	}
	config := replaceOnce(t, file, replace)
	put := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	main := put(file, config)
	if command[0] == "nginx" {
		main = put("main.conf", strings.ReplaceAll(nginxMain, "FOLDER", folder))
	}
	cmd := exec.Command(path, append(command[1:], main)...)
	var log output
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = folder, append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder), &log, &log
	proxy, err := childproc.Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.End(syscall.SIGKILL, endTimeout) })
	g := gate{t: t, name: name, network: "unix", address: socket, service: s, running: func() error {
		if !proxy.Running() {
			return fmt.Errorf("%s ended: %s", name, &log)
		}
		return nil
	}}
	if strings.Contains(config, socket) {
		g.await()
	}
	return g
}

// replaceOnce returns a file of deploy for a proxy, with other texts for some that are there
// once.
func replaceOnce(t testing.TB, file string, replace map[string]string) string {
	t.Helper()
	text := readText(t, deploy+"forward-auth/"+file)
	for from, to := range replace {
		if strings.Count(text, from) != 1 {
			t.Fatalf("%s has not one %q", file, from)
		}
		text = strings.Replace(text, from, to, 1)
	}
	return text
}

// await waits until the proxy listens.
func (g gate) await() {
	g.t.Helper()
	eventually(g.t, g.name+" listens", func() bool {
		if err := g.running(); err != nil {
			g.t.Fatal(err)
		}
		conn, err := dialer.Dial(g.network, g.address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}
