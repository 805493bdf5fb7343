package front

import (
	"net/http"
	"slices"
	"strings"

	connectcors "connectrpc.com/cors"
	"github.com/rs/cors"
)

// origins are the origins whose pages may call the API and use the refresh
// cookie.
type origins struct {
	listed    []string
	localhost bool // on any port
}

// sentHeaders are the headers that scripts may send: those of the API, and those
// that libraries for traces, errors and event streams add by themselves.
var sentHeaders = []string{
	"Authorization", "Idempotency-Key", "X-Request-Id", "X-Open-Wearables-API-Key",
	"Accept", "Baggage", "Cache-Control", "If-None-Match", "Last-Event-ID", "Sentry-Trace", "Traceparent", "Tracestate", "X-Requested-With",
}

// cors permits pages of the origins, and no others, to read answers, and their
// scripts to send the further headers.
func (o origins) cors(further []string) *cors.Cors {
	return cors.New(cors.Options{
		AllowOriginFunc:  o.allows,
		AllowCredentials: true,
		AllowedMethods:   []string{"GET", "POST", "PUT", "PATCH", "DELETE"},
		AllowedHeaders:   slices.Concat(connectcors.AllowedHeaders(), sentHeaders, further),
		ExposedHeaders: append(connectcors.ExposedHeaders(),
			"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit", "RateLimit-Policy",
			"Retry-After", "X-Request-Id", "Idempotent-Replayed", "WWW-Authenticate", "Deprecation", "Sunset", "Link"),
		MaxAge: 3600,
	})
}

// allows reports whether origin is one of the origins.
func (o origins) allows(origin string) bool {
	return slices.Contains(o.listed, origin) || o.localhost && isLocalhost(origin)
}

// isLocalhost reports whether an origin is this machine, on any port.
func isLocalhost(origin string) bool {
	for _, host := range []string{"http://localhost", "http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(origin, host)
		if ok && (rest == "" || rest[0] == ':' && len(rest) > 1 && strings.Trim(rest[1:], "0123456789") == "") {
			return true
		}
	}
	return false
}

// sameSiteCheck returns a function that returns an error for requests from pages
// of other origins. It admits this origin, the allowed ones, and clients that
// are not browsers.
func (o origins) sameSiteCheck() func(*http.Request) error {
	protection := http.NewCrossOriginProtection()
	return func(r *http.Request) error {
		if origin := r.Header.Get("Origin"); origin != "" && o.allows(origin) {
			return nil
		}
		return protection.Check(r)
	}
}

// fromPage reports whether a page of the web sent the request. Its script cannot keep
// the browser from saying so, by an Origin or, in a request to the page's own origin,
// by Sec-Fetch-Site. Sec-Fetch-Mode tells nothing: Node sends it too. Pages in
// applications have an origin of another scheme, and the site "none" is a request of
// the browser itself.
func fromPage(h http.Header) bool {
	if origin := h["Origin"]; len(origin) > 0 {
		return origin[0] == "null" || strings.HasPrefix(origin[0], "http://") || strings.HasPrefix(origin[0], "https://")
	}
	site := h["Sec-Fetch-Site"]
	return len(site) > 0 && site[0] != "" && site[0] != "none"
}
