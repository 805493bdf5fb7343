package scenario_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/openwearables/openwearables/server"
)

const healthCheck = "/grpc.health.v1.Health/Check"

// TestHealthCheckRefusesLikeAnOperation checks each refusal of a body of gRPC health, in the form
// that operations have, and that a call spends the bucket of its address or credential.
func TestHealthCheckRefusesLikeAnOperation(t *testing.T) {
	n := start(t, unlimited)
	admin, _ := n.login(t, restDriver{n})
	fits := `{"service":""` + strings.Repeat(" ", 4<<10-14) + "}"
	deep := strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500)
	for _, c := range []struct {
		media, data string
		status      int
		reason      string
		o           []option
	}{
		{jsonType, fits, 200, "", nil},
		{jsonType, fits + " ", 413, "body_too_large", nil},
		{jsonType, fits + " ", 413, "body_too_large", []option{func(r *http.Request) { r.ContentLength = -1 }}},
		{protoType, strings.Repeat("\x00", 4<<10+1), 413, "body_too_large", nil},
		{jsonType, "{}", 415, "unsupported_media_type", []option{header("Content-Encoding", "gzip")}},
		{"text/plain", "{}", 415, "unsupported_media_type", nil},
		{jsonType, deep, 422, "invalid_request", nil},
		{jsonType, `{"service":7}`, 422, "invalid_request", nil},
		{jsonType, `{"service":"a","service":"b"}`, 422, "invalid_request", nil},
		{protoType, "\x0a\xff", 422, "invalid_request", nil},
		{protoType, "\x0a\x01\xff", 422, "invalid_request", nil},
		{jsonType, `{"service":"nobody"}`, 404, "not_found", nil},
	} {
		r := newRequest(t, "POST", n.url+healthCheck, strings.NewReader(c.data))
		r.Header.Set("Content-Type", c.media)
		res, raw := n.send(t, r, c.o...)
		a := answer{Status: res.StatusCode}
		if res.StatusCode != 200 {
			a = rpcRefusal(t, res, raw)
		}
		if a.Status != c.status || a.Reason != c.reason {
			t.Errorf("%.40q as %s is answered %d %q, want %d %q", c.data, c.media, a.Status, a.Reason, c.status, c.reason)
		}
	}
	for _, c := range []struct{ what, data, code string }{
		{"a message", grpcFrame(""), "0"},
		{"too long", grpcFrame(strings.Repeat("\x00", 4<<10+1)), "3"},
		{"compressed", "\x01" + grpcFrame("")[1:], "3"},
		{"an endless frame", "\x00\xff\xff\xff\xff", "3"},
		{"two messages", grpcFrame("") + grpcFrame(""), "3"},
		{"nothing", "", "3"},
	} {
		for _, media := range []string{"application/grpc", "application/grpc-web+proto"} {
			r := newRequest(t, "POST", n.url+healthCheck, strings.NewReader(c.data))
			r.Header.Set("Content-Type", media)
			res, raw := n.send(t, r)
			if code := grpcStatus(res, raw).Get("Grpc-Status"); res.StatusCode != 200 || code != c.code {
				t.Errorf("%s as %s is answered %d, code %q", c.what, media, res.StatusCode, code)
			}
		}
	}
	for name, o := range map[string][]option{"address": nil, "developer": {bearer(admin)}} {
		remaining := func() int {
			r := newRequest(t, "POST", n.url+healthCheck, strings.NewReader("{}"))
			r.Header.Set("Content-Type", jsonType)
			res, _ := n.send(t, r, o...)
			b := bucketOf(t, res.Header, n.clock.now())
			if b.name != name {
				t.Errorf("a check describes the bucket %s, want %s", b.name, name)
			}
			return b.remaining
		}
		if first, second := remaining(), remaining(); second != first-1 {
			t.Errorf("a check leaves %d of %d in the bucket %s", second, first, name)
		}
	}
}

