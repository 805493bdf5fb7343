package openwearables_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// What one hostile response may cost: the buffers of 16 MiB that grow by doubling, the
// server's included, and some time of a busy machine.
const (
	mostAllocated = 160 << 20
	mostTime      = 10 * time.Second
)

// hostile is a server that gives the same response to every request and counts the
// requests by method.
type hostile struct {
	*httptest.Server
	mu    sync.Mutex
	calls map[string]int
}

func newHostile(t testing.TB, respond http.HandlerFunc) *hostile {
	t.Helper()
	h := &hostile{calls: map[string]int{}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.calls[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]++
		h.mu.Unlock()
		respond(w, r)
	}))
	t.Cleanup(func() {
		h.CloseClientConnections()
		h.Close()
	})
	return h
}

func (h *hostile) requests(method string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls[method]
}

// respond returns a handler that sends this status, these headers (name, value, ...)
// and this body.
func respond(status int, body []byte, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

// endless returns a handler that sends the part again and again until nobody reads.
func endless(status int, part []byte, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		respond(status, part, headers...)(w, r)
		for r.Context().Err() == nil {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	}
}

// packed returns data as gzip, so many times.
func packed(t testing.TB, times int, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(data)
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return bytes.Repeat(b.Bytes(), times)
}

// costs runs call and fails the test if it takes more memory or time than a response
// may.
func costs(t *testing.T, call func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	call()
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	if allocated > mostAllocated || took > mostTime {
		t.Errorf("took %d MiB and %v", allocated>>20, took)
	}
	t.Logf("%d MiB, %v", allocated>>20, took.Round(time.Millisecond))
}

// isInvalidResponse fails the test unless err is of a response that cannot be used.
func isInvalidResponse(t *testing.T, err error) {
	t.Helper()
	var e *openwearables.Error
	if !errors.As(err, &e) || e.Kind != openwearables.KindInternal || e.Reason != openwearables.ReasonInvalidResponse {
		t.Errorf("err = %v, want an invalid response", err)
	}
	printsOnOneLine(t, err)
}

// A message that takes two bytes for each of eight million users, and its JSON.
var (
	manyUsers     = bytes.Repeat([]byte{1<<3 | 2, 0}, 8<<20-8)
	manyUsersJSON = append(append([]byte(`{"items":[{}`), bytes.Repeat([]byte(",{}"), 5<<20)...), "]}"...)
)

func hostileResponses(t testing.TB, media string) map[string]http.HandlerFunc {
	zeros := make([]byte, 16<<20)
	bomb := packed(t, 64, zeros) // 1 GiB in 1 MB
	items := manyUsers
	if media == "application/json" {
		items = manyUsersJSON
	}
	message, _ := json.Marshal(map[string]string{"code": "unavailable", "message": strings.Repeat("m", 10<<20)})
	details := append(append([]byte(`{"code":"unavailable","details":[{}`), bytes.Repeat([]byte(",{}"), 1<<20)...), "]}"...)
	return map[string]http.HandlerFunc{
		"a gzip bomb":                     respond(200, bomb, "Content-Type", media, "Content-Encoding", "gzip"),
		"an error that is a gzip bomb":    respond(503, bomb, "Content-Type", "application/json", "Content-Encoding", "gzip"),
		"a small gzip of many items":      respond(200, packed(t, 1, items), "Content-Type", media, "Content-Encoding", "gzip"),
		"many items":                      respond(200, items, "Content-Type", media),
		"an endless body":                 endless(200, zeros, "Content-Type", media),
		"an endless error":                endless(503, zeros, "Content-Type", "application/json"),
		"an endless gzip":                 endless(200, bomb, "Content-Type", media, "Content-Encoding", "gzip"),
		"a length of 4 GiB":               endless(200, zeros, "Content-Type", media, "Content-Length", "4294967296"),
		"an error message of 10 MB":       respond(503, message, "Content-Type", "application/json"),
		"an error message of 10 MB, gzip": respond(503, packed(t, 1, message), "Content-Type", "application/json", "Content-Encoding", "gzip"),
		"an error of a million details":   respond(503, details, "Content-Type", "application/json"),
		"what is not gzip":                respond(200, []byte("plain"), "Content-Type", media, "Content-Encoding", "gzip"),
		"half a gzip":                     respond(200, bomb[:8000], "Content-Type", media, "Content-Encoding", "gzip"),
		"an error that is half a gzip":    respond(503, bomb[:8000], "Content-Type", "application/json", "Content-Encoding", "gzip"),
		"an unknown encoding":             respond(200, zeros[:9], "Content-Type", media, "Content-Encoding", "br"),
		"what is not a message":           respond(200, []byte("\xff\xff\xff"), "Content-Type", media),
		"half a message":                  respond(200, []byte{1<<3 | 2, 100, 1}, "Content-Type", media),
		"another content type":            respond(200, nil, "Content-Type", "application/octet-stream"),
		"large headers":                   respond(200, nil, "Content-Type", media, "X-Large", strings.Repeat("h", 100<<10)),
	}
}

// A hostile response costs a bounded amount of memory and time, fails the call as
// unusable and is not asked for again.
func TestHostileResponsesAreBoundedAndNotRepeated(t *testing.T) {
	for codec, opts := range map[string][]connect.ClientOption{
		"application/proto": nil, "application/json": {connect.WithProtoJSON()},
	} {
		for name, response := range hostileResponses(t, codec) {
			t.Run(codec+"/"+name, func(t *testing.T) {
				server := newHostile(t, response)
				c := newClient(t, server.URL, openwearables.WithAPIKey("ow_live_x"))
				h, opt := c.Connect()
				users := owv1connect.NewUserServiceClient(h, c.BaseURL(), append([]connect.ClientOption{opt}, opts...)...)
				costs(t, func() {
					_, err := users.ListUsers(t.Context(), &owv1.ListUsersRequest{})
					isInvalidResponse(t, err)
				})
				if n := server.requests("ListUsers"); n != 1 {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
}

// The calls for tokens are bounded alike, ask once, and a session survives.
func TestHostileTokenResponsesLeaveTheSession(t *testing.T) {
	p := newPerson(t)
	for name, response := range hostileResponses(t, "application/proto") {
		t.Run(name, func(t *testing.T) {
			server := newHostile(t, response)
			ctx, app := t.Context(), openwearables.AppCredentials("app_x", "secret_x")
			store := seeded(t, server.URL, p.pair, expired)
			before, _ := store.Load(ctx)
			session := newClient(t, server.URL, openwearables.WithStore(store))
			key := newClient(t, server.URL, openwearables.WithAPIKey("ow_live_x"))
			for method, call := range map[string]func() error{
				"RefreshToken": func() error { _, _, err := session.Token(ctx); return err },
				"Login":        func() error { _, err := openwearables.Login(ctx, server.URL, "a@example.com", "x"); return err },
				"CreateUserToken": func() error {
					_, err := key.Tokens.Exchange(ctx, "u", app)
					return err
				},
			} {
				costs(t, func() { isInvalidResponse(t, call()) })
				if n := server.requests(method); n != 1 {
					t.Errorf("%d requests of %s", n, method)
				}
			}
			_, err := key.Tokens.Create(ctx, "u")
			isInvalidResponse(t, err)
			if after, err := store.Load(ctx); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the session changed: %v", err)
			}
		})
	}
}

// The envelopes of gRPC-Web are bounded by what they announce and what they unpack to.
func TestHostileEnvelopesAreBounded(t *testing.T) {
	envelope := func(flags byte, size uint32, data []byte) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{flags}, size), data...)
	}
	zeros := make([]byte, 16<<20)
	bomb, items := packed(t, 64, zeros), packed(t, 1, manyUsers)
	const media = "application/grpc-web+proto"
	for name, response := range map[string]http.HandlerFunc{
		"a prefix of 4 GiB":        endless(200, envelope(0, 1<<32-1, zeros), "Content-Type", media),
		"a trailer of 1 MiB":       endless(200, envelope(0x80, 1<<20, zeros), "Content-Type", media),
		"a gzip bomb":              respond(200, envelope(1, uint32(len(bomb)), bomb), "Content-Type", media, "Grpc-Encoding", "gzip"),
		"many items":               respond(200, envelope(0, uint32(len(manyUsers)), manyUsers), "Content-Type", media),
		"what is not a message":    respond(200, envelope(0, 3, []byte("\xff\xff\xff")), "Content-Type", media),
		"what is not gzip":         respond(200, envelope(1, 3, []byte("\xff\xff\xff")), "Content-Type", media, "Grpc-Encoding", "gzip"),
		"many items, a small gzip": respond(200, envelope(1, uint32(len(items)), items), "Content-Type", media, "Grpc-Encoding", "gzip"),
	} {
		t.Run(name, func(t *testing.T) {
			server := newHostile(t, response)
			c := newClient(t, server.URL, openwearables.WithAPIKey("ow_live_x"))
			h, opt := c.Connect()
			users := owv1connect.NewUserServiceClient(h, c.BaseURL(), opt, connect.WithGRPCWeb())
			costs(t, func() {
				_, err := users.ListUsers(t.Context(), &owv1.ListUsersRequest{})
				isInvalidResponse(t, err)
			})
			if n := server.requests("ListUsers"); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// Large headers are refused over HTTP/2 too.
func TestLargeHeadersOverHTTP2AreRefused(t *testing.T) {
	many := []string{"Content-Type", "application/proto"}
	for i := range 200 {
		many = append(many, "X-Large-"+strconv.Itoa(i), strings.Repeat("h", 1<<10))
	}
	for name, response := range map[string]http.HandlerFunc{
		"one":  respond(200, nil, "Content-Type", "application/proto", "X-Large", strings.Repeat("h", 100<<10)),
		"many": respond(200, nil, many...),
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if r.ProtoMajor != 2 {
					t.Error(r.Proto)
				}
				response(w, r)
			}))
			server.EnableHTTP2 = true
			server.StartTLS()
			defer server.Close()
			h := server.Client()
			h.Transport.(*http.Transport).MaxResponseHeaderBytes = 64 << 10
			_, err := newClient(t, server.URL, openwearables.WithHTTPClient(h)).Users.Get(t.Context(), "u")
			isInvalidResponse(t, err)
			if n := requests.Load(); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// A response within the bound is read, and the option moves the bound.
func TestMaxResponseBytesMovesTheBound(t *testing.T) {
	name := strings.Repeat("n", 200<<10)
	body, err := json.Marshal(map[string]any{"user": map[string]string{"id": "u", "firstName": name}})
	if err != nil {
		t.Fatal(err)
	}
	for encoding, response := range map[string]http.HandlerFunc{
		"identity": respond(200, body, "Content-Type", "application/json; charset=UTF-8"),
		"gzip":     respond(200, packed(t, 1, body), "Content-Type", "application/json", "Content-Encoding", "gzip"),
	} {
		for _, bound := range []int{64 << 10, 1 << 20} {
			c := newClient(t, newHostile(t, response).URL, openwearables.WithMaxResponseBytes(bound))
			h, opt := c.Connect()
			res, err := owv1connect.NewUserServiceClient(h, c.BaseURL(), opt, connect.WithProtoJSON()).GetUser(t.Context(), &owv1.GetUserRequest{})
			if bound < len(body) {
				isInvalidResponse(t, err)
			} else if err != nil || res.GetUser().GetFirstName() != name {
				t.Errorf("%s, %d: %v", encoding, bound, err)
			}
		}
	}
}
