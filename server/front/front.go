// Package front serves the public listener. Each request passes, in this order:
// size of its header; request id, log and panic handler; CORS; canonical path;
// authentication, rate limit, proof and body of its operation; the generated stub.
package front

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/failpoint"
	"github.com/openwearables/openwearables/internal/gateway"
	"github.com/openwearables/openwearables/internal/installation"
	"github.com/openwearables/openwearables/internal/policy"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/tracing"
	"github.com/openwearables/openwearables/internal/usage"
	"github.com/openwearables/openwearables/server/call"
	"github.com/openwearables/openwearables/server/rest"
	"github.com/openwearables/openwearables/server/rpc"
)

// rpcPrefix begins the paths of the services of openwearables.v1.
const rpcPrefix = "/openwearables.v1."

// Front handles the requests of the public listener up to the generated stubs.
// It is safe for concurrent use.
type Front struct {
	auth         *auth.Auth
	usage        *usage.Meter
	checkOrigin  func(*http.Request) error
	proxies      []netip.Prefix
	clientHeader ClientHeader
	metrics      *metrics
	uploads      *uploads
	policy       func() *policy.Policy // of /forward-auth; nil: there is none
	now          func() time.Time
	begin        func(context.Context) context.Context
	tracer       *tracing.Tracer
	log          *slog.Logger
	mux          *http.ServeMux
	patterns     []string     // of the mux, in the order of registration
	unmatched    http.Handler // of requests without a route
	forwarding   *forwarding  // nil: nothing is forwarded
	handler      http.Handler
}

// Config holds the settings of the front.
type Config struct {
	AllowedOrigins []string       // whose pages may call the API and use the refresh cookie
	AllowedHeaders []string       // that their scripts may send beside the usual ones
	AllowLocalhost bool           // allow the origin localhost on any port
	TrustedProxies []netip.Prefix // proxies whose ClientHeader is used
	ClientHeader   ClientHeader
	Reflection     bool // gRPC server reflection
	Dashboard      bool // the pages of the dashboard

	PublicURL string // that callers know this server by; "": unknown

	UploadMemory     int64         // bytes of all bodies above 64 KiB that are in flight, at least 8 MiB
	UploadsPerCaller int           // such bodies of one caller, at least 1
	ReadTimeout      time.Duration // of one such body
}

// Ports are what the front needs from the server.
type Ports struct {
	Auth     *auth.Auth
	Workouts *event.Workouts
	Usage    *usage.Meter
	Reports  *usage.Reports
	Alerts   *alert.Alerts

	Gateway *gateway.Gateway // nil: there is no upstream

	Installation *installation.Reports
	Policy       func() *policy.Policy                           // returns who may call what behind proxies; nil: there is no /forward-auth
	Ready        func(context.Context) error                     // returns an error while requests cannot be served
	Degraded     func() bool                                     // reports whether acknowledged writes may be lost, or limits are counted in shares
	Begin        func(context.Context) context.Context           // returns the context of a new request
	Turn         func(context.Context) (leave func(), err error) // waits until a large body may be worked on
	Tracer       *tracing.Tracer                                 // nil: no traces
	Metrics      []prometheus.Collector                          // what /metrics says beside the requests
	Now          func() time.Time
	Log          *slog.Logger
}

