package scenario_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// quickReads gives a request a second to arrive.
func quickReads(c *server.Config) { c.Connections.Read = time.Second }

// protocols are clients of HTTP/1.1 and of HTTP/2 without TLS, whose answers the contract checks.
func (n *node) protocols(t *testing.T) map[string]*http.Client {
	t.Helper()
	clients := make(map[string]*http.Client)
	for name, enable := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP/2":   func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		enable(transport.Protocols)
		t.Cleanup(transport.CloseIdleConnections)
		clients[name] = &http.Client{Transport: contractTransport{t, transport}, Timeout: 20 * time.Second}
	}
	return clients
}

// stalledBody is a body that begins and goes no further until sender does, or it is closed.
type stalledBody struct {
	*io.PipeReader
	sender *io.PipeWriter
	begun  chan struct{} // closed once the beginning was read
}

func newStalledBody(begin string) stalledBody {
	b := stalledBody{begun: make(chan struct{})}
	b.PipeReader, b.sender = io.Pipe()
	go func() {
		defer close(b.begun)
		_, _ = io.WriteString(b.sender, begin) // fails if nobody reads it
	}()
	return b
}

// wantTimeout fails the test unless the answer says that the request did not arrive in time.
func wantTimeout(t *testing.T, what string, res *http.Response, raw []byte) {
	t.Helper()
	status, reason := 408, `"reason":"request_timeout"`
	media := res.Header.Get("Content-Type")
	switch {
	case strings.HasPrefix(media, "application/grpc"):
		if code := grpcStatus(res, raw).Get("Grpc-Status"); code != "4" || res.StatusCode != 200 {
			t.Errorf("%s is answered %d with the code %s", what, res.StatusCode, code)
		}
		return
	case res.Request != nil && strings.HasPrefix(res.Request.URL.Path, "/openwearables."):
		status, reason = 504, `"code":"deadline_exceeded"`
	}
	if res.StatusCode != status || !strings.Contains(string(raw), reason) || !strings.Contains(string(raw), "request_timeout") ||
		!json.Valid(raw) || res.Header.Get("X-Request-Id") == "" || res.Header.Get("X-RateLimit-Limit") == "" {
		t.Errorf("%s is answered %d %s %q", what, res.StatusCode, media, raw)
	}
}

// TestBodyThatDoesNotArriveInTime begins bodies that go no further, small ones and uploads, on every
// surface. What did not arrive is not called invalid, so that clients send it again.
func TestBodyThatDoesNotArriveInTime(t *testing.T) {
	n := listen(t, quickReads)
	n.addDeveloper(n.email, n.password)
	admin, _ := n.login(t, restDriver{n})
	user := n.newUser(t, restDriver{n}, admin)
	upload := strings.Repeat(" ", 100<<10)
	for protocol, client := range n.protocols(t) {
		for what, c := range map[string]struct {
			path, media, begin string
			length             int64
		}{
			"REST":              {"/api/v1/auth/revoke", jsonType, "{", 100},
			"REST, chunked":     {"/api/v1/auth/revoke", jsonType, "{", -1},
			"REST, upload":      {"/api/v1/users/" + user + "/events/workouts", jsonType, upload, 1 << 20},
			"Connect":           {procedure(method("RevokeToken")), jsonType, "{", 100},
			"Connect, protobuf": {procedure(method("RevokeToken")), protoType, "a", 100},
			"Connect, upload":   {procedure(method("UpsertWorkouts")), jsonType, upload, -1},
			"gRPC":              {procedure(method("RevokeToken")), "application/grpc", "\x00", -1},
			"gRPC-Web":          {procedure(method("RevokeToken")), "application/grpc-web", "\x00", -1},
		} {
			t.Run(protocol+" "+what, func(t *testing.T) {
				t.Parallel()
				body := newStalledBody(c.begin)
				defer body.Close()
				r := newRequest(t, "POST", n.url+c.path, body)
				r.ContentLength = c.length
				r.Header.Set("Content-Type", c.media)
				bearer(admin)(r)
				res, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				raw, err := io.ReadAll(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				wantTimeout(t, what, res, raw)
			})
		}
	}
}

// TestBodyThatEndsTooSoon checks that a body which is cut off is not called invalid, and that one in
// broken chunks is.
func TestBodyThatEndsTooSoon(t *testing.T) {
	n := listen(t)
	const post = "POST /api/v1/auth/revoke HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for what, c := range map[string]struct {
		data   string
		status int
	}{
		"a length":      {post + "Content-Length: 21\r\n\r\n{", 408},
		"a chunk":       {post + "Transfer-Encoding: chunked\r\n\r\n15\r\n{", 408},
		"no last chunk": {post + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", 408},
		"broken chunks": {post + "Transfer-Encoding: chunked\r\n\r\nx\r\n{}\r\n0\r\n\r\n", 422},
	} {
		conn := n.dial(t)
		if _, err := io.WriteString(conn, c.data); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		raw, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != c.status || !res.Close {
			t.Errorf("%s is answered %d %q, to be closed: %t, %v", what, res.StatusCode, raw, res.Close, err)
		}
		if c.status == 408 {
			wantTimeout(t, what, res, raw)
		}
	}
	n.wantHealthy(t)
}
