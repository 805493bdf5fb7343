package openwearables_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// canned responds to every request at once, so that a benchmark measures the client
// alone.
type canned struct{ body []byte }

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	_ = r.Body.Close()
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header:        http.Header{"Content-Type": {"application/proto"}, "X-Request-Id": {"req_1"}},
		Body:          io.NopCloser(bytes.NewReader(c.body)),
		ContentLength: int64(len(c.body)),
	}, nil
}

func cannedClient(b testing.TB) *http.Client {
	b.Helper()
	body, err := proto.Marshal(&owv1.GetUserResponse{User: &owv1.User{Id: "u"}})
	if err != nil {
		b.Fatal(err)
	}
	return &http.Client{Transport: canned{body}}
}

const benchBase = "https://api.example.com"

func benchPair() openwearables.TokenPair {
	return openwearables.TokenPair{
		Access: openwearables.NewSecret("access"), Refresh: openwearables.NewSecret("refresh"), ExpiresIn: time.Hour,
	}
}

// BenchmarkCall compares a call through this package with one of bare connect-go
// that sends no credential. Both contexts have a deadline; see
// BenchmarkCallDefaultDeadline for what setting one costs.
func BenchmarkCall(b *testing.B) {
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	benchmarkCalls(b, ctx, ctx)
}

// BenchmarkCallDefaultDeadline compares a call without a deadline, which this
// package gives one, with one of bare connect-go that sets its own.
func BenchmarkCallDefaultDeadline(b *testing.B) {
	benchmarkCalls(b, b.Context(), nil)
}

func benchmarkCalls(b *testing.B, ours, bare context.Context) {
	h, req := cannedClient(b), &owv1.GetUserRequest{Id: "u"}
	b.Run("bare", func(b *testing.B) {
		c := owv1connect.NewUserServiceClient(h, benchBase)
		for b.Loop() {
			ctx, cancel := bare, context.CancelFunc(func() {})
			if bare == nil {
				ctx, cancel = context.WithTimeout(b.Context(), 30*time.Second)
			}
			if _, err := c.GetUser(ctx, req); err != nil {
				b.Fatal(err)
			}
			cancel()
		}
	})
	b.Run("session", func(b *testing.B) {
		s := newClient(b, benchBase, openwearables.WithHTTPClient(h), openwearables.WithStore(openwearables.MemoryStore()))
		if err := s.SignIn(b.Context(), benchPair()); err != nil {
			b.Fatal(err)
		}
		benchmarkOurs(b, ours, s, req)
	})
	b.Run("key", func(b *testing.B) {
		benchmarkOurs(b, ours, newClient(b, benchBase, openwearables.WithHTTPClient(h), openwearables.WithAPIKey("key")), req)
	})
}

func benchmarkOurs(b *testing.B, ctx context.Context, s *openwearables.Client, req *owv1.GetUserRequest) {
	h, opts := s.Connect()
	c := owv1connect.NewUserServiceClient(h, s.BaseURL(), opts)
	for b.Loop() {
		if _, err := c.GetUser(ctx, req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkToken measures the engine's fast path.
func BenchmarkToken(b *testing.B) {
	s := newClient(b, benchBase, openwearables.WithStore(openwearables.MemoryStore()), openwearables.WithTimeout(0))
	if err := s.SignIn(b.Context(), benchPair()); err != nil {
		b.Fatal(err)
	}
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			_ = openwearables.FreshToken(s)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_ = openwearables.FreshToken(s)
			}
		})
	})
}

// benchCallers returns a bare client of connect-go and one of this package, over the
// same canned transport.
func benchCallers(tb testing.TB) (bare, ours owv1connect.UserServiceClient) {
	h := cannedClient(tb)
	s := newClient(tb, benchBase, openwearables.WithHTTPClient(h), openwearables.WithStore(openwearables.MemoryStore()))
	if err := s.SignIn(tb.Context(), benchPair()); err != nil {
		tb.Fatal(err)
	}
	authorized, opts := s.Connect()
	return owv1connect.NewUserServiceClient(h, benchBase), owv1connect.NewUserServiceClient(authorized, s.BaseURL(), opts)
}

// BenchmarkOverhead runs both clients in turns, so that a busy machine slows them
// alike, and reports the difference of their fastest rounds.
func BenchmarkOverhead(b *testing.B) {
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	bare, ours := benchCallers(b)
	req := &owv1.GetUserRequest{Id: "u"}
	fastest := [2]time.Duration{time.Hour, time.Hour}
	const calls = 20
	for b.Loop() {
		for i, c := range []owv1connect.UserServiceClient{bare, ours} {
			began := time.Now()
			for range calls {
				if _, err := c.GetUser(ctx, req); err != nil {
					b.Fatal(err)
				}
			}
			fastest[i] = min(fastest[i], time.Since(began))
		}
	}
	b.ReportMetric(float64(fastest[0])/calls, "bare-ns/call")
	b.ReportMetric(float64(fastest[1])/calls, "ours-ns/call")
	b.ReportMetric(float64(fastest[1]-fastest[0])/calls, "added-ns/call")
}

// BenchmarkInterceptor measures the interceptor without the call, which costs a few
// thousand ns and varies by more than the interceptor costs.
func BenchmarkInterceptor(b *testing.B) {
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	s := newClient(b, benchBase, openwearables.WithStore(openwearables.MemoryStore()))
	if err := s.SignIn(b.Context(), benchPair()); err != nil {
		b.Fatal(err)
	}
	req, res := connect.NewRequest(&owv1.GetUserRequest{Id: "u"}), connect.NewResponse(&owv1.GetUserResponse{})
	header := req.Header()
	for _, name := range []string{"Accept-Encoding", "Connect-Protocol-Version", "Connect-Timeout-Ms", "Content-Type", "User-Agent"} {
		header[name] = []string{"x"}
	}
	next := func(context.Context, connect.AnyRequest) (connect.AnyResponse, error) {
		delete(header, "Authorization")
		return res, nil
	}
	for name, call := range map[string]connect.UnaryFunc{"none": next, "ours": openwearables.Interceptor(s).WrapUnary(next)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := call(ctx, req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// This package adds no allocation to a call of bare connect-go.
func TestCallAllocatesNothingMore(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	bare, ours := benchCallers(t)
	req := &owv1.GetUserRequest{Id: "u"}
	count := func(c owv1connect.UserServiceClient) float64 {
		return testing.AllocsPerRun(2000, func() {
			if _, err := c.GetUser(ctx, req); err != nil {
				t.Fatal(err)
			}
		})
	}
	if before, after := count(bare), count(ours); after > before {
		t.Errorf("%v allocations a call, bare connect-go makes %v", after, before)
	}
}
