package server

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/failpoint"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/server/call"
	"github.com/openwearables/openwearables/server/rest"
	"github.com/openwearables/openwearables/server/rpc"
)

// rpcPrefix is the path under which the services of openwearables.v1 are.
const rpcPrefix = "/openwearables.v1."

// failer is the surface that a request speaks to.
func failer(r *http.Request) surface {
	if strings.HasPrefix(r.URL.Path, rpcPrefix) || strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		return rpc.Fail
	}
	return rest.Fail
}

// front is the outermost handler: it opens the call, carries on what every
// answer shows, and leaves one log line, whatever happens within.
func (s *Server) front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, r := call.New(w, r, s.now, s.begin)
		c.RequestID = requestID(r.Header.Get("X-Request-Id"))
		c.Address = clientAddress(r, s.config.TrustedProxies)
		c.Client = clip(strings.ToValidUTF8(r.UserAgent(), "\uFFFD"), problem.MaxText)
		if keys := r.Header["Idempotency-Key"]; len(keys) > 0 {
			c.IdempotencyKey = &keys[0]
		}
		secure(w.Header(), r)
		if r.ProtoMajor == 1 && (r.ProtoMinor == 0 || len(r.TransferEncoding) > 0) {
			// RFC 9112 section 6.1: a Content-Length beside a Transfer-Encoding, and a
			// Transfer-Encoding in HTTP/1.0, are not seen here, and what follows such a
			// request may be no request.
			w.Header().Set("Connection", "close")
		}
		defer s.finish(c, r)
		next.ServeHTTP(c, r)
	})
}

// finish answers a panic, ends the answer and logs the request.
func (s *Server) finish(c *call.Call, r *http.Request) {
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
			failer(r)(c, r, err)
		}
	}
	c.Finish()
	s.log(c, r)
	failpoint.Hit(failpoint.AfterReply)
}

func (s *Server) log(c *call.Call, r *http.Request) {
	took := time.Since(c.Started)
	s.metrics.observe(c, took)
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("request_id", c.RequestID), slog.String("method", clip(r.Method, 16)),
		slog.String("operation", c.Operation), slog.Int("status", c.Status),
		slog.Float64("ms", float64(took.Microseconds())/1000), slog.String("ip", c.Address.String()), slog.String("client", c.Client))
	if c.Principal != nil {
		attrs = append(attrs, slog.String("actor", c.Principal.Actor()))
	}
	level := slog.LevelInfo
	if f := c.Failure; f != nil {
		attrs = append(attrs, slog.String("reason", f.Reason))
		if f.Cause != nil {
			level = slog.LevelError
			attrs = append(attrs, slog.String("error", f.Cause.Error()))
		}
	}
	s.config.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

// requestID is the caller's own id if it is a sane one, else a new one.
func requestID(sent string) string {
	if n := len(sent); n >= 1 && n <= 128 && strings.Trim(sent, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == "" {
		return sent
	}
	return "req_" + strings.ToLower(rand.Text())
}

// clip shortens s to at most n characters.
func clip(s string, n int) string {
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

// secure sets what tells browsers to do nothing with an answer but read it.
func secure(h http.Header, r *http.Request) {
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

// tidy rewrites aliases and refuses paths that are not in their one clean form,
// which are never redirected.
func (s *Server) tidy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.EscapedPath()
		if p == "" || p[0] != '/' || unclean(p) {
			s.unmatched(w, r)
			return
		}
		if to, ok := aliases[p]; ok {
			r.URL.Path, r.URL.RawPath = to, ""
		} else if rest, ok := strings.CutPrefix(p, keyAlias); ok && (rest == "" || rest[0] == '/') {
			r.URL.Path, r.URL.RawPath = keyPath+strings.TrimPrefix(r.URL.Path, keyAlias), keyPath+rest
		}
		next.ServeHTTP(w, r)
	})
}

func unclean(p string) bool {
	clean := path.Clean(p)
	return clean != p && clean+"/" != p
}

// unmatched answers what no route serves: 404, or 405 where another method is.
func (s *Server) unmatched(w http.ResponseWriter, r *http.Request) {
	s.open("", func(w http.ResponseWriter, r *http.Request) {
		err := &problem.Error{Kind: problem.NotFound, Reason: "not_found", Detail: "There is nothing at this path"}
		if allowed := s.allowed(r); len(allowed) > 0 {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			err = &problem.Error{Kind: problem.MethodNotAllowed, Reason: "method_not_allowed", Detail: "This path does not take this method"}
		}
		failer(r)(w, r, err)
	}).ServeHTTP(w, r)
}

// allowed lists the methods that the request's path takes: none if it is not
// in its clean form, by which the mux would find what is behind it.
func (s *Server) allowed(r *http.Request) []string {
	var methods []string
	if unclean(r.URL.EscapedPath()) {
		return nil
	}
	for _, method := range []string{"DELETE", "GET", "HEAD", "PATCH", "POST"} {
		probe := *r
		probe.Method = method
		if _, pattern := s.mux.Handler(&probe); pattern != "" && pattern != "/" {
			methods = append(methods, method)
		}
	}
	return methods
}