// TestProbesAreFree checks that a probe of a load balancer is answered although its address has
// spent its limit, and that one with a body is none: it spends, and a large body is refused unread.
func TestProbesAreFree(t *testing.T) {
	n := listen(t, func(c *server.Config) { c.Auth.Limits.Address.Limit = 3 })
	probe := func(path, body string, o ...option) *http.Response {
		t.Helper()
		var sent io.Reader
		if body != "" {
			sent = strings.NewReader(body)
		}
		res, _ := n.send(t, newRequest(t, "GET", n.url+path, sent), o...)
		return res
	}
	for _, path := range []string{"/livez", "/readyz", "/docs"} {
		res := probe(path, strings.Repeat(" ", 4<<10+1))
		if res.StatusCode != 413 || !res.Close {
			t.Errorf("%s with more than 4 KiB is answered %d, closing: %t", path, res.StatusCode, res.Close)
		}
	}
	for _, path := range []string{"/livez", "/readyz"} {
		for range 10 {
			if res := probe(path, ""); res.StatusCode != 200 {
				t.Errorf("%s answers %d", path, res.StatusCode)
			}
		}
		if res := probe(path, "{}"); res.StatusCode != 429 {
			t.Errorf("%s with a body, beyond the limit, answers %d", path, res.StatusCode)
		}
	}
	n.clock.advance(2 * time.Minute)
	if res := probe("/livez", "{}"); res.StatusCode != 200 {
		t.Errorf("/livez with a small body answers %d", res.StatusCode)
	}
	if res := probe("/livez", "{}", header("Content-Encoding", "gzip")); res.StatusCode != 415 {
		t.Errorf("/livez with a compressed body answers %d", res.StatusCode)
	}
}

// TestMountedHandlersGetReadBodies checks what comes to a mounted handler, and what is refused
// before it.
func TestMountedHandlersGetReadBodies(t *testing.T) {
	n := start(t, unlimited)
	n.server.Mount("POST /echo", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.Copy(w, r.Body)
	}))
	chunked := func(r *http.Request) { r.ContentLength, r.GetBody = -1, nil }
	for _, c := range []struct {
		media, data string
		status      int
		o           []option
	}{
		{"text/plain", "", 200, nil},
		{"text/plain", strings.Repeat("x", 4<<10), 200, nil},
		{"text/plain", strings.Repeat("x", 4<<10), 200, []option{chunked}},
		{"text/plain", strings.Repeat("x", 4<<10+1), 413, nil},
		{"text/plain", strings.Repeat("x", 4<<10+1), 413, []option{chunked}},
		{"text/plain", "x", 415, []option{header("Content-Encoding", "gzip")}},
		{jsonType, `{"a":1}`, 200, nil},
		{jsonType, strings.Repeat(`[`, 500) + strings.Repeat("]", 500), 422, nil},
	} {
		r := newRequest(t, "POST", n.url+"/echo", strings.NewReader(c.data))
		r.Header.Set("Content-Type", c.media)
		res, raw := n.send(t, r, c.o...)
		if res.StatusCode != c.status || c.status == 200 && string(raw) != c.data {
			t.Errorf("%.20q as %s is answered %d %.40q, want %d", c.data, c.media, res.StatusCode, raw, c.status)
		}
	}
}

// TestReflectionStreamsAreBounded checks the limits of a stream: 4 KiB a message, uncompressed, 100
// messages, and 10 seconds.
func TestReflectionStreamsAreBounded(t *testing.T) {
	t.Parallel()
	n := listen(t, withReflection)
	client := reflectionv1.NewServerReflectionClient(n.grpcClient(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// send sends count requests for the symbol and returns the answers and the error at the end.
	send := func(symbol string, count int, o ...grpc.CallOption) (answers int, err error) {
		t.Helper()
		stream, err := client.ServerReflectionInfo(ctx, o...)
		if err != nil {
			t.Fatal(err)
		}
		for range count {
			err := stream.Send(&reflectionv1.ServerReflectionRequest{
				MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: symbol},
			})
			if err == nil {
				_, err = stream.Recv()
			}
			if err == io.EOF {
				_, err = stream.Recv()
			}
			if err != nil {
				return answers, err
			}
			answers++
		}
		_ = stream.CloseSend()
		_, err = stream.Recv()
		return answers, err
	}
	if answers, err := send("openwearables.v1.KeyService", 100); answers != 100 || err != io.EOF {
		t.Errorf("100 messages: %d answers, %v", answers, err)
	}
	if answers, err := send("openwearables.v1.KeyService", 200); answers != 100 || status.Code(err) != codes.InvalidArgument {
		t.Errorf("200 messages: %d answers, %v", answers, err)
	}
	if answers, err := send(strings.Repeat("a", 4<<10), 1); answers != 0 || status.Code(err) != codes.InvalidArgument {
		t.Errorf("a message of more than 4 KiB: %d answers, %v", answers, err)
	}
	if answers, err := send("openwearables.v1.KeyService", 1, grpc.UseCompressor(gzip.Name)); answers != 0 || status.Code(err) != codes.InvalidArgument {
		t.Errorf("a compressed message: %d answers, %v", answers, err)
	}
	begun := time.Now()
	stream, err := client.ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	if took := time.Since(begun); status.Code(err) != codes.DeadlineExceeded || took > 20*time.Second {
		t.Errorf("an idle stream ended after %v: %v", took, err)
	}
}