// New returns a front on the services in p.
func New(config Config, p Ports) *Front {
	allowed := origins{config.AllowedOrigins, config.AllowLocalhost}
	f := &Front{
		auth: p.Auth, usage: p.Usage, checkOrigin: allowed.sameSiteCheck(), proxies: config.TrustedProxies, clientHeader: config.ClientHeader,
		uploads: newUploads(config.UploadMemory, config.UploadsPerCaller, config.ReadTimeout, p.Turn),
		policy:  p.Policy, now: p.Now, begin: p.Begin, tracer: p.Tracer, log: p.Log, mux: http.NewServeMux(),
	}
	f.metrics = newMetrics(f.uploads.bytes, p.Metrics)
	f.unmatched = f.aside("", refuse, readLater, http.HandlerFunc(f.notFound))
	if p.Gateway != nil {
		f.forwarding = f.newForwarding(p.Gateway)
	}
	f.registerREST(&p)
	f.registerRPC(&p, config.Reflection)
	f.registerHealth(health{p.Ready, p.Degraded})
	f.registerDocs(config.Dashboard)
	if config.Dashboard {
		f.registerDashboard()
	}
	f.handlePage("GET "+jwksPath, "JWKS", f.jwks)
	f.registerMetadata(config.PublicURL)
	if f.policy != nil {
		f.registerForwardAuth()
	}
	f.handle("/", http.HandlerFunc(f.beyond))
	for _, pattern := range noIDs {
		f.mux.Handle(pattern, f.unmatched)
	}
	outer := func(next http.Handler) http.Handler {
		return f.record(f.preflight(allowed, allowed.cors(config.AllowedHeaders).Handler(next)))
	}
	f.handler = f.boundHeader(outer(f.canonicalPath(f.mux)), outer(f.aside("", refuse, readLater, http.HandlerFunc(headerTooLarge))))
	return f
}

// Handler returns the handler of the public listener.
func (f *Front) Handler() http.Handler { return f.handler }

// Metrics returns the handler of GET /metrics, for a private listener.
func (f *Front) Metrics() http.Handler { return f.metrics.handler() }

// Patterns returns the pattern of every route, as http.ServeMux has it.
func (f *Front) Patterns() []string { return slices.Clone(f.patterns) }

// Mount serves h at the pattern. Before h, a request gets its id and spends its
// limit, and its body is read: at most 4 KiB, not compressed, and well-formed if
// it is JSON or a gRPC message. The request is logged after h returns. h itself
// checks credentials. Call Mount before the first request.
func (f *Front) Mount(pattern string, h http.Handler) {
	f.handle(pattern, f.aside(pattern, refuse, readMounted, h))
}

// MountStream is Mount for a handler that reads the body itself. h must limit its
// size, also after decompression, and the time that it takes.
func (f *Front) MountStream(pattern string, h http.Handler) {
	f.handle(pattern, f.aside(pattern, refuse, readLater, h))
}

// handle serves h, which is behind the pipeline, at the pattern.
func (f *Front) handle(pattern string, h http.Handler) {
	f.patterns = append(f.patterns, pattern)
	f.mux.Handle(pattern, h)
}

// handlePage serves h, which takes no body, as the named operation.
func (f *Front) handlePage(pattern, operation string, h http.HandlerFunc) {
	f.handle(pattern, f.aside(operation, refuse, readNone, h))
}

// surfaceOf returns the surface that the request addresses.
func surfaceOf(r *http.Request) surface {
	if strings.HasPrefix(r.URL.Path, rpcPrefix) || strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		return rpc.Fail
	}
	return rest.Fail
}

// record is the outermost handler. It opens the call, sets the headers that
// every answer carries, and logs one line, even after a panic.
func (f *Front) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.tracer != nil && !isProbe(r.URL.Path) {
			r = r.WithContext(f.tracer.Request(r.Context(), r.Header))
		}
		c, r := call.New(w, r, f.now, f.begin)
		f.metrics.begin()
		c.CheckOrigin = f.checkOrigin
		c.RequestID = requestID(r.Header.Get("X-Request-Id"))
		c.Address = clientAddress(r, f.clientHeader, f.proxies)
		c.Client = clientOf(r.Header)
		if keys := r.Header["Idempotency-Key"]; len(keys) > 0 {
			c.IdempotencyKey = &keys[0]
		}
		setSecurityHeaders(w.Header(), r)
		if r.ProtoMajor == 1 && (r.ProtoMinor == 0 || len(r.TransferEncoding) > 0) {
			// RFC 9112 section 6.1: net/http shows neither a Content-Length
			// beside a Transfer-Encoding nor a Transfer-Encoding in HTTP/1.0.
			// The bytes after such a request may not be a request.
			w.Header().Set("Connection", "close")
		}
		defer f.finish(c, r)
		next.ServeHTTP(c, r)
	})
}

