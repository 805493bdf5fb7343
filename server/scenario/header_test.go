package scenario_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/openwearables/openwearables/server"
)

// addLarge adds a header field of so many bytes to a request.
func addLarge(bytes int) option { return header("X-Large", strings.Repeat("x", bytes)) }

// TestLargeHeader checks that a header of more than 16 KiB is refused on every surface and in the
// way of each, over HTTP/1.1 and HTTP/2, and that the other requests of the connection go on.
func TestLargeHeader(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	writeCertificate(t, 1, certFile, keyFile)
	plain := listen(t)
	secure := listen(t, func(c *server.Config) { c.TLSCert, c.TLSKey = certFile, keyFile })
	secure.url = strings.Replace(secure.url, "http:", "https:", 1)
	for protocol, client := range plain.protocols(t) {
		t.Run(protocol, func(t *testing.T) { plain.testLargeHeader(t, client) })
	}
	for name, http2 := range map[string]bool{"HTTP/1.1 and TLS": false, "HTTP/2 and TLS": true} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: http2}
		t.Cleanup(transport.CloseIdleConnections)
		client := &http.Client{Transport: contractTransport{t, transport}, Timeout: 20 * time.Second}
		t.Run(name, func(t *testing.T) { secure.testLargeHeader(t, client) })
	}
}

// sender sends requests over the connections of one client, and counts those.
type sender struct {
	n      *node
	client *http.Client
	dialed int
}

func (s *sender) send(t *testing.T, path string, o ...option) (*http.Response, string) {
	t.Helper()
	counting := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if !c.Reused {
			s.dialed++
		}
	}})
	r := newRequest(t, "GET", s.n.url+path, nil).WithContext(counting)
	for _, f := range append(o, header("X-Request-Id", "mine")) {
		f(r)
	}
	res, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(raw)
}

// begin starts a request that is answered after its body has ended.
func (s *sender) begin(t *testing.T, body stalledBody) <-chan int {
	t.Helper()
	status := make(chan int, 1)
	r := newRequest(t, "POST", s.n.url+"/api/v1/auth/revoke", body)
	r.Header.Set("Content-Type", jsonType)
	go func() {
		res, err := s.client.Do(r)
		if err != nil {
			status <- 0
			return
		}
		res.Body.Close()
		status <- res.StatusCode
	}()
	<-body.begun
	return status
}

func (n *node) testLargeHeader(t *testing.T, client *http.Client) {
	s := &sender{n: n, client: client}
	body := newStalledBody("{")
	defer body.Close()
	slow := s.begin(t, body)

	if res, raw := s.send(t, "/livez", addLarge(15<<10)); res.StatusCode != 200 {
		t.Errorf("15 KiB are answered %d %s", res.StatusCode, raw)
	}
	many := func(r *http.Request) {
		for i := range 400 {
			r.Header.Set(fmt.Sprintf("X-Many-%d", i), strings.Repeat("x", 40))
		}
	}
	for what, c := range map[string]struct {
		path string
		o    option
	}{
		"17 KiB": {"/livez", addLarge(17 << 10)}, "60 KiB": {"/api/v1/users", addLarge(60 << 10)}, "many": {"/api/v1/users", many},
		"a path":  {"/" + strings.Repeat("x", 20<<10), addLarge(1)},
		"a query": {"/api/v1/users?search=" + strings.Repeat("x", 20<<10), addLarge(1)},
		"hops":    {"/livez", header("X-Forwarded-For", strings.Repeat("10.0.0.1,", 4<<10))},
	} {
		res, raw := s.send(t, c.path, c.o)
		var said struct {
			Detail, Reason string
			RequestID      string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(raw), &said); err != nil || res.StatusCode != 431 || said.Reason != "header_too_large" ||
			said.Detail == "" || said.RequestID != "mine" || res.Header.Get("X-RateLimit-Limit") == "" {
			t.Errorf("%s: answered %d %q, %v", what, res.StatusCode, raw, res.Header)
		}
	}
	path := procedure(method("ListKeys"))
	post := func(r *http.Request) { r.Method = "POST" }
	if res, raw := s.send(t, path, post, addLarge(17<<10), header("Content-Type", jsonType)); res.StatusCode != 431 ||
		!strings.Contains(raw, `"code":"invalid_argument"`) || !strings.Contains(raw, "header_too_large") {
		t.Errorf("Connect: answered %d %q", res.StatusCode, raw)
	}
	for _, media := range []string{"application/grpc", "application/grpc-web"} {
		if res, raw := s.send(t, path, post, addLarge(17<<10), header("Content-Type", media)); grpcStatus(res, []byte(raw)).Get("Grpc-Status") != "3" {
			t.Errorf("%s: answered %d %q", media, res.StatusCode, raw)
		}
	}
	if _, err := io.WriteString(body.sender, `"refresh_token":"x"}`); err != nil {
		t.Fatal(err)
	}
	body.sender.Close()
	if status := <-slow; status != 204 {
		t.Errorf("a request beside them is answered %d", status)
	}
	if s.dialed > 1 { // HTTP/1.1 needs one beside that of the slow request
		t.Errorf("%d connections were opened", s.dialed)
	}
}

// TestLargeHeadersAreLetGo sends as many large headers as connections of HTTP/2 may have at once, and
// reads no answer. They hold less memory than headers that are served would.
func TestLargeHeadersAreLetGo(t *testing.T) {
	n := listen(t)
	const connections, streams, size = 10, 100, 60 << 10
	large := hpack.HeaderField{Name: "x-large", Value: strings.Repeat("x", size), Sensitive: true}
	before := liveHeap()
	for range connections {
		f, _ := n.dialFrames(t)
		if err := f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
			t.Fatal(err)
		}
		for i := range uint32(streams) {
			err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: f.encodeGET(t), EndStream: true})
			if err != nil {
				t.Fatal(err)
			}
			f.text.Reset()
			if err := f.WriteField(large); err != nil {
				t.Fatal(err)
			}
			for text := f.text.Bytes(); len(text) > 0; {
				part := text[:min(len(text), 16<<10)]
				text = text[len(part):]
				if err := f.WriteContinuation(2*i+1, len(text) == 0, part); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for limit := time.Now().Add(20 * time.Second); strings.Count(n.log.String(), "header_too_large") < connections*streams; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%d headers were refused", strings.Count(n.log.String(), "header_too_large"))
		}
	}
	grown := int64(liveHeap()) - int64(before)
	t.Logf("%d refused headers of %d KiB hold %d KiB", connections*streams, size>>10, grown>>10)
	if grown > connections*streams*24<<10 { // 16 KiB of a header that is served, and what each stream takes
		t.Errorf("the heap grew by %d bytes", grown)
	}
	n.wantHealthy(t)
}
