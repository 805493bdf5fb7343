// Package front is what a request of the public listener meets before the
// domain: its id, its limit, its proof, its body, and its place in the log.
package front

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/failpoint"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/server/call"
	"github.com/openwearables/openwearables/server/rest"
	"github.com/openwearables/openwearables/server/rpc"
)

// rpcPrefix is the path under which the services of openwearables.v1 are.
const rpcPrefix = "/openwearables.v1."

// Front is everything that a request of the public listener meets before the
// domain: from the listener to the generated stubs. Safe for concurrent use.
type Front struct {
	auth        *auth.Auth
	checkOrigin func(*http.Request) error
	proxies     []netip.Prefix
	metrics     *metrics
	now         func() time.Time
	begin       func(context.Context) context.Context
	log         *slog.Logger
	mux         *http.ServeMux
	handler     http.Handler
}

// Config is what an operator sets of the front.
type Config struct {
	AllowedOrigins []string       // whose pages may call the API and use the refresh cookie
	AllowLocalhost bool           // any port of localhost is an allowed origin
	TrustedProxies []netip.Prefix // whose X-Forwarded-For counts
	Reflection     bool           // gRPC server reflection
}

// Ports are what the front needs from the server behind it.
type Ports struct {
	Auth      *auth.Auth
	Workouts  *event.Workouts
	Ready     func(context.Context) error           // an error while requests cannot be served
	Degraded  func() bool                           // what is acknowledged may be lost
	RedisLost func() bool                           // nil without Redis
	Begin     func(context.Context) context.Context // adds to a request's context what lasts as long as it
	Now       func() time.Time
	Log       *slog.Logger
}

// New returns the front of the services in p.
func New(config Config, p Ports) *Front {
	allowed := origins{config.AllowedOrigins, config.AllowLocalhost}
	f := &Front{
		auth: p.Auth, checkOrigin: allowed.sameSiteCheck(), proxies: config.TrustedProxies,
		metrics: newMetrics(p.RedisLost), now: p.Now, begin: p.Begin, log: p.Log, mux: http.NewServeMux(),
	}
	f.registerREST(p.Workouts)
	f.registerRPC(p.Workouts, config.Reflection)
	health{p.Ready, p.Degraded}.register(f.handleUnlimited)
	registerDocs(f.handleLimited)
	f.handleLimited("GET /.well-known/jwks.json", "JWKS", f.jwks)
	f.mux.HandleFunc("/", f.unmatched)
	f.handler = f.record(f.preflight(allowed.cors().Handler(f.canonicalPath(f.mux))))
	return f
}

// Handler serves the public listener.
func (f *Front) Handler() http.Handler { return f.handler }

// Metrics serves GET /metrics, for a listener that the public does not reach.
func (f *Front) Metrics() http.Handler { return f.metrics.handler() }

// Mount serves h at the pattern behind what every request goes through: its
// id, its limit, its log line. h reads the body and checks any proof itself.
// Call it before the first request.
func (f *Front) Mount(pattern string, h http.Handler) { f.handleLimited(pattern, pattern, h.ServeHTTP) }

// handleLimited serves h at the pattern, behind a limit, as the named operation.
func (f *Front) handleLimited(pattern, operation string, h http.HandlerFunc) {
	f.mux.Handle(pattern, f.limited(operation, h))
}

// handleUnlimited is handleLimited without a limit.
func (f *Front) handleUnlimited(pattern, operation string, h http.HandlerFunc) {
	f.mux.Handle(pattern, f.unlimited(operation, h))
}

// surfaceOf is the surface that a request speaks to.
func surfaceOf(r *http.Request) surface {
	if strings.HasPrefix(r.URL.Path, rpcPrefix) || strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		return rpc.Fail
	}
	return rest.Fail
}

// record is the outermost handler: it opens the call, carries on what every
// answer shows, and leaves one log line, whatever happens within.
func (f *Front) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, r := call.New(w, r, f.now, f.begin)
		c.CheckOrigin = f.checkOrigin
		c.RequestID = requestID(r.Header.Get("X-Request-Id"))
		c.Address = clientAddress(r, f.proxies)
		c.Client = truncate(strings.ToValidUTF8(r.UserAgent(), "\uFFFD"), problem.MaxText)
		if keys := r.Header["Idempotency-Key"]; len(keys) > 0 {
			c.IdempotencyKey = &keys[0]
		}
		setSecurityHeaders(w.Header(), r)
		if r.ProtoMajor == 1 && (r.ProtoMinor == 0 || len(r.TransferEncoding) > 0) {
			// RFC 9112 section 6.1: a Content-Length beside a Transfer-Encoding, and a
			// Transfer-Encoding in HTTP/1.0, are not seen here, and what follows such a
			// request may be no request.
			w.Header().Set("Connection", "close")
		}
		defer f.finish(c, r)
		next.ServeHTTP(c, r)
	})
}

// finish answers a panic, ends the answer and logs the request.
func (f *Front) finish(c *call.Call, r *http.Request) {
	if cause := recover(); cause != nil {
		if cause == http.ErrAbortHandler {
			panic(cause)
		}
		err := &problem.Error{
			Kind: problem.Internal, Reason: "internal", Detail: "Internal server error",
			Cause: fmt.Errorf("panic: %v\n%s", cause, debug.Stack()),
		}
		c.Failure = err
		if c.Status != 0 { // the caller must not take what it has for the whole answer
			defer panic(http.ErrAbortHandler)
		} else {
			surfaceOf(r)(c, r, err)
		}
	}
	c.Finish()
	f.logRequest(c, r)
	failpoint.Hit(failpoint.AfterReply)
}

func (f *Front) logRequest(c *call.Call, r *http.Request) {
	took := time.Since(c.Started)
	f.metrics.observe(c, took)
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("request_id", c.RequestID), slog.String("method", truncate(r.Method, 16)),
		slog.String("operation", c.Operation), slog.Int("status", c.Status),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("ip", c.Address.String()), slog.String("client", c.Client))
	if c.Principal != nil {
		attrs = append(attrs, slog.String("actor", c.Principal.Actor()))
	}
	level := slog.LevelInfo
	if e := c.Failure; e != nil {
		attrs = append(attrs, slog.String("reason", e.Reason))
		if e.Cause != nil {
			level = slog.LevelError
			attrs = append(attrs, slog.String("error", e.Cause.Error()))
		}
	}
	f.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// requestID is the caller's own id if it is a sane one, else a new one.
func requestID(sent string) string {
	if n := len(sent); n >= 1 && n <= 128 && strings.Trim(sent, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == "" {
		return sent
	}
	return "req_" + strings.ToLower(rand.Text())
}

// truncate shortens s to at most n characters.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// setSecurityHeaders sets what tells browsers to do nothing with an answer but read it.
func setSecurityHeaders(h http.Header, r *http.Request) {
	h["X-Content-Type-Options"] = nosniff
	h["Content-Security-Policy"] = emptyPolicy
	h["Referrer-Policy"] = noReferrer
	if r.TLS != nil {
		h["Strict-Transport-Security"] = oneYear
	}
}

// Shared by all answers and never changed.
var (
	nosniff     = []string{"nosniff"}
	emptyPolicy = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer  = []string{"no-referrer"}
	oneYear     = []string{"max-age=31536000"}
)
