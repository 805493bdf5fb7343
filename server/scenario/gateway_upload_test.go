package scenario_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/upstream"
	"github.com/openwearables/openwearables/server"
)

// traced keeps the headers of every answer of 1xx.
func traced(r *http.Request, headers *[]textproto.MIMEHeader) *http.Request {
	return r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
			if len(h) > 0 {
				*headers = append(*headers, h)
			}
			return nil
		},
	}))
}

// A first export is many uploads in a row, which the bucket of other requests would
// refuse. Each arrives, also in the ways in which older applications send them.
func TestGatewayTakesAWholeExport(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *server.Config) { c.Auth.Limits.User.Limit = 100 })
	const uploads = 130
	body := `{"provider":"apple","data":{}}`
	for i := range uploads {
		a := g.ask(t, "POST", "/sdk/users/"+g.user+"/sync"+[]string{"", "/"}[i%2], body, header("Authorization", g.own))
		if a.Status != 202 {
			t.Fatalf("upload %d is %d %s", i, a.Status, a.Body)
		}
	}
	if kept := g.upstream.Synced(g.user); kept != uploads*int64(len(body)) {
		t.Errorf("%d bytes were kept, want %d", kept, uploads*len(body))
	}
}

// The limit of uploads is told as a passing fault: a phone takes a 429 for the end of the
// matter. So are the limits of an address.
func TestGatewayRefusesUploadsForNow(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *server.Config) { c.Auth.Limits.Ingest.Limit, c.Auth.Limits.Address.Limit = 3, 5 })
	path, body := "/sdk/users/"+g.user+"/sync", `{"provider":"apple"}`
	for range 3 {
		g.ask(t, "POST", path, body, bearer(g.own)).want(t, 202, "")
	}
	if a := g.ask(t, "POST", path, body, bearer(g.own)).want(t, 503, "rate_limited"); a.Header.Get("Retry-After") == "" {
		t.Errorf("the refusal has %v", a.Header)
	}
	g.ask(t, "POST", path, body, bearer(g.otherToken)).want(t, 403, "other_user")
	for i := range 10 {
		a := g.ask(t, "POST", path, body, bearer("garbage"))
		if a.Status != 401 && a.Status != 503 {
			t.Errorf("unknown token %d is %d %s", i, a.Status, a.Reason)
		}
	}
	g.ask(t, "POST", path, body, bearer("garbage")).want(t, 503, "rate_limited")
	g.ask(t, "GET", "/users/"+g.user+"/connections", "", bearer("garbage")).want(t, 429, "rate_limited")
}

// countingReader reads so many bytes, and does not say how many.
type countingReader struct{ left int64 }

func (r *countingReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), r.left)
	for i := range p[:n] {
		p[i] = ' '
	}
	r.left -= n
	return int(n), nil
}

// An upload has no limit of size, with its length declared or not.
func TestGatewayStreamsUploadsOfAnySize(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	const size = 70 << 20
	prefix := `{"provider":"samsung"}`
	for i, declared := range []bool{true, false} {
		r := newRequest(t, "POST", g.address("/sdk/users/"+g.user+"/sync"), io.MultiReader(strings.NewReader(prefix), &countingReader{size}))
		r.Header.Set("Content-Type", "application/json")
		if declared {
			r.ContentLength = size + int64(len(prefix))
		}
		g.send(t, r, bearer(g.own)).want(t, 202, "")
		if kept, want := g.upstream.Synced(g.user), int64(i+1)*(size+int64(len(prefix))); kept != want {
			t.Errorf("%d bytes were kept, want %d", kept, want)
		}
	}
	if sent := g.upstream.Requests(); len(sent) != 2 || sent[0].Header.Get("Content-Length") == "" || sent[1].Header.Get("Content-Length") != "" {
		t.Errorf("%d uploads arrived", len(sent))
	}
}

// The bytes of a body arrive as they were sent, of whatever size about that of the part
// that is awaited.
func TestGatewayChangesNoByte(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	for _, size := range []int{1, 100, 64<<10 - 1, 64 << 10, 64<<10 + 1, 200_000} {
		body := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		for _, path := range []string{"/users/" + g.user + "/import/apple/xml/direct", "//api/v1/providers/strava/webhooks"} {
			r := newRequest(t, "POST", g.address(path), bytes.NewReader(body))
			r.Header.Set("Content-Type", "multipart/form-data; boundary=abc")
			g.send(t, r, bearer(g.key))
			if sent := g.last(t); !bytes.Equal(sent.Body, body) || sent.Header.Get("Content-Type") != "multipart/form-data; boundary=abc" {
				t.Errorf("%d bytes arrive as %d, %v", size, len(sent.Body), sent.Header)
			}
		}
	}
	r := newRequest(t, "POST", g.address("/sdk/users/"+g.user+"/sync/apple"), strings.NewReader(`{"data":{"records":[]}}`))
	g.send(t, r, bearer(g.own)).want(t, 202, "")
	if sent := g.last(t); string(sent.Body) != `{"provider":"apple","data":{"records":[]}}` {
		t.Errorf("an upload without a provider arrives as %s", sent.Body)
	}
	g.ask(t, "POST", "/sdk/users/"+g.user+"/sync", "{}", bearer(g.own), header("Content-Encoding", "gzip")).want(t, 415, "unsupported_media_type")
	g.untouched(t)
}

