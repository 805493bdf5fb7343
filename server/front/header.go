package front

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/openwearables/openwearables/internal/problem"
)

// maxHeader is the size of the largest header that is served, with the first line
// of the request. The listener reads somewhat larger ones, so that they are refused
// as everything else is, and the other requests of an HTTP/2 connection go on.
const maxHeader = 16 << 10

// boundHeader is the very first handler. It passes requests with too large a header
// on to refuse, without most of it.
func (f *Front) boundHeader(next, refuse http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if headerSize(r) > maxHeader {
			f.shrinkHeader(r)
			refuse.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func headerTooLarge(w http.ResponseWriter, r *http.Request) {
	surfaceOf(r)(w, r, &problem.Error{
		Kind: problem.HeaderTooLarge, Reason: "header_too_large", Detail: "The header of the request is larger than 16 KiB",
	})
}

// headerSize returns the size of the header as HTTP/1.1 would send it.
func headerSize(r *http.Request) int {
	const line = len(": \r\n")
	n := len(r.Method) + len(r.RequestURI) + len(r.Host) + 2*line
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value) + line
		}
	}
	for name := range r.Trailer { // the names in the field Trailer
		n += len(name) + line
	}
	return n
}

// keptFields are the fields that a refusal reads: who is charged for it, and in which
// form it is answered.
var keptFields = []string{
	"Authorization", "Connection", "Content-Type", "Origin", "User-Agent", "X-Open-Wearables-Api-Key", "X-Request-Id", "X-User-Agent",
}

// maxKept is the size of the longest part of a header that is kept, in bytes.
const maxKept = 1 << 10

// shrinkHeader removes from the request, in place, what a refusal does not read.
// Otherwise callers who send large headers and do not read the answers would hold
// more memory than those whose headers are served.
func (f *Front) shrinkHeader(r *http.Request) {
	hops := strings.Join(r.Header[string(f.clientHeader)], ",")
	for name, values := range r.Header {
		if len(values) != 1 || len(values[0]) > maxKept || !slices.Contains(keptFields, name) {
			delete(r.Header, name)
		}
	}
	if hops != "" { // the last ones are those of the proxies
		r.Header[string(f.clientHeader)] = []string{strings.Clone(hops[max(0, len(hops)-maxKept):])}
	}
	clear(r.Trailer)
	r.Method, r.Host, r.RequestURI = kept(r.Method), kept(r.Host), ""
	r.URL = &url.URL{Path: kept(r.URL.Path)}
}

// kept returns the beginning of s, and lets go of the rest.
func kept(s string) string { return strings.Clone(truncate(s, maxKept)) }
