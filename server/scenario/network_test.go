package scenario_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// listen runs a node on a listener of its own, with the server's own timeouts and limits. A node of
// start has none.
func listen(t *testing.T, change ...func(*server.Config)) *node {
	t.Helper()
	n := newNode(t)
	config := server.DefaultConfig()
	config.Addr, config.Database, config.Secret, config.Now = "127.0.0.1:0", n.dsn, n.secret, n.clock.now
	config.Log = slog.New(slog.NewJSONHandler(n.log, nil))
	unlimited(&config)
	for _, f := range change {
		f(&config)
	}
	var err error
	if n.server, err = server.New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- n.server.Run(ctx, func(addr string) { ready <- addr }) }()
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	n.http = &http.Client{Transport: contractTransport{t, transport}}
	n.stop = sync.OnceFunc(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := errors.Join(<-ended, n.server.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(n.stop)
	select {
	case addr := <-ready:
		n.url = "http://" + addr
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	return n
}

// dial opens a raw connection to the node.
func (n *node) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// wantHealthy fails the test unless the node still serves other clients.
func (n *node) wantHealthy(t *testing.T) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", n.url+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, body := n.send(t, r); res.StatusCode != 200 {
		t.Fatalf("/readyz answers %d %s", res.StatusCode, body)
	}
}

// answerStatuses sends bytes and returns the statuses of at most that many answers, fewer if the
// server closes the connection.
func (n *node) answerStatuses(t *testing.T, most int, data string) []int {
	t.Helper()
	conn := n.dial(t)
	if _, err := io.WriteString(conn, data); err != nil {
		t.Fatal(err)
	}
	var statuses []int
	for r := bufio.NewReader(conn); len(statuses) < most; {
		res, err := http.ReadResponse(r, nil)
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			t.Fatalf("after %v the connection stays open without an answer", statuses)
		}
		if err != nil {
			break
		}
		statuses = append(statuses, res.StatusCode)
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			break // the server closed before it had read everything
		}
	}
	return statuses
}