// A phone whose token has expired in the middle of an export hears so, although all of
// its upload is still on the way.
func TestGatewayAnswersRefusedUploadsOnceTheyHaveArrived(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	for _, declared := range []bool{true, false} {
		r := newRequest(t, "POST", g.address("/sdk/users/"+g.user+"/sync"), &countingReader{12 << 20})
		if declared {
			r.ContentLength = 12 << 20
		}
		g.send(t, r, bearer("garbage")).want(t, 401, "invalid_token")
	}
	g.untouched(t)
}

// Whoever sends slowly holds nothing of the upstream, and is told that it may try again.
func TestGatewayAwaitsSlowBodiesByItself(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	read, write := io.Pipe()
	r := newRequest(t, "POST", g.address("/sdk/users/"+g.user+"/sync"), read)
	r.Header.Set("Authorization", "Bearer "+g.own)
	answered := make(chan error, 1)
	go func() {
		answer, err := g.client.Do(r)
		if err == nil {
			_ = answer.Body.Close()
		}
		answered <- err
	}()
	if _, err := write.Write([]byte(`{"provider":"apple"`)); err != nil {
		t.Fatal(err)
	}
	g.ask(t, "POST", "/sdk/users/"+g.other+"/sync", `{"provider":"apple"}`, bearer(g.otherToken)).want(t, 202, "")
	if sent := g.upstream.Requests(); len(sent) != 1 || !strings.Contains(sent[0].URI, g.other) {
		t.Errorf("%d requests reached the upstream before their bodies were there", len(sent))
	}
	_ = write.CloseWithError(io.ErrUnexpectedEOF)
	select {
	case <-answered:
	case <-time.After(30 * time.Second):
		t.Fatal("the broken upload has no end")
	}
	g.untouched(t)
}

// Whoever sends many bodies slowly leaves room for others, a phone as well as somebody who
// sends what a provider might.
func TestGatewayLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	g := startGateway(t, behindProxy)
	for path, o := range map[string]struct {
		slow, other []option
		otherPath   string
		status      int
	}{
		"/sdk/users/" + g.user + "/sync": {
			[]option{bearer(g.own)}, []option{bearer(g.otherToken)}, "/sdk/users/" + g.other + "/sync", 202,
		},
		"/providers/strava/webhooks": { // whose signature is missing
			[]option{forwardedFor("192.0.2.9")}, []option{forwardedFor("192.0.2.10")}, "/providers/strava/webhooks", 401,
		},
	} {
		const slow = 70
		var sending sync.WaitGroup
		var ends []*io.PipeWriter
		for range slow {
			read, write := io.Pipe()
			ends = append(ends, write)
			r := newRequest(t, "POST", g.address(path), read)
			for _, f := range o.slow {
				f(r)
			}
			sending.Go(func() {
				if answer, err := g.client.Do(r); err == nil {
					_ = answer.Body.Close()
				}
			})
			sending.Go(func() { _, _ = write.Write(bytes.Repeat([]byte(" "), 100<<10)) })
		}
		time.Sleep(1500 * time.Millisecond) // a request waits a second for room
		g.ask(t, "POST", o.otherPath, `{"provider":"apple"}`, o.other...).want(t, o.status, "")
		for _, end := range ends {
			_ = end.Close()
		}
		sending.Wait()
	}
}

// A user whom the upstream does not know is a passing fault to a phone, which would drop
// its data.
func TestGatewayKeepsDataOfUsersUnknownUpstream(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	d := g.drivers()[0]
	g.user = g.newUser(t, d, g.dev) // nothing was forwarded for it
	g.own, _ = g.exchange(t, d, g.user, g.appID, g.appSecret)
	there := upstream.New(upstream.Config{URL: g.upstream.URL, Key: g.upstream.Key, Email: g.upstream.Email, Password: g.upstream.Password}, slog.New(slog.DiscardHandler))
	defer there.Close()
	if err := (upstream.Users{Client: there}).DeleteUser(t.Context(), g.user); err != nil {
		t.Fatal(err)
	}
	if a := g.ask(t, "POST", "/sdk/users/"+g.user+"/sync", `{"provider":"apple"}`, bearer(g.own)).want(t, 503, "user_not_upstream"); a.Header.Get("Retry-After") == "" {
		t.Errorf("the refusal has %v", a.Header)
	}
	g.ask(t, "GET", "/users/"+g.user+"/timeseries", "", bearer(g.own)).want(t, 409, "user_not_upstream")
}
