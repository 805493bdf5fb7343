package scenario_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/server"
)

// benchNode is a node without a listener, and the credentials for the benchmarks.
type benchNode struct {
	server *server.Server
	admin  string // a developer's access token
	key    string
	older  string // the older secret of another key
	user   string
	app    auth.AppCredentials
}

// newBenchNode starts a node that discards its log.
func newBenchNode(b *testing.B, change ...func(*server.Config)) *benchNode {
	b.Helper()
	config := server.DefaultConfig()
	config.Database = "sqlite:" + filepath.Join(b.TempDir(), "node.db")
	config.Log = slog.New(slog.DiscardHandler)
	unlimited(&config)
	for _, f := range change {
		f(&config)
	}
	s, err := server.New(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	n := &benchNode{server: s}
	password := passphrase()
	ctx := auth.WithCaller(b.Context(), &auth.Caller{})
	if _, err := s.Auth().Developers.Create(ctx, "dev@example.com", password); err != nil {
		b.Fatal(err)
	}
	grant, err := s.Auth().Logins.Login(ctx, auth.LoginInput{Email: "dev@example.com", Password: password})
	if err != nil {
		b.Fatal(err)
	}
	n.admin = grant.AccessToken
	ctx = n.asAdmin(b)
	n.key = n.newKey(b, auth.KeyInput{})
	rotated, err := s.Auth().Keys.Create(ctx, auth.KeyInput{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Auth().Keys.Rotate(ctx, rotated.Key.ID, 3600); err != nil {
		b.Fatal(err)
	}
	n.older = rotated.Secret
	app, err := s.Auth().Applications.Create(ctx, "App")
	if err != nil {
		b.Fatal(err)
	}
	n.app = auth.AppCredentials{AppID: app.Application.AppID, AppSecret: app.Secret}
	user, err := s.Auth().Users.Create(ctx, auth.UserPatch{})
	if err != nil {
		b.Fatal(err)
	}
	n.user = user.ID
	return n
}

// asAdmin returns a context in which the developer calls.
func (n *benchNode) asAdmin(b *testing.B) context.Context {
	b.Helper()
	caller := new(auth.Caller)
	n.server.Auth().Authenticator.Bearer(b.Context(), caller, n.admin)
	return auth.WithCaller(b.Context(), caller)
}

// newKey creates a key and returns its secret.
func (n *benchNode) newKey(b *testing.B, in auth.KeyInput) string {
	b.Helper()
	key, err := n.server.Auth().Keys.Create(n.asAdmin(b), in)
	if err != nil {
		b.Fatal(err)
	}
	return key.Secret
}

// session opens a session of the user and returns its pair.
func (n *benchNode) session(b *testing.B) auth.Grant {
	b.Helper()
	grant, err := n.server.Auth().Tokens.Create(auth.WithCaller(b.Context(), &auth.Caller{}), n.user, n.app)
	if err != nil {
		b.Fatal(err)
	}
	return grant
}

// BenchmarkAuthenticate measures the authenticator alone, the cost that every request pays.
func BenchmarkAuthenticate(b *testing.B) {
	n := newBenchNode(b)
	for name, credential := range map[string]string{
		"key, cached": n.key, "older secret of a key, cached": n.older, "developer token, cached": n.admin, "user token, cached": n.session(b).AccessToken,
		"key, wrong checksum": n.key[:len(n.key)-1] + "#", "key, unknown": credential.Mint(credential.LiveKey),
		"token, wrong signature": n.admin[:len(n.admin)-8] + "AAAAAAAA",
	} {
		b.Run(name, func(b *testing.B) {
			ctx, caller := b.Context(), new(auth.Caller)
			b.ReportAllocs()
			for b.Loop() {
				n.server.Auth().Authenticator.Bearer(ctx, caller, credential)
			}
		})
	}
	networks, last := bound(b)
	key := n.newKey(b, auth.KeyInput{AllowedNetworks: &networks})
	for name, from := range map[string]netip.Addr{"key of 32 networks, cached": last, "key outside its networks": netip.MustParseAddr("203.0.113.1")} {
		b.Run(name, func(b *testing.B) {
			ctx, caller := b.Context(), &auth.Caller{Address: from}
			b.ReportAllocs()
			for b.Loop() {
				n.server.Auth().Authenticator.Bearer(ctx, caller, key)
			}
		})
	}
	b.Run("key, cached, on every processor", func(b *testing.B) {
		ctx := b.Context()
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			caller := new(auth.Caller)
			for pb.Next() {
				n.server.Auth().Authenticator.Key(ctx, caller, n.key)
			}
		})
	})
}

// bound returns as many networks as a key may be bound to, and an address in the last of them.
func bound(b *testing.B) (networks []string, last netip.Addr) {
	b.Helper()
	for i := range 32 {
		last = netip.AddrFrom4([4]byte{10, byte(i), 0, 1})
		networks = append(networks, netip.PrefixFrom(last, 16).String())
	}
	return networks, last
}

// readRequests returns a constructor of one authenticated read for each surface.
func readRequests(n *benchNode) map[string]func() *http.Request {
	request := func(method, path, contentType string, body []byte) func() *http.Request {
		return func() *http.Request {
			r, err := http.NewRequest(method, path, bytes.NewReader(body))
			if err != nil {
				panic(err)
			}
			r.RemoteAddr, r.RequestURI, r.Host = "192.0.2.1:1234", path, "localhost"
			if contentType != "" {
				r.Header.Set("Content-Type", contentType)
			}
			r.Header.Set("Authorization", "Bearer "+n.key)
			return r
		}
	}
	get := "/openwearables.v1.UserService/GetUser"
	return map[string]func() *http.Request{
		"rest":          request("GET", "/api/v1/users/"+n.user, "", nil),
		"connect json":  request("POST", get, "application/json", []byte(`{"id":"`+n.user+`"}`)),
		"connect proto": request("POST", get, "application/proto", append([]byte{10, byte(len(n.user))}, n.user...)),
	}
}

// discardResponse is a ResponseWriter that keeps only the status.
type discardResponse struct {
	header http.Header
	status int
}

func (d *discardResponse) Header() http.Header         { return d.header }
func (d *discardResponse) Write(p []byte) (int, error) { return len(p), nil }
func (d *discardResponse) WriteHeader(status int)      { d.status = status }

// BenchmarkHandler measures an authenticated read of a user, without a network.
func BenchmarkHandler(b *testing.B) {
	n := newBenchNode(b)
	all := readRequests(n)
	nothing := all["rest"]
	all["rest, refused before the store"] = func() *http.Request {
		r := nothing()
		r.URL.Path = "/api/v1/auth/me" // refused for API keys
		return r
	}
	for name, request := range all {
		b.Run(name, func(b *testing.B) {
			h := n.server.Handler()
			b.ReportAllocs()
			for b.Loop() {
				w := &discardResponse{header: make(http.Header)}
				h.ServeHTTP(w, request())
				if w.status != 0 && w.status != 200 && w.status != 403 {
					b.Fatal(w.status)
				}
			}
		})
	}
}

// BenchmarkTraces measures what traces add to an authenticated read, with a collector that takes
// them.
func BenchmarkTraces(b *testing.B) {
	for _, c := range []struct{ name, sampler, share string }{{"off", "", ""}, {"one in a hundred", "traceidratio", "0.01"}, {"all", "always_on", ""}} {
		b.Run(c.name, func(b *testing.B) {
			if c.sampler != "" {
				collectTraces(b)
				b.Setenv("OTEL_TRACES_SAMPLER", c.sampler)
				b.Setenv("OTEL_TRACES_SAMPLER_ARG", c.share)
			}
			n := newBenchNode(b, func(c *server.Config) { c.Traces = true })
			h, request := n.server.Handler(), readRequests(n)["rest"]
			b.ReportAllocs()
			for b.Loop() {
				w := &discardResponse{header: make(http.Header)}
				if h.ServeHTTP(w, request()); w.status != 200 {
					b.Fatal(w.status)
				}
			}
		})
	}
}

// BenchmarkLoopback measures the same read over HTTP/1.1, one connection per processor.
func BenchmarkLoopback(b *testing.B) {
	n := newBenchNode(b)
	h := httptest.NewServer(n.server.Handler())
	b.Cleanup(h.Close)
	for name, request := range readRequests(n) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				transport := new(http.Transport)
				defer transport.CloseIdleConnections()
				for pb.Next() {
					r := request()
					r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", strings.TrimPrefix(h.URL, "http://")
					res, err := transport.RoundTrip(r)
					if err != nil {
						b.Error(err)
						return
					}
					if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 200 {
						b.Errorf("%d %v", res.StatusCode, err)
					}
					res.Body.Close()
				}
			})
		})
	}
}

// BenchmarkRefresh measures a rotation, which is durable before it is answered.
func BenchmarkRefresh(b *testing.B) {
	n := newBenchNode(b)
	next := func(ctx context.Context, token string) string {
		grant, err := n.server.Auth().RefreshTokens.Refresh(auth.WithCaller(ctx, &auth.Caller{}), token)
		if err != nil {
			b.Error(err)
		}
		return grant.RefreshToken
	}
	b.Run("alone", func(b *testing.B) {
		token := n.session(b).RefreshToken
		b.ReportAllocs()
		for b.Loop() {
			token = next(b.Context(), token)
		}
	})
	b.Run("64 at once", func(b *testing.B) {
		var sessions [64]string
		for i := range sessions {
			sessions[i] = n.session(b).RefreshToken
		}
		var client atomic.Int64
		b.ReportAllocs()
		b.SetParallelism(64)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			i := client.Add(1) - 1
			if i >= int64(len(sessions)) {
				return // more processors than sessions
			}
			token := sessions[i]
			for pb.Next() {
				token = next(b.Context(), token)
			}
		})
	})
}
