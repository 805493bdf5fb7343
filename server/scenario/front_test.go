package scenario_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

func withReflection(c *server.Config) { c.Reflection = true }

// gzipped returns the text as gzip.
func gzipped(t *testing.T, text io.Reader) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.Copy(z, text)
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// attackBody is a body that no handler may read whole.
type attackBody struct {
	what     string
	data     string
	isFrame  bool // sent as it is, also in gRPC
	isZipped bool
}

func attackBodies(t *testing.T) []attackBody {
	t.Helper()
	const name = `{"service":"`
	long := io.MultiReader(strings.NewReader(name), io.LimitReader(letters{}, 128<<20), strings.NewReader(`"}`))
	return []attackBody{
		{what: "1 MiB", data: name + strings.Repeat("a", 1<<20) + `"}`},
		{what: "a gzip bomb", data: gzipped(t, long), isZipped: true},
		{what: "deep JSON", data: strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)},
		{what: "a frame of 4 GiB", data: "\x00\xff\xff\xff\xff" + strings.Repeat("a", 8<<10), isFrame: true},
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// request returns a request that carries the body.
func (b attackBody) request(t *testing.T, method, url, media string) *http.Request {
	t.Helper()
	data, framed := b.data, strings.HasPrefix(media, "application/grpc")
	if framed && !b.isFrame {
		data = grpcFrame(data)
	}
	if framed && b.isZipped {
		data = "\x01" + data[1:]
	}
	r := newRequest(t, method, url, strings.NewReader(data))
	r.Header.Set("Content-Type", media)
	if b.isZipped && framed {
		r.Header.Set("Grpc-Encoding", "gzip")
	} else if b.isZipped {
		r.Header.Set("Content-Encoding", "gzip")
	}
	return r
}

var placeholder = regexp.MustCompile(`\{\w+\}`)

// routes returns the method and the path of every route.
func (n *node) routes() [][2]string {
	var all [][2]string
	for _, pattern := range n.server.Patterns() {
		method, path, ok := strings.Cut(pattern, " ")
		if !ok {
			method, path = "POST", pattern
		}
		path = strings.TrimSuffix(path, "{$}")
		all = append(all, [2]string{method, placeholder.ReplaceAllString(path, "550e8400-e29b-41d4-a716-446655440000")})
	}
	return all
}

// clients returns an HTTP/1.1 and an HTTP/2 client of the node.
func (n *node) clients(t *testing.T) map[string]*http.Client {
	t.Helper()
	all := make(map[string]*http.Client)
	for _, name := range []string{"HTTP/1.1", "HTTP/2"} {
		transport := &http.Transport{Protocols: new(http.Protocols), MaxIdleConnsPerHost: 16}
		transport.Protocols.SetHTTP1(name == "HTTP/1.1")
		transport.Protocols.SetUnencryptedHTTP2(name == "HTTP/2")
		t.Cleanup(transport.CloseIdleConnections)
		all[name] = &http.Client{Transport: transport, Timeout: 20 * time.Second}
	}
	return all
}

// watchHeap samples the heap and asks for /livez until stop, which returns by how much the heap has
// grown at most, and the longest that /livez took.
func (n *node) watchHeap(t *testing.T) (stop func() (grown int64, slowest time.Duration)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	before, most, slowest := liveHeap(), uint64(0), time.Duration(0)
	client := n.clients(t)["HTTP/1.1"]
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			begun := time.Now()
			res, err := client.Get(n.url + "/livez")
			if err != nil || res.StatusCode != 200 {
				t.Errorf("/livez answers %v, %v", res, err)
				return
			}
			res.Body.Close()
			slowest = max(slowest, time.Since(begun))
			time.Sleep(5 * time.Millisecond)
		}
	})
	return func() (int64, time.Duration) {
		cancel()
		watching.Wait()
		return int64(most) - int64(before), slowest
	}
}

// TestEveryRouteRefusesCostlyBodies sends each route bodies that would cost much to read: in every
// protocol, over both versions of HTTP, without a credential and with a key. Each is refused at
// once and without memory, and others are served meanwhile.
func TestEveryRouteRefusesCostlyBodies(t *testing.T) {
	n := listen(t, withReflection, func(c *server.Config) { c.UploadsPerCaller = 6 }) // as many requests as there are at once
	n.server.Mount("POST /mounted", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a costly body came to a mounted handler")
	}))
	n.addDeveloper(n.email, n.password)
	admin, _ := n.login(t, restDriver{n})
	_, key := n.newKey(t, restDriver{n}, admin, nil)
	bodies := attackBodies(t)
	stop := n.watchHeap(t)
	clients := n.clients(t)
	slots := make(chan struct{}, 6) // requests at once
	var sending sync.WaitGroup
	assets := 0
	for _, route := range n.routes() {
		if strings.HasPrefix(route[1], "/assets/") {
			if assets++; assets > 2 {
				continue // the files of the dashboard have one handler
			}
		}
		for _, b := range bodies {
			for version, client := range clients {
				slots <- struct{}{}
				sending.Go(func() {
					defer func() { <-slots }()
					for _, media := range []string{jsonType, protoType, "application/grpc", "application/grpc-web+proto"} {
						what := fmt.Sprintf("%s %s with %s as %s over %s", route[0], route[1], b.what, media, version)
						wantRefused(t, client, b.request(t, route[0], n.url+route[1], media), what, true)
						r := b.request(t, route[0], n.url+route[1], media)
						bearer(key)(r)
						wantRefused(t, client, r, what+" and a key", false)
					}
				})
			}
		}
	}
	sending.Wait()
	grown, slowest := stop()
	t.Logf("%d routes; the heap grew by %d KiB at most; /livez took %v at most", len(n.routes()), grown>>10, slowest)
	if grown > 100<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if slowest > 5*time.Second {
		t.Errorf("/livez took %v", slowest)
	}
}

// wantRefused fails the test unless the answer is a refusal of the caller, in HTTP or in gRPC. A
// success is one too unless always is set: an operation without a body ignores it.
func wantRefused(t *testing.T, client *http.Client, r *http.Request, what string, always bool) {
	t.Helper()
	begun := time.Now()
	res, err := client.Do(r)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if took := time.Since(begun); err != nil || took > 10*time.Second {
		t.Errorf("%s took %v: %v", what, took, err)
	}
	code := grpcStatus(res, raw).Get("Grpc-Status")
	switch {
	case res.StatusCode >= 400 && res.StatusCode < 500:
	case res.StatusCode == 503 && strings.HasPrefix(r.URL.Path, "/api/v1/sdk/") && !always: // to a phone
	case res.StatusCode == 200 && code != "" && !slices.Contains([]string{"0", "2", "13"}, code):
	case res.StatusCode < 300 && (code == "" || code == "0") && !always:
	default:
		t.Errorf("%s is answered %d, code %q: %.100q", what, res.StatusCode, code, raw)
	}
}