// TestOneRequestIsOneRequest checks requests that two parsers could delimit differently (request
// smuggling), each followed by a second request. A request is refused, or answered once, and none
// of its bytes become another request.
func TestOneRequestIsOneRequest(t *testing.T) {
	n := listen(t)
	const (
		post   = "POST /api/v1/auth/revoke HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		get    = "GET /livez HTTP/1.1\r\nHost: x\r\n"
		second = "GET /docs HTTP/1.1\r\nHost: x\r\n\r\n"
		body   = `{"refresh_token":"x"}` // 21 bytes
	)
	for name, c := range map[string]struct {
		data   string
		status int
		open   bool // the request is unambiguous, so the connection stays open
	}{
		"length and chunks":            {post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n" + body + "\r\n0\r\n\r\n", 204, false},
		"chunks and length":            {post + "Transfer-Encoding: chunked\r\nContent-Length: 26\r\n\r\n15\r\n" + body + "\r\n0\r\n\r\n", 204, false},
		"chunks":                       {post + "Transfer-Encoding: chunked\r\n\r\n15\r\n" + body + "\r\n0\r\n\r\n", 204, false},
		"folded chunks":                {post + "Transfer-Encoding:\r\n chunked\r\n\r\n15\r\n" + body + "\r\n0\r\n\r\n", 204, false},
		"chunks in HTTP/1.0":           {strings.Replace(post, "1.1", "1.0", 1) + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 21\r\n\r\n" + body, 204, false},
		"chunks twice":                 {post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501, false},
		"chunks in two headers":        {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501, false},
		"chunks and identity":          {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 501, false},
		"unknown coding":               {post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, false},
		"a chunk's size ends in LF":    {post + "Transfer-Encoding: chunked\r\n\r\n15\n" + body + "\r\n0\r\n\r\n", 422, false},
		"a chunk's extension holds LF": {post + "Transfer-Encoding: chunked\r\n\r\n15;a\nb\r\n" + body + "\r\n0\r\n\r\n", 422, false},
		"a chunk's size is negative":   {post + "Transfer-Encoding: chunked\r\n\r\n-15\r\n" + body + "\r\n0\r\n\r\n", 422, false},
		"two lengths":                  {post + "Content-Length: 21\r\nContent-Length: 4\r\n\r\n" + body, 400, false},
		"a list of lengths":            {post + "Content-Length: 21, 21\r\n\r\n" + body, 400, false},
		"a signed length":              {post + "Content-Length: +21\r\n\r\n" + body, 400, false},
		"a negative length":            {post + "Content-Length: -1\r\n\r\n" + body, 400, false},
		"a space before the colon":     {post + "Content-Length : 21\r\n\r\n" + body, 400, false},
		"a folded length":              {post + "Content-Length: 2\r\n 1\r\n\r\n" + body, 400, false},
		"NUL in a value":               {get + "X-A: b\x00c\r\n\r\n", 400, false},
		"NUL in a name":                {get + "X\x00A: b\r\n\r\n", 400, false},
		"CR in a value":                {get + "X-A: b\rContent-Length: 9\r\n\r\n", 400, false},
		"a folded first header":        {"GET /livez HTTP/1.1\r\n Host: x\r\n\r\n", 400, false},
		"no host":                      {"GET /livez HTTP/1.1\r\n\r\n", 400, false},
		"two hosts":                    {get + "Host: y\r\n\r\n", 400, false},
		"the same length twice":        {post + "Content-Length: 21\r\nContent-Length: 21\r\n\r\n" + body, 204, true},
		"a folded value":               {get + "X-A: b\r\n c\r\n\r\n", 200, true},
		"LF for CRLF":                  {"GET /livez HTTP/1.1\nHost: x\n\n", 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := []int{c.status}
			if c.open {
				want = append(want, 200)
			}
			if statuses := n.answerStatuses(t, 2, c.data+second); !slices.Equal(statuses, want) {
				t.Errorf("answered %v, want %v", statuses, want)
			}
		})
	}
}

// TestHeaderLimits checks that a header of which nothing can be read is refused, and that the
// connection ends. TestLargeHeader has those that can be read.
func TestHeaderLimits(t *testing.T) {
	n := listen(t)
	fits := "GET /livez HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("a", 15<<10) + "\r\n\r\n"
	if statuses := n.answerStatuses(t, 1, fits); !slices.Equal(statuses, []int{200}) {
		t.Errorf("15 KiB of header are answered %v", statuses)
	}
	for name, data := range map[string]string{
		"one header": "X-A: " + strings.Repeat("a", 80<<10) + "\r\n\r\n",
		"many":       strings.Repeat("X-A: b\r\n", 10<<10) + "\r\n",
		"endless":    "X-A: " + strings.Repeat("a", 80<<10),
		"path":       "",
	} {
		request := "GET /livez HTTP/1.1\r\nHost: x\r\n" + data
		if name == "path" {
			request = "GET /" + strings.Repeat("a", 80<<10)
		}
		if statuses := n.answerStatuses(t, 2, request); !slices.Equal(statuses, []int{431}) {
			t.Errorf("%s: answered %v", name, statuses)
		}
	}
	n.wantHealthy(t)
}

// TestEndlessBodyIsCutOff checks that an endless body is refused at the limit, and that the
// connection is closed although the client still sends.
func TestEndlessBodyIsCutOff(t *testing.T) {
	n := listen(t)
	conn := n.dial(t)
	_, err := io.WriteString(conn, "POST /api/v1/auth/revoke HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(conn).ReadString('\n') // "" if the connection was closed
		answered <- strings.TrimSpace(line)
	}()
	chunk := append([]byte("8000\r\n"), append(bytes.Repeat([]byte(" "), 0x8000), "\r\n"...)...)
	sent := 0
	for ; sent < 64<<20; sent += len(chunk) {
		if _, err := conn.Write(chunk); err != nil {
			break
		}
	}
	if sent >= 64<<20 {
		t.Error("64 MiB of body were accepted")
	}
	if line := <-answered; line != "HTTP/1.1 413 Request Entity Too Large" && line != "" {
		t.Errorf("answered %q", line)
	}
	n.wantHealthy(t)
}

// TestSlowPeersAreCutOff checks that clients which never complete a header or body do not affect
// others. A connection without a complete header is closed after 5 seconds.
func TestSlowPeersAreCutOff(t *testing.T) {
	t.Parallel()
	n := listen(t)
	var slow []net.Conn
	for i := range 500 {
		conn := n.dial(t)
		data := "GET /livez HTTP/1.1\r\nHost: x\r\nX-A: b"
		if i%2 == 1 {
			data = "POST /api/v1/auth/revoke HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
		}
		if _, err := io.WriteString(conn, data); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, conn)
	}
	for range 50 {
		n.wantHealthy(t)
	}
	for i := 0; i < len(slow); i += 2 {
		if data, err := io.ReadAll(slow[i]); err != nil || len(data) > 0 && !bytes.HasPrefix(data, []byte("HTTP/1.1 4")) {
			t.Fatalf("connection %d: %q, %v", i, data, err)
		}
	}
	n.wantHealthy(t)
}