// clientOf returns what the caller says that it is. A page cannot set User-Agent, so that
// our SDKs name themselves in X-User-Agent, which is put before the browser; what others
// write there says less.
func clientOf(h http.Header) string {
	agent := h.Get("User-Agent")
	if sdk := h.Get("X-User-Agent"); usage.IsSDK(sdk) {
		agent = strings.TrimSpace(sdk + " " + agent)
	}
	return truncate(strings.ToValidUTF8(credential.Redact(agent), "\uFFFD"), problem.MaxText)
}

// finish turns a panic into a 500, completes the answer and logs the request.
func (f *Front) finish(c *call.Call, r *http.Request) {
	if cause := recover(); cause != nil {
		if cause == http.ErrAbortHandler {
			f.logRequest(c, r)
			panic(cause)
		}
		err := &problem.Error{
			Kind: problem.Internal, Reason: "internal", Detail: "Internal server error",
			Cause: fmt.Errorf("panic: %v\n%s", cause, debug.Stack()),
		}
		c.Failure = err
		if c.Status != 0 { // cut the answer off, so that the client sees that it is incomplete
			defer panic(http.ErrAbortHandler)
		} else {
			surfaceOf(r)(c, r, err)
		}
	}
	c.Finish()
	f.logRequest(c, r)
	failpoint.Hit(failpoint.AfterReply)
}

// logRequest counts the request and logs one line for it.
func (f *Front) logRequest(c *call.Call, r *http.Request) {
	took := time.Since(c.Started)
	f.metrics.observe(c, took)
	f.usage.Count(&c.Caller, named(c.Operation), usage.OutcomeOf(c.Outcome()))
	trace := f.traced(c, r)
	attrs := make([]slog.Attr, 0, 11)
	attrs = append(attrs,
		slog.String("request_id", c.RequestID), slog.String("method", truncate(credential.Redact(r.Method), 16)),
		slog.String("operation", c.Operation), slog.Int("status", c.Status),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("ip", c.Address.String()), slog.String("client", c.Client))
	if c.Principal != nil {
		attrs = append(attrs, slog.String("actor", c.Principal.Actor()))
	}
	if c.Upstream > 0 {
		attrs = append(attrs, slog.Float64("upstream_ms", float64(c.Upstream.Microseconds())/1000))
	}
	if trace != "" {
		attrs = append(attrs, slog.String("trace_id", trace))
	}
	level := slog.LevelInfo
	if e := c.Failure; e != nil {
		attrs = append(attrs, slog.String("reason", e.Reason))
		if e.Cause != nil {
			level = slog.LevelError
			attrs = append(attrs, slog.String("error", credential.Redact(e.Cause.Error())))
		}
	}
	f.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// requestID returns the id that the client sent, if it is well-formed and holds no
// secret, or else a new one.
func requestID(sent string) string {
	if n := len(sent); n >= 1 && n <= 128 && strings.Trim(sent, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == "" &&
		credential.Redact(sent) == sent {
		return sent
	}
	return "req_" + strings.ToLower(rand.Text())
}

// truncate shortens s to at most n bytes, and cuts no character.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// setSecurityHeaders forbids browsers to do anything with the answer except read
// it.
func setSecurityHeaders(h http.Header, r *http.Request) {
	h["X-Content-Type-Options"] = nosniff
	h["Content-Security-Policy"] = emptyPolicy
	h["Referrer-Policy"] = noReferrer
	if r.TLS != nil {
		h["Strict-Transport-Security"] = oneYear
	}
}

// Shared by all answers, never changed.
var (
	nosniff     = []string{"nosniff"}
	emptyPolicy = []string{"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"}
	noReferrer  = []string{"no-referrer"}
	oneYear     = []string{"max-age=31536000"}
)
